// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What a sealed file does not say of a flow, and what a query reads of it all the same. */
#include "user/collector/store_packed.h"

#include "tests/user/collector/seal_fixture.h"
#include "user/collector/store_files.h"

TestSuite(store_packed, .init = setup, .fini = teardown);

#define LONG_OF_SEGMENT "SELECT may_have & 16 FROM segments WHERE name = 'flows_500000'"
#define MINUTE (INT64_C(60) * 1000000)

Test(store_packed, headers_are_what_l2_has_more)
{
	static const struct {
		uint64_t packets, l2, l3;
		uint8_t header;
	} cases[] = {
		{ 1, 100, 100, 0 },
		{ 0, 0, 0, 0 },
		{ 3, 142, 100, 14 },
		{ 3, 143, 100, UINT8_MAX },
		{ 1, 354, 100, 254 },
		{ 1, 355, 100, UINT8_MAX },
		{ 1, 356, 100, UINT8_MAX },
		{ 1, 100, 101, UINT8_MAX },
		{ 0, 100, 99, UINT8_MAX },
		{ INT64_MAX, INT64_MAX, 0, 1 },
		{ 1, INT64_MAX, 0, UINT8_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_expect_eq(store_packed_header(cases[i].packets, cases[i].l2, cases[i].l3),
			     cases[i].header, "%zu", i);
}

/* Of all sorts, and one a minute that lasts longer than the last. */
static void put_sorts(void)
{
	struct batch *b = make_batch("a", 1, 2, 60, true);

	put(1, 1, NOW);
	for (size_t i = 0; i < 60; i++) {
		struct flow *f = &b->flows[i];

		f->start_us = NOW + (int64_t)i * MINUTE + (int64_t)i;
		f->end_us = f->start_us + (int64_t)i * MINUTE / 4;
		f->packets = i % 7;
		f->l2_octets = f->packets * 100 + i % 3;
		f->l3_octets = i % 2 ? f->l2_octets - f->packets * (i % 5 ? 14 : 18)
				     : f->l2_octets + i % 4;
		f->proto = 6;
		f->src_as = (uint32_t)i;
	}
	b->flows[59].packets = b->flows[59].l2_octets = UINT64_MAX;
	b->flows[59].l3_octets = 1;
	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, 1, b, NOW) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
}

/* A number that any other value, in any column but `interval`, would change. */
static int64_t digest(int64_t from_us, int64_t to_us)
{
	char what[2048] = "bit_xor(hash(1";

	for (size_t i = 0; i < FLOW_COLUMNS; i++) {
		if (i == FLOW_INTERVAL)
			continue;
		strcat(what, ", \"");
		strcat(what, store_flow_columns[i].name);
		strcat(what, "\"");
	}
	strcat(what, ") >> 1)::BIGINT");
	return ask(TIER_RAW, from_us, to_us, what);
}

Test(store_packed, all_columns_come_back)
{
	int64_t before;

	put_sorts();
	before = digest(0, INT64_MAX);
	seal_all(LATER);
	cr_assert(is_there("segments/flows_500000.v2.parquet"));
	cr_expect_neq(before, 0);
	cr_expect_eq(digest(0, INT64_MAX), before);
	cr_expect_gt(ask(TIER_RAW, 0, INT64_MAX, "count(*) FILTER (l3_octets > l2_octets)"), 0);
	cr_expect_eq(value_of(store, LONG_OF_SEGMENT), TRAIT_LONG);
}

/* Of every minute, whatever goes beyond its ends; a row group is read, or is passed over. */
Test(store_packed, times_are_of_the_start)
{
	int64_t count[61], sums[61];

	put_sorts();
	for (int i = 0; i <= 60; i++) {
		count[i] = ask(TIER_RAW, NOW + i * MINUTE, NOW + (i + 1) * MINUTE, "count(*)");
		sums[i] = digest(NOW + i * MINUTE, NOW + (i + 1) * MINUTE);
	}
	seal_all(LATER);
	for (int i = 0; i <= 60; i++) {
		cr_expect_eq(ask(TIER_RAW, NOW + i * MINUTE, NOW + (i + 1) * MINUTE, "count(*)"),
			     count[i], "minute %d", i);
		cr_expect_eq(digest(NOW + i * MINUTE, NOW + (i + 1) * MINUTE), sums[i]);
	}
	cr_expect_eq(count[7], 1);
}

/* Rows that end five minutes behind the time are not looked for where none lasts as long. */
Test(store_packed, what_is_short_is_near_its_start)
{
	AUTO_FREE char *source = NULL;
	struct store_tiers tiers;
	struct store_reader *r;
	char bound[64];

	put(1, 10, NOW);
	put(2, 10, NOW + 30 * MINUTE);
	seal_all(LATER);
	cr_expect_eq(value_of(store, LONG_OF_SEGMENT), 0);
	cr_assert(store_reader_open(store, &r) == 0);
	cr_assert(store_source_flows(r, TIER_RAW, NOW - HOUR, NOW + MINUTE, &source, &tiers) == 0);
	store_reader_close(r);
	snprintf(bound, sizeof(bound), "end_us < %" PRId64, NOW + MINUTE + STORE_LONG_US);
	cr_expect(strstr(source, bound), "%s", source);
	cr_expect_eq(ask(TIER_RAW, NOW - HOUR, NOW + MINUTE, "count(*)"), 10);
}

/* What an older version has sealed stays as it is. */
Test(store_packed, files_of_before_are_read)
{
	char sql[512];
	int64_t before, minute;

	put_sorts();
	put(3, 5, NOW + HOUR);
	before = digest(0, INT64_MAX);
	minute = digest(NOW + 20 * MINUTE, NOW + 40 * MINUTE);
	snprintf(sql, sizeof(sql),
		 "COPY (SELECT * FROM wt_rows(500000, %" PRId64 ", 0, 0, %" PRId64
		 ")) TO '%s/segments/old.parquet' (FORMAT parquet)",
		 value_of(store, "SELECT bytes FROM segments WHERE name = 'flows_500000'"),
		 INT64_MAX, data_dir);
	cr_assert(store_run(store, NULL, sql, "") == 0);
	seal_all(LATER);
	snprintf(sql, sizeof(sql),
		 "cd %s/segments && mv old.parquet flows_500000.parquet && "
		 "rm flows_500000.v2.parquet",
		 data_dir);
	cr_assert(system(sql) == 0);
	cr_assert(store_run(store, NULL,
			    "UPDATE segments SET file = 'flows_500000.parquet' WHERE "
			    "name = 'flows_500000'",
			    "") == 0);
	cr_expect_eq(digest(0, INT64_MAX), before);
	cr_expect_eq(digest(NOW + 20 * MINUTE, NOW + 40 * MINUTE), minute);
}
