/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* A store with hours of flows, sealed at will, and sums of what each tier says. */
#ifndef WT_SEAL_FIXTURE_H
#define WT_SEAL_FIXTURE_H

#include <inttypes.h>
#include <unistd.h>

#include "tests/user/collector/collector_fixture.h"
#include "user/collector/store_seal.h"
#include "user/collector/store_source.h"

#define FIRST_HOUR 500000 /* 8:00 of a day */
#define LATER (NOW + 100 * HOUR)

static struct store *store;

static inline void open_it(void)
{
	cr_assert(store_open(data_dir, &store) == 0);
}

static inline void setup(void)
{
	data_make();
	open_it();
}

static inline void teardown(void)
{
	store_close(store);
	data_remove();
}

static inline void reopen(void)
{
	store_close(TAKE(store));
	open_it();
}

/* rows flows of one minute at this time, each with packets of its own and another source. */
static inline void put(uint64_t sequence, size_t rows, int64_t at_us)
{
	static const uint8_t instance[16] = { 1 };
	struct store_exporter e = { 1, "a", instance, "host", "", sequence, 0, 1, at_us };
	struct batch *b = make_batch("a", 1, sequence, rows, true);

	for (size_t i = 0; i < rows; i++) {
		struct flow *f = &b->flows[i];

		f->start_us = f->end_us = at_us - at_us % 60000000 + (int64_t)i;
		f->src[14] = (uint8_t)(i >> 8);
		f->src[15] = (uint8_t)i;
		f->src_port = 40000;
		f->proto = 6;
		f->packets = i + 1;
		f->l2_octets = (i + 1) * 100;
	}
	cr_assert(store_begin(store) == 0);
	if (sequence == 1)
		cr_assert(store_insert_exporter(store, &e) == 0);
	cr_assert(store_append_batch(store, 1, b, at_us) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
}

static inline int64_t ask(enum store_tier tier, int64_t from_us, int64_t to_us, const char *what)
{
	AUTO_FREE char *source = NULL, *sql = NULL, *error = NULL;
	struct store_reader *r;
	struct store_tiers tiers;
	duckdb_result res = {};
	int64_t n;

	cr_assert(store_reader_open(store, &r) == 0);
	cr_assert(store_reader_begin(r) == 0);
	cr_assert(store_source_flows(r, tier, from_us, to_us, &source, &tiers) == 0);
	cr_assert(asprintf(&sql,
			   "SELECT coalesce(%s, 0)::BIGINT FROM %s WHERE start_us >= %" PRId64
			   " AND start_us < %" PRId64,
			   what, source, from_us, to_us) > 0);
	cr_assert(store_query(r, sql, NULL, 0, &res, &error) == 0, "%s: %s", sql, error);
	n = duckdb_value_int64(&res, 0, 0);
	duckdb_destroy_result(&res);
	store_reader_close(r);
	return n;
}

static inline int64_t packets(enum store_tier tier)
{
	return ask(tier, 0, INT64_MAX, "sum(packets)");
}

static inline int64_t sum_to(int64_t n)
{
	return n * (n + 1) / 2;
}

static inline void seal_all(int64_t now_us)
{
	struct store_sealing job;

	while (!store_seal_next(store, now_us, &job)) {
		cr_assert(store_seal_write(store, &job) == 0);
		cr_assert(store_seal_publish(store, &job) == 0);
	}
}

static inline bool is_there(const char *file)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", data_dir, file);
	return access(path, F_OK) == 0;
}

#endif
