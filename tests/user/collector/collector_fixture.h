/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* A temporary data folder, batches to fill it with, and single values out of the store. */
#ifndef WT_COLLECTOR_FIXTURE_H
#define WT_COLLECTOR_FIXTURE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/store.h"
#include "user/collector/store_write.h"
#include "user/lib/addr.h"
#include "user/wire/batch.h"

#define HOUR STORE_HOUR_US
#define NOW (500000 * HOUR + 1000000) /* in 2027 */

static char data_dir[64];

static inline void data_make(void)
{
	strcpy(data_dir, "/tmp/wt-collector-XXXXXX");
	cr_assert(mkdtemp(data_dir) != NULL);
}

static inline void data_remove(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", data_dir);
	cr_assert(system(command) == 0);
}

/* rows flows from src and, when counts says so, a ledger of one point that fits them. */
static inline struct batch *make_batch(const char *agent, uint8_t instance, uint64_t sequence,
				       size_t rows, bool has_ledger)
{
	struct batch *b = calloc(1, sizeof(*b));

	b->head = (struct batch_head){ .schema = BATCH_SCHEMA,
				       .sequence = sequence,
				       .interval = sequence,
				       .instance = { instance } };
	snprintf(b->head.agent, sizeof(b->head.agent), "%s", agent);
	snprintf(b->head.host, sizeof(b->head.host), "%s-host", agent);
	b->flows = calloc(rows + 1, sizeof(*b->flows));
	b->flows_len = rows;
	for (size_t i = 0; i < rows; i++) {
		struct flow *f = &b->flows[i];

		*f = (struct flow){ .ifindex = 2,
				    .netns = 1,
				    .proto = 17,
				    .flags = FLOW_COUNTED,
				    .ethertype = 0x0800,
				    .src_port = (uint16_t)i,
				    .dst_port = 53,
				    .packets = 2,
				    .l2_octets = 200,
				    .l3_octets = 172,
				    .sampling = 1,
				    .start_us = NOW - 2000000,
				    .end_us = NOW - 1000000 };
		addr_parse("198.51.100.7", f->src);
		addr_parse("2001:db8::1", f->dst);
	}
	if (!has_ledger)
		return b;
	b->ledger = calloc(1, sizeof(*b->ledger));
	b->ledger_len = 1;
	b->ledger[0] = (struct ledger_row){
		.interval = sequence,
		.start_us = NOW - 2000000,
		.end_us = NOW,
		.ifindex = 2,
		.netns = 1,
		.point = 0,
		.counts_len = 3,
		.counts = { { "seen", 2 * rows + 1, 200 * rows + 60 },
			    { "recorded", 2 * rows, 200 * rows },
			    { "unparsed/bad ihl", 1, 60 } },
	};
	b->interfaces = calloc(1, sizeof(*b->interfaces));
	b->interfaces_len = 1;
	b->interfaces[0] = (struct watched_interface){ 2, 1, "eth0", "tcx" };
	return b;
}

/* All tiers at once. The number of segments dropped. */
static inline unsigned int expire_all(struct store *s, int64_t before_us)
{
	unsigned int dropped = 99;

	cr_assert(store_expire(s, (int64_t[STORE_TIERS]){ before_us, before_us, before_us },
			       &dropped) == 0);
	return dropped;
}

/*
 * The first column of the first row, over a connection of its own: the writer's is the committer
 * thread's, and DuckDB takes one thread a connection.
 */
static inline int64_t value_of(struct store *s, const char *sql)
{
	struct store_reader *reader = NULL;
	duckdb_result res = {};
	char *error = NULL;
	int64_t value;
	int err;

	cr_assert(store_reader_open(s, &reader) == 0, "a reader for: %s", sql);
	err = store_query(reader, sql, NULL, 0, &res, &error);
	cr_assert(err == 0, "%s: %s", sql, error ? error : strerror(-err));
	cr_assert(duckdb_row_count(&res) >= 1, "no row: %s", sql);
	value = duckdb_value_int64(&res, 0, 0);
	duckdb_destroy_result(&res);
	store_reader_close(reader);
	return value;
}

/* Of an hour's flows that are not sealed: "SELECT <what> FROM them <rest>". */
static inline int64_t value_of_rows(struct store *s, int64_t hour, const char *what,
				    const char *rest)
{
	AUTO_FREE char *sql = NULL, *where = NULL;
	int64_t bytes;

	cr_assert(asprintf(&where, "SELECT bytes::BIGINT FROM segments WHERE name = 'flows_%lld'",
			   (long long)hour) > 0);
	bytes = value_of(s, where);
	cr_assert(
		asprintf(&sql,
			 "SELECT %s FROM wt_rows(%lld::BIGINT, %lld::BIGINT, 0::BIGINT, 0::BIGINT, "
			 "%lld::BIGINT) %s",
			 what, (long long)hour, (long long)bytes, (long long)INT64_MAX, rest) > 0);
	return value_of(s, sql);
}

#endif
