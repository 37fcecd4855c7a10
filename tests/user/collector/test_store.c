// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The store: one transaction or nothing, tables by hour of arrival, snapshots, retention. */
#include "user/collector/store.h"

#include <errno.h>
#include <inttypes.h>

#include "user/collector/pipeline.h"
#include "user/lib/addr.h"
#include "tests/user/collector/collector_fixture.h"
#include "user/lib/clock.h"

static struct store *store;

static void setup(void)
{
	data_make();
	cr_assert(store_open(data_dir, &store) == 0);
}

static void teardown(void)
{
	store_close(store);
	data_remove();
}

TestSuite(store, .init = setup, .fini = teardown);

static void reopen(void)
{
	store_close(store);
	store = NULL;
	cr_assert(store_open(data_dir, &store) == 0);
}

static void put_exporter(uint32_t id, int64_t last_us)
{
	static const uint8_t instance[16] = { 1, 2, 3 };
	struct store_exporter e = { id, "a", instance, "host", "", 7, 1, last_us, last_us };

	cr_assert(store_insert_exporter(store, &e) == 0);
}

static void append(uint32_t id, uint64_t sequence, size_t rows, int64_t arrived_us)
{
	struct batch *b = make_batch("a", 1, sequence, rows, true);

	cr_assert(store_append_batch(store, id, b, arrived_us) == 0);
	batch_free(b);
}

Test(store, keeps_every_column)
{
	struct batch *b = make_batch("a", 1, 9, 1, false);
	struct flow *f = &b->flows[0];

	f->flags = FLOW_EGRESS | FLOW_INNER | 4 << FLOW_TUNNEL_SHIFT;
	f->vlan_outer = 0x1001;
	f->vlan_inner = 0x1fff;
	f->tunnel_id = 0xffffff;
	f->kind = FLOW_FOLD;
	f->dscp = 63;
	f->ttl_min = 1;
	f->ttl_max = 255;
	f->tcp_flags = 0xfff;
	f->sampling = 1000;
	f->packets = 1ull << 48;
	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, 3, b, NOW) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
	cr_expect(
		value_of_rows(
			store, 500000, "count(*)",
			"WHERE exporter_id = 3 AND \"interval\" = 9 "
			"AND src_hi = 0 AND src_lo = 281474007000071 AND dst_hi = 2306139568115548160 "
			"AND dst_lo = 1 AND src_port = 0 AND dst_port = 53 AND ethertype = 2048 "
			"AND proto = 17 AND flags = 73 AND kind = 1 AND ifindex = 2 AND netns = 1 "
			"AND vlan_outer = 4097 AND vlan_inner = 8191 AND tunnel_id = 16777215 "
			"AND packets = 281474976710656 AND l2_octets = 200 AND l3_octets = 172 "
			"AND tcp_flags = 4095 AND dscp = 63 AND ttl_min = 1 AND ttl_max = 255 "
			"AND sampling = 1000") == 1);
}

/* Around the size of a chunk and of a row group. */
Test(store, counts_rows_of_any_number)
{
	static const size_t sizes[] = { 1, 2047, 2048, 2049, 4096, 65536 };
	int64_t want = 0;

	cr_assert(store_begin(store) == 0);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		append(1, i + 1, sizes[i], NOW);
		want += (int64_t)sizes[i];
	}
	cr_assert(store_commit(store) == 0);
	cr_expect(value_of_rows(store, 500000, "count(*)", "") == want);
	cr_expect(value_of(store, "SELECT rows FROM segments") == want);
	cr_expect(value_of(store, "SELECT count(*) FROM ledger") == 3 * ARRAY_LEN(sizes));
}

Test(store, rolls_everything_back)
{
	cr_assert(store_begin(store) == 0);
	put_exporter(1, NOW);
	append(1, 1, 3000, NOW);
	cr_assert(store_put_position(store, (struct log_position){ 5, 6 }) == 0);
	store_rollback(store);
	cr_expect(value_of(store, "SELECT count(*) FROM exporters") == 0);
	cr_expect(value_of(store, "SELECT count(*) FROM segments") == 0);
	cr_expect(value_of(store, "SELECT count(*) FROM ledger") == 0);
	cr_expect(value_of(store, "SELECT segment FROM log_position") == 0);
	cr_assert(store_begin(store) == 0);
	append(1, 1, 10, NOW);
	cr_assert(store_commit(store) == 0);
	cr_expect(value_of_rows(store, 500000, "count(*)", "") == 10,
		  "the table of the hour is made again");
}

Test(store, comes_back_as_it_was)
{
	struct log_position end = {};

	cr_assert(store_begin(store) == 0);
	put_exporter(1, NOW);
	append(1, 1, 3000, NOW);
	cr_assert(store_put_position(store, (struct log_position){ 5, 6 }) == 0);
	cr_assert(store_commit(store) == 0);
	reopen();
	cr_assert(store_position(store, &end) == 0);
	cr_expect(end.segment == 5 && end.offset == 6);
	cr_expect(value_of_rows(store, 500000, "count(*)", "") == 3000);
}

Test(store, has_a_table_for_each_hour)
{
	cr_assert(store_begin(store) == 0);
	for (int i = 0; i < 3; i++)
		append(1, (uint64_t)i + 1, 100, NOW + i * HOUR);
	append(1, 4, 50, NOW);
	cr_assert(store_commit(store) == 0);
	cr_expect(value_of(store, "SELECT count(*) FROM segments") == 3);
	cr_expect(value_of(store, "SELECT rows FROM segments WHERE name = 'flows_500000'") == 150);
	cr_expect(value_of_rows(store, 500002, "count(*)", "") == 100);
}

Test(store, refuses_a_newer_schema)
{
	struct store *newer = NULL;

	cr_assert(store_run(store, NULL, "UPDATE meta SET value = 99", "") == 0);
	store_close(TAKE(store));
	cr_expect(store_open(data_dir, &newer) == -EPROTONOSUPPORT);
	cr_expect(newer == NULL);
}

/* What version 6 had instead of a file. */
static void as_table(int64_t hour)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "CREATE TABLE flows_%" PRId64 " AS FROM wt_rows(%" PRId64 "::BIGINT, %" PRId64
		 "::BIGINT, 0::BIGINT, 0::BIGINT, 9000000000000000000::BIGINT)",
		 hour, hour,
		 value_of(store,
			  "SELECT bytes::BIGINT FROM segments WHERE starts_with(name, 'flows')"));
	cr_assert(store_run(store, NULL, sql, "") == 0);
	cr_assert(store_run(store, NULL, "UPDATE segments SET bytes = 0", "") == 0);
}

/* Version 1 had flows alone, and listed flows only; 2 had neither host counts nor latencies. */
Test(store, brings_up_the_schema_before)
{
	cr_assert(store_begin(store) == 0);
	append(1, 1, 5, NOW);
	cr_assert(store_commit(store) == 0);
	as_table(500000);
	cr_assert(store_run(store, NULL, "DROP TABLE connections_none", "") == 0);
	cr_assert(store_run(store, NULL, "DROP TABLE drops_none", "") == 0);
	cr_assert(store_run(store, NULL, "DROP TABLE host_counts_none", "") == 0);
	cr_assert(store_run(store, NULL, "DROP TABLE latencies_none", "") == 0);
	cr_assert(store_run(store, NULL, "UPDATE meta SET value = 1", "") == 0);
	reopen();
	cr_expect(value_of(store, "SELECT value FROM meta WHERE key = 'schema'") == STORE_SCHEMA);
	cr_expect(value_of(store, "SELECT count(*) FROM flows_500000") == 5);
	cr_expect(value_of(store, "SELECT count(*) FROM connections_none") == 0);
	cr_expect(value_of(store, "SELECT count(*) FROM drops_none") == 0);
	cr_expect(value_of(store, "SELECT count(*) FROM host_counts_none") == 0);
	cr_expect(value_of(store, "SELECT count(*) FROM latencies_none") == 0);
	cr_assert(store_run(store, NULL, "UPDATE meta SET value = 2", "") == 0);
	reopen();
	cr_expect(value_of(store, "SELECT value FROM meta WHERE key = 'schema'") == STORE_SCHEMA);
}

/*
 * Version 4 had no columns of flow exporters: the hour it left open is read with them. It takes no
 * more rows, which go into the next.
 */
Test(store, goes_on_with_a_narrow_table)
{
	cr_assert(store_begin(store) == 0);
	append(1, 1, 5, NOW);
	cr_assert(store_commit(store) == 0);
	as_table(500000);
	cr_assert(store_run(store, NULL, "ALTER TABLE flows_500000 DROP COLUMN src_as", "") == 0);
	cr_assert(store_run(store, NULL, "ALTER TABLE flows_500000 DROP COLUMN dst_as", "") == 0);
	cr_assert(store_run(store, NULL, "ALTER TABLE flows_500000 DROP COLUMN peer_ifindex", "") ==
		  0);
	cr_assert(store_run(store, NULL, "UPDATE meta SET value = 4 WHERE key = 'schema'", "") ==
		  0);
	reopen();
	cr_assert(store_begin(store) == 0);
	append(1, 2, 3, NOW);
	cr_assert(store_commit(store) == 0);
	cr_expect(value_of(store, "SELECT count(*) FROM flows_500000 WHERE src_as = 0") == 5);
	cr_expect(value_of_rows(store, 500001, "count(*)", "") == 3);
	cr_expect(value_of(store, "SELECT count(*) FROM meta WHERE key = 'narrow'") == 1);
}

Test(store, refuses_files_and_settings_from_queries)
{
	static const char *const statements[] = {
		"SELECT * FROM read_csv('/etc/passwd')",
		"COPY segments TO '/tmp/wt-must-not-be'",
		"ATTACH '/tmp/wt-must-not-be.db'",
		"INSTALL httpfs",
		"LOAD httpfs",
		"SET enable_external_access = true",
	};
	struct store_reader *r;

	cr_assert(store_reader_open(store, &r) == 0);
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		duckdb_result res = {};
		char *error;
		int err = store_query(r, statements[i], NULL, 0, &res, &error);

		cr_expect(err == -EINVAL, "%s: %d", statements[i], err);
		if (!err)
			duckdb_destroy_result(&res);
		free(error);
	}
	store_reader_close(r);
}

Test(store, stops_a_query_at_the_deadline, .timeout = 60)
{
	struct store_reader *r;
	duckdb_result res = {};
	char *error;
	int64_t start_ns = monotonic_ns();
	int err;

	cr_assert(store_reader_open(store, &r) == 0);
	err = store_query(r,
			  "SELECT count(*) FROM range(10000000) a, range(10000000) b "
			  "WHERE a.range * b.range = 7",
			  NULL, 0, &res, &error);
	cr_expect(err == -ETIME, "%d %s", err, error ? error : "");
	cr_expect(monotonic_ns() - start_ns < 2 * STORE_QUERY_DEADLINE_MS * INT64_C(1000000));
	free(error);
	err = store_query(r, "SELECT 1", NULL, 0, &res, &error);
	cr_expect(err == 0, "the reader is of use afterwards");
	duckdb_destroy_result(&res);
	store_reader_close(r);
}

static int64_t read_count(struct store_reader *r, const char *source)
{
	AUTO_FREE char *sql = NULL, *error = NULL;
	duckdb_result res = {};
	int64_t n;

	cr_assert(asprintf(&sql, "SELECT count(*) FROM %s", source) > 0);
	cr_assert(store_query(r, sql, NULL, 0, &res, &error) == 0, "%s: %s", sql, error);
	n = duckdb_value_int64(&res, 0, 0);
	duckdb_destroy_result(&res);
	return n;
}

Test(store, gives_rows_of_a_range)
{
	static const struct {
		const char *name;
		int64_t from_us, to_us, rows;
	} cases[] = {
		{ "before all", 0, NOW - 2000000, 0 },
		{ "first row", 0, NOW - 1999999, 30 },
		{ "they only end in it", NOW - 1000000, NOW, 0 },
		{ "behind all", NOW - 999999, NOW, 0 },
		{ "until they start", 0, NOW - 2000000, 0 },
		{ "everything", INT64_MIN, INT64_MAX, 30 },
	};
	struct store_reader *r;

	cr_assert(store_begin(store) == 0);
	append(1, 1, 10, NOW);
	append(1, 2, 20, NOW + HOUR);
	cr_assert(store_commit(store) == 0);
	cr_assert(store_reader_open(store, &r) == 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *source = NULL;

		cr_assert(store_source(r, SERIES_FLOWS, cases[i].from_us, cases[i].to_us,
				       &source) == 0);
		cr_expect(read_count(r, source) == cases[i].rows, "%s: %s", cases[i].name, source);
	}
	store_reader_close(r);
}

Test(store, keeps_a_snapshot_over_retention)
{
	AUTO_FREE char *source = NULL;
	struct store_reader *r;
	unsigned int dropped;

	cr_assert(store_begin(store) == 0);
	append(1, 1, 5000, NOW);
	cr_assert(store_commit(store) == 0);
	cr_assert(store_reader_open(store, &r) == 0);
	cr_assert(store_reader_begin(r) == 0);
	cr_assert(store_source(r, SERIES_FLOWS, INT64_MIN, INT64_MAX, &source) == 0);
	dropped = expire_all(store, NOW + 2 * HOUR);
	cr_expect(dropped == 1);
	cr_expect(read_count(r, source) == 5000);
	store_reader_end(r);
	cr_expect(read_count(r, "segments") == 0);
	store_reader_close(r);
}

Test(store, expires_whole_hours_only)
{
	static const struct {
		const char *name;
		int64_t before_us;
		unsigned int dropped;
	} cases[] = {
		{ "in the first hour", NOW, 0 },
		{ "a moment before its end", 500001 * HOUR - 1, 0 },
		{ "at its end", 500001 * HOUR, 1 },
		{ "again", 500001 * HOUR, 0 },
		{ "all", 500003 * HOUR, 2 },
	};

	cr_assert(store_begin(store) == 0);
	put_exporter(1, NOW + 2 * HOUR);
	for (int i = 0; i < 3; i++)
		append(1, (uint64_t)i + 1, 100, NOW + i * HOUR);
	cr_assert(store_commit(store) == 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned int dropped = 99;

		dropped = expire_all(store, cases[i].before_us);
		cr_expect(dropped == cases[i].dropped, "%s: %u", cases[i].name, dropped);
	}
	cr_expect(value_of(store, "SELECT count(*) FROM segments") == 0);
	cr_expect(value_of(store, "SELECT count(*) FROM ledger") == 0);
	cr_expect(value_of(store, "SELECT count(*) FROM exporters") == 0);
}

/* Interval 2 has rows in two hours: when the first goes, it can no longer be audited. */
Test(store, remembers_which_intervals_are_no_longer_whole)
{
	struct batch *b = make_batch("a", 1, 2, 10, false);
	unsigned int dropped;

	cr_assert(store_begin(store) == 0);
	put_exporter(1, NOW + HOUR);
	append(1, 1, 10, NOW);
	cr_assert(store_append_batch(store, 1, b, NOW) == 0);
	append(1, 2, 10, NOW + HOUR);
	append(1, 3, 10, NOW + HOUR);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
	dropped = expire_all(store, NOW + HOUR);
	cr_expect(dropped == 1);
	cr_expect(value_of(store, "SELECT expired_interval FROM exporters") == 2);
	cr_expect(value_of(store, "SELECT count(DISTINCT \"interval\") FROM ledger") == 2,
		  "2 and 3: their ledgers came in the hour that is still there");
}

Test(store, knows_its_size_and_its_oldest_hour)
{
	uint64_t empty, full;

	cr_expect(store_drop_oldest(store, INT64_MAX) == -ENOENT);
	cr_assert(store_used_bytes(store, &empty) == 0);
	cr_assert(store_begin(store) == 0);
	append(1, 1, 65536, NOW);
	append(1, 2, 65536, NOW);
	cr_assert(store_commit(store) == 0);
	cr_assert(store_used_bytes(store, &full) == 0);
	cr_expect(full > empty, "%" PRIu64 " > %" PRIu64, full, empty);
	cr_expect(store_drop_oldest(store, 500001 * HOUR - 1) == -ENOENT, "it is being filled");
	cr_assert(store_begin(store) == 0);
	put_exporter(1, NOW);
	cr_expect(store_checkpoint(store) == -EBUSY, "while somebody writes");
	cr_assert(store_commit(store) == 0);
	cr_expect(store_checkpoint(store) == 0);
	cr_expect(store_file_bytes(store) > 0);
}

/* Addresses as text, as addr_format() has them (RFC 5952): exports and the API say the same. */
Test(store, addresses_as_text)
{
	static const char *const texts[] = {
		"0.0.0.0",
		"10.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"2001:db8::1",
		"2001:db8::1:0:0:1",
		"1:0:0:2::3",
		"1::2:0:0:3:4",
		"fe80::a:b:c:d",
		"1:2:3:4:5:6:7:8",
		"1:0:3:4:5:6:7:8",
		"0:1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:0",
		"a::",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char sql[256], text[ADDR_TEXT_MAX];
		uint8_t address[16];

		cr_assert(addr_parse(texts[i], address) == 0, "%s", texts[i]);
		addr_format(address, text);
		snprintf(sql, sizeof(sql),
			 "SELECT (wt_ip(%" PRIu64 "::UBIGINT, %" PRIu64
			 "::UBIGINT) = '%s')::INTEGER",
			 addr_hi(address), addr_lo(address), text);
		cr_expect(value_of(store, sql) == 1, "%s", text);
	}
}
