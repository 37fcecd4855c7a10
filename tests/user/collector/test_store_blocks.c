// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Hours that still get rows: what a transaction never committed is not there, whoever died when. */
#include "user/collector/store_blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/user/collector/seal_fixture.h"
#include "user/collector/store_block.h"
#include "user/collector/store_files.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_minutes.h"
#include "user/collector/store_rollup.h"

TestSuite(store_blocks, .init = setup, .fini = teardown);

#define FILE_OF_HOUR "segments/flows_500000.rows"

static void append(uint64_t sequence, size_t rows)
{
	struct batch *b = make_batch("a", 1, sequence, rows, false);

	cr_assert(store_append_batch(store, 1, b, NOW) == 0);
	batch_free(b);
}

static int64_t rows_there(void)
{
	return ask(TIER_RAW, INT64_MIN, INT64_MAX, "count(*)");
}

static int64_t file_bytes(void)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" FILE_OF_HOUR, data_dir);
	cr_assert(stat(path, &st) == 0);
	return st.st_size;
}

static int64_t listed_bytes(void)
{
	return value_of(store, "SELECT bytes::BIGINT FROM segments WHERE name = 'flows_500000'");
}

/* More than a block, so that some are in the file before the transaction ends. */
Test(store_blocks, overwrites_what_was_rolled_back)
{
	put(1, 10, NOW);
	for (int i = 0; i < 3; i++) {
		cr_assert(store_begin(store) == 0);
		append(2, 40000);
		store_rollback(store);
		cr_expect(file_bytes() > listed_bytes(), "some of it had been written");
		cr_expect(rows_there() == 10 && packets(TIER_RAW) == sum_to(10));
	}
	put(2, 5, NOW);
	cr_expect(file_bytes() == listed_bytes());
	cr_expect(rows_there() == 10 + 5);
	cr_expect(packets(TIER_RAW) == sum_to(10) + sum_to(5));
}

Test(store_blocks, knows_nothing_of_a_transaction_that_a_kill_ended)
{
	int status;
	pid_t pid;

	put(1, 10, NOW);
	for (int i = 0; i < 3; i++) {
		store_close(TAKE(store));
		pid = fork();
		if (!pid) {
			open_it();
			if (store_begin(store))
				_exit(2);
			append(2, 40000);
			_exit(0);
		}
		cr_assert(waitpid(pid, &status, 0) == pid && status == 0);
		open_it();
		cr_expect(file_bytes() > listed_bytes());
		cr_expect(rows_there() == 10 + i);
		put(3, 1, NOW);
		cr_expect(file_bytes() == listed_bytes(), "what came of it is gone");
		cr_expect(rows_there() == 11 + i);
	}
	seal_all(LATER);
	cr_expect(rows_there() == 13 && packets(TIER_HOUR) == sum_to(10) + 3);
	store_files_sweep(store);
	cr_expect(!is_there(FILE_OF_HOUR));
}

Test(store_blocks, goes_on_after_a_restart)
{
	for (uint64_t i = 0; i < 5; i++) {
		put(i + 1, 3000, NOW);
		reopen();
		cr_expect(rows_there() == (int64_t)(i + 1) * 3000);
	}
	cr_expect(packets(TIER_RAW) == 5 * sum_to(3000));
}

/* What a reader began with stays as it was, and readable, while rows come and all is sealed. */
Test(store_blocks, leaves_a_snapshot_its_rows)
{
	AUTO_FREE char *source = NULL, *sql = NULL;
	struct store_tiers tiers;
	struct store_reader *r;
	duckdb_result res = {};

	put(1, 10, NOW);
	cr_assert(store_reader_open(store, &r) == 0);
	cr_assert(store_reader_begin(r) == 0);
	cr_assert(store_source_flows(r, TIER_RAW, 0, INT64_MAX, &source, &tiers) == 0);
	cr_expect(!(tiers.may_have & TRAIT_FOLD) && !tiers.has_files);
	put(2, 20, NOW);
	seal_all(LATER);
	store_files_sweep(store);
	cr_expect(is_there(FILE_OF_HOUR), "somebody may still read it");
	cr_assert(asprintf(&sql, "SELECT count(*) FROM %s", source) > 0);
	cr_assert(store_query(r, sql, NULL, 0, &res, NULL) == 0);
	cr_expect(duckdb_value_int64(&res, 0, 0) == 10);
	duckdb_destroy_result(&res);
	store_reader_end(r);
	store_files_sweep(store);
	cr_expect(!is_there(FILE_OF_HOUR));
	cr_expect(rows_there() == 30);
	store_reader_close(r);
}

/* Behind a cursor, across blocks and within one. */
Test(store_blocks, are_read_from_any_row_on)
{
	static const size_t sizes[] = { 7, 1, 20000, 3 };
	int64_t all = 0;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		put(i + 1, sizes[i], NOW);
		all += (int64_t)sizes[i];
	}
	for (int64_t skip = 0; skip <= all; skip += skip < 9 ? 1 : 1777) {
		char what[160];

		snprintf(what, sizeof(what),
			 "(SELECT count(*) FROM wt_rows(500000::BIGINT, %" PRId64
			 "::BIGINT, %" PRId64 "::BIGINT, 0::BIGINT, 9000000000000000000::BIGINT))",
			 listed_bytes(), skip);
		cr_expect(ask(TIER_RAW, 0, INT64_MAX, what) == all - skip, "%" PRId64, skip);
	}
}

/* ---- damage --------------------------------------------------------------------------------- */

static void damage_rows(off_t at, bool truncate_it)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/" FILE_OF_HOUR, data_dir);
	fd = open(path, O_WRONLY);
	cr_assert(fd >= 0);
	cr_assert(truncate_it ? ftruncate(fd, at) == 0 : pwrite(fd, "damaged", 7, at) == 7);
	close(fd);
}

Test(store_blocks, sets_aside_what_is_cut_short)
{
	static const off_t cuts[] = { 0, 3, 300, 900 };

	for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
		put(1, 100, NOW);
		put(2, 20, NOW + HOUR);
		store_close(TAKE(store));
		damage_rows(cuts[i], true);
		open_it();
		cr_expect(is_there("quarantine/flows_500000.rows"), "cut at %d", (int)cuts[i]);
		cr_expect(rows_there() == 20, "the other hour is as it was");
		put(3, 5, NOW);
		cr_expect(rows_there() == 25, "and this one begins again");
		teardown();
		setup();
	}
}

static int try_to_put(uint64_t sequence)
{
	int err = store_begin(store);

	if (err)
		return err;
	append(sequence, 7);
	err = store_commit(store);
	if (err)
		store_rollback(store);
	return err;
}

/* Somebody removes the file that is written to, or cuts it: that hour is lost, and no other row. */
Test(store_blocks, goes_on_without_a_file_that_is_gone)
{
	for (int is_cut = 0; is_cut < 2; is_cut++) {
		char path[160];

		put(1, 100, NOW);
		put(2, 20, NOW - HOUR);
		put(3, 10, NOW);
		snprintf(path, sizeof(path), "%s/" FILE_OF_HOUR, data_dir);
		cr_assert((is_cut ? truncate(path, 300) : unlink(path)) == 0);
		cr_expect(try_to_put(4) == -EBADMSG, "cut: %d", is_cut);
		cr_assert(try_to_put(4) == 0);
		cr_expect(rows_there() == 20 + 7, "%" PRId64, rows_there());
		cr_assert(try_to_put(5) == 0);
		reopen();
		cr_expect(rows_there() == 20 + 14);
		teardown();
		setup();
	}
}

/* Heads say where all is: what they lead to is looked at before it is sealed. */
Test(store_blocks, does_not_seal_what_was_changed)
{
	struct store_sealing job;

	put(1, 100, NOW);
	damage_rows(sizeof(struct block_head) + 64, false);
	cr_assert(store_seal_next(store, LATER, &job) == 0);
	cr_expect(store_seal_write(store, &job) == -EBADMSG);
	store_seal_abandon(store, &job);
	cr_expect(store_is_suspect(store), "all files are looked at soon");
	cr_expect(store_file_check(store, &job.table, false) == 0);
	cr_expect(store_file_check(store, &job.table, true) == -EBADMSG);
	cr_assert(store_file_quarantine(store, &job.table) == 0);
	cr_expect(is_there("quarantine/flows_500000.rows") && rows_there() == 0);
}

Test(store_blocks, answers_with_an_error_where_a_head_is_damaged)
{
	AUTO_FREE char *source = NULL, *sql = NULL, *error = NULL;
	struct store_tiers tiers;
	struct store_reader *r;
	duckdb_result res = {};

	put(1, 100, NOW);
	cr_assert(store_reader_open(store, &r) == 0);
	cr_assert(store_source_flows(r, TIER_RAW, 0, INT64_MAX, &source, &tiers) == 0);
	damage_rows(0, false);
	cr_assert(asprintf(&sql, "SELECT sum(packets) FROM %s", source) > 0);
	cr_expect(store_query(r, sql, NULL, 0, &res, &error) == -EINVAL);
	cr_expect(error && strstr(error, "damaged"), "%s", error);
	cr_expect(store_is_suspect(store));
	store_reader_close(r);
}

/* The database is lost: its rows are too, but nobody throws them away. */
Test(store_blocks, keeps_rows_that_no_database_lists)
{
	char path[96];

	for (int gone = 0; gone < 2; gone++) {
		put(1, 100, NOW);
		store_close(TAKE(store));
		snprintf(path, sizeof(path), "%s/wiretally.duckdb", data_dir);
		cr_assert((gone ? unlink(path) : truncate(path, 5000)) == 0);
		open_it();
		cr_expect(rows_there() == 0);
		cr_expect(is_there("quarantine/flows_500000.rows"));
		teardown();
		setup();
	}
}

/* ---- minutes -------------------------------------------------------------------------------- */

Test(store_blocks, has_slices_that_cover_all_of_time)
{
	static const struct {
		uint64_t rows;
		size_t slices;
	} cases[] = { { 0, 1 },
		      { MINUTES_SLICE_ROWS - 1, 1 },
		      { MINUTES_SLICE_ROWS, 2 },
		      { 6 * MINUTES_SLICE_ROWS, 7 },
		      { 1000 * MINUTES_SLICE_ROWS, 60 } };
	const int64_t start = FIRST_HOUR * HOUR;
	const struct block_entry blocks[] = {
		{ .rows = 10, .min_start_us = start - 5, .max_end_us = start + 5 },
		{ .rows = 7, .min_start_us = start + HOUR - 1, .max_end_us = start + HOUR + 9 }
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct store_segment table = { .number = FIRST_HOUR, .rows = cases[i].rows };
		AUTO_FREE struct minutes_slice *s = NULL;
		size_t len = 0;

		cr_assert(store_minutes_slices(&table, blocks, 2, &s, &len) == 0);
		cr_assert(len == cases[i].slices, "%zu slices", len);
		cr_expect(s[0].from_us == INT64_MIN && s[len - 1].to_us == INT64_MAX);
		for (size_t k = 1; k < len; k++)
			cr_expect(s[k].from_us == s[k - 1].to_us && s[k].from_us % 60000000 == 0);
		cr_expect(s[0].rows == (len > 1 ? 10 : 17) &&
			  s[len - 1].rows == (len > 1 ? 7 : 17));
	}
}

/* Many minutes, some of them outside of the hour, and more conversations than one keeps. */
static void put_minutes(void)
{
	for (int m = -3; m < 64; m += 3)
		put((uint64_t)(m + 4), m % 2 ? 1500 : 40,
		    FIRST_HOUR * HOUR + m * INT64_C(60000000));
}

/* Of every kind, 2,000 to a minute; octets are all different, so that nobody has to choose. */
static void put_kinds(void)
{
	static const uint8_t protos[] = { 1, 6, 17, 47, 58, 132, 0 };
	static const uint16_t ethertypes[] = { 0x0800, 0x0800, 0x86dd, 0x0806 };
	struct batch *b = make_batch("a", 1, 900, 6000, true);

	for (size_t i = 0; i < b->flows_len; i++) {
		struct flow *f = &b->flows[i];

		f->start_us = FIRST_HOUR * HOUR + (int64_t)i * 30000;
		f->end_us = f->start_us + (int64_t)(i % 100) * 1000000;
		f->src[14] = (uint8_t)(i % 41);
		f->src[15] = (uint8_t)(i % 29);
		f->dst[0] = i % 11 ? 0 : 0x20;
		f->proto = protos[i % ARRAY_LEN(protos)];
		f->ethertype = ethertypes[i % 13 % ARRAY_LEN(ethertypes)];
		f->kind = i % 97 ? FLOW_RECORD : FLOW_FOLD;
		f->flags = (uint8_t)(i % 16);
		f->src_port = (uint16_t)(i % 5 ? 40000 + i % 3 : 0);
		f->dst_port = (uint16_t)(i % 7 ? 443 : 0);
		f->ifindex = (uint32_t)(1 + i % 3);
		f->netns = (uint32_t)(i % 2);
		f->vlan_outer = (uint16_t)(i % 17 ? 0 : 4096 + 5);
		f->vlan_inner = (uint16_t)(i % 34 ? 0 : 4096 + 6);
		f->tunnel_id = (uint32_t)(i % 19 ? 0 : 77);
		f->packets = i % 10 + 1;
		f->l2_octets = 1000 + i * 7;
		f->l3_octets = i % 3000 ? 900 + i * 7 : UINT64_MAX;
		f->tcp_flags = (uint16_t)(1 << i % 8);
		f->dscp = 10;
		f->ttl_min = (uint8_t)(30 + i % 30);
		f->ttl_max = (uint8_t)(60 + i % 30);
		f->sampling = (uint32_t)(1 + i % 2);
		f->src_as = f->src[15];
		f->dst_as = 64500;
		f->peer_ifindex = 9;
	}
	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, 1, b, FIRST_HOUR * HOUR) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
}

static int64_t differing(duckdb_connection c, const char *a, const char *b)
{
	AUTO_FREE char *sql = NULL;
	duckdb_result res = {};
	int64_t n;

	cr_assert(asprintf(&sql, "SELECT count(*) FROM (FROM %s EXCEPT ALL FROM %s)", a, b) > 0);
	cr_assert(duckdb_query(c, sql, &res) == DuckDBSuccess, "%s", duckdb_result_error(&res));
	n = duckdb_value_int64(&res, 0, 0);
	duckdb_destroy_result(&res);
	return n;
}

static void make_minutes(duckdb_connection c, const struct store_segment *table, bool is_careful,
			 const char *as)
{
	char sql[96];

	cr_assert(store_minutes_make(c, store->blocks, table, is_careful) == 0);
	snprintf(sql, sizeof(sql), "ALTER TABLE rolled RENAME TO %s", as);
	cr_assert(duckdb_query(c, sql, NULL) == DuckDBSuccess);
}

/* All at once or in slices, with what spills or without: the same rows. */
Test(store_blocks, have_the_same_minutes_however_they_are_made)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	duckdb_connection c = NULL;
	struct store_segment table;

	put_minutes();
	put_kinds();
	cr_assert(store_segments_list(store, &list) == 0);
	for (size_t i = 0; i < list.len; i++)
		if (list.at[i].number == FIRST_HOUR && list.at[i].series == SERIES_FLOWS)
			table = list.at[i];
	cr_assert(duckdb_connect(store->db, &c) == DuckDBSuccess);
	make_minutes(c, &table, false, "quick");
	make_minutes(c, &table, true, "careful");
	table.rows = 1000 * MINUTES_SLICE_ROWS; /* as if it had so many */
	make_minutes(c, &table, false, "quick_slices");
	make_minutes(c, &table, true, "careful_slices");
	cr_expect(differing(c, "minutes_none", "quick") == 0);
	cr_expect(differing(c, "quick", "minutes_none") > 1000);
	cr_expect(differing(c, "(FROM quick WHERE kind = 1)", "minutes_none") > 20);
	cr_expect(differing(c, "(FROM quick WHERE kind = 0 AND vlan_outer > 0)", "minutes_none") >
		  0);
	cr_expect(!differing(c, "quick", "careful") && !differing(c, "careful", "quick"));
	cr_expect(!differing(c, "quick", "quick_slices") && !differing(c, "quick_slices", "quick"));
	cr_expect(!differing(c, "quick", "careful_slices") &&
		  !differing(c, "careful_slices", "quick"));
	duckdb_disconnect(&c);
}
