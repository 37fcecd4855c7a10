/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* A store in a temporary directory, filled with rows a test writes down, for tests of queries. */
#ifndef WT_TEST_QUERY_FIXTURE_H
#define WT_TEST_QUERY_FIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/store.h"
#include "user/collector/store_write.h"
#include "user/lib/addr.h"
#include "user/lib/log.h"
#include "user/wire/batch.h"

#define T0 INT64_C(1700000000000000) /* µs: when the rows of a fixture start */

struct fixture {
	char dir[64];
	struct store *store;
	struct store_reader *reader;
};

static inline void fixture_open(struct fixture *fx)
{
	log_init("test", LOG_ERROR, false);
	strcpy(fx->dir, "/tmp/wiretally-test-XXXXXX");
	cr_assert_not_null(mkdtemp(fx->dir));
	cr_assert_eq(store_open(fx->dir, &fx->store), 0);
	cr_assert_eq(store_reader_open(fx->store, &fx->reader), 0);
}

static inline void fixture_close(struct fixture *fx)
{
	char command[128];

	store_reader_close(fx->reader);
	store_close(fx->store);
	snprintf(command, sizeof(command), "rm -rf '%s'", fx->dir);
	cr_assert_eq(system(command), 0);
}

static inline struct flow fixture_flow(const char *src, const char *dst)
{
	struct flow flow = { .ifindex = 2,
			     .netns = 7,
			     .ethertype = 0x0800,
			     .proto = 6,
			     .flags = FLOW_COUNTED,
			     .packets = 1,
			     .l2_octets = 100,
			     .l3_octets = 86,
			     .sampling = 1,
			     .ttl_min = 64,
			     .ttl_max = 64,
			     .start_us = T0,
			     .end_us = T0 };

	if (src) {
		cr_assert_eq(addr_parse(src, flow.src), 0, "%s", src);
		cr_assert_eq(addr_parse(dst, flow.dst), 0, "%s", dst);
		flow.ethertype = addr_is_v4(flow.src) ? 0x0800 : 0x86dd;
	}
	return flow;
}

struct fixture_exporter {
	uint32_t id;
	const char *agent, *host, *exporter;
};

static inline void fixture_exporter(struct fixture *fx, const struct fixture_exporter *e)
{
	static const uint8_t instance[16];
	struct store_exporter row = { .id = e->id,
				      .agent = e->agent,
				      .instance = instance,
				      .host = e->host,
				      .exporter = e->exporter,
				      .first_us = T0,
				      .last_us = T0 + 3600000000 };

	cr_assert_eq(store_begin(fx->store), 0);
	cr_assert_eq(store_insert_exporter(fx->store, &row), 0);
	cr_assert_eq(store_commit(fx->store), 0);
}

static inline void fixture_interface(struct fixture *fx, const char *agent, uint32_t index,
				     const char *name)
{
	struct watched_interface w = { .index = index, .netns = 7, .hook = "tcx" };

	strcpy(w.name, name);
	cr_assert_eq(store_begin(fx->store), 0);
	cr_assert_eq(store_put_interface(fx->store, agent, &w, T0), 0);
	cr_assert_eq(store_commit(fx->store), 0);
}

static inline void fixture_rows(struct fixture *fx, uint32_t exporter_id, struct flow *flows,
				size_t len)
{
	struct batch b = { .flows = flows, .flows_len = len };

	cr_assert_eq(store_begin(fx->store), 0);
	cr_assert_eq(store_append_batch(fx->store, exporter_id, &b, T0), 0);
	cr_assert_eq(store_commit(fx->store), 0);
}

#endif
