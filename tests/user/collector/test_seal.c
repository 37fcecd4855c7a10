// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sealing: no row twice and none never, whatever is killed when; tiers; snapshots; sums. */
#include "user/collector/store_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "tests/user/collector/seal_fixture.h"
#include "user/collector/store_files.h"

TestSuite(seal, .init = setup, .fini = teardown);

/* ---- what becomes a file -------------------------------------------------------------------- */

Test(seal, takes_only_what_gets_no_more_rows)
{
	int64_t end = (FIRST_HOUR + 1) * HOUR;
	struct store_sealing job;

	put(1, 10, NOW);
	cr_expect(store_seal_next(store, end + STORE_SEAL_SLACK_US - 1, &job) == -ENOENT);
	cr_assert(store_seal_next(store, end + STORE_SEAL_SLACK_US, &job) == 0);
	cr_expect_str_eq(job.table.name, "flows_500000");
	cr_expect_str_eq(job.file.file, "flows_500000.v2.parquet");
	cr_expect_str_eq(job.minutes.file, "minutes_500000.parquet");
}

Test(seal, keeps_every_row_of_every_tier)
{
	put(1, 3000, NOW);
	put(2, 500, NOW + HOUR);
	put(3, 100, NOW + 2 * HOUR); /* not sealed */
	seal_all((FIRST_HOUR + 2) * HOUR + STORE_SEAL_SLACK_US);
	cr_expect(value_of(store, "SELECT count(*) FROM segments WHERE file <> ''") == 4,
		  "two of records, two of minutes");
	for (int tier = 0; tier < STORE_TIERS; tier++)
		cr_expect(packets((enum store_tier)tier) ==
				  sum_to(3000) + sum_to(500) + sum_to(100),
			  "tier %d: %" PRId64, tier, packets((enum store_tier)tier));
	cr_expect(ask(TIER_RAW, 0, INT64_MAX, "count(*)") == 3600);
	cr_expect(ask(TIER_MINUTE, 0, INT64_MAX, "sum(records)") == 3600);
	cr_expect(ask(TIER_HOUR, 0, INT64_MAX, "sum(records)") == 3600);
	reopen();
	for (int tier = 0; tier < STORE_TIERS; tier++)
		cr_expect(packets((enum store_tier)tier) ==
			  sum_to(3000) + sum_to(500) + sum_to(100));
}

/* An exporter that sends nonsense must not keep an hour from being sealed. */
Test(seal, saturates_what_no_link_has_carried)
{
	struct batch *b = make_batch("a", 1, 2, 4, true);

	put(1, 1, NOW);
	for (size_t i = 0; i < 4; i++) {
		b->flows[i].start_us = b->flows[i].end_us = NOW;
		b->flows[i].packets = b->flows[i].l2_octets = b->flows[i].l3_octets = UINT64_MAX;
	}
	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, 1, b, NOW) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
	seal_all(LATER);
	for (int tier = TIER_MINUTE; tier < STORE_TIERS; tier++)
		cr_expect(ask((enum store_tier)tier, 0, INT64_MAX, "max(l2_octets)") == INT64_MAX);
	cr_expect(value_of(store, "SELECT max(packets) FROM stored") == INT64_MAX);
}

/* 1,000 conversations of 3,000 keep a row of their minute, with the service's port. */
Test(seal, folds_what_is_not_among_the_top)
{
	put(1, 3000, NOW);
	seal_all(LATER);
	cr_expect(ask(TIER_MINUTE, 0, INT64_MAX, "count(*) FILTER (kind = 0)") == 1000);
	cr_expect(ask(TIER_MINUTE, 0, INT64_MAX, "count(*) FILTER (kind = 1)") == 1);
	cr_expect(ask(TIER_MINUTE, 0, INT64_MAX, "sum(packets) FILTER (kind = 1)") == sum_to(2000));
	cr_expect(ask(TIER_MINUTE, 0, INT64_MAX, "sum(records) FILTER (kind = 1)") == 2000);
	cr_expect(ask(TIER_MINUTE, 0, INT64_MAX, "max(src_port)") == 0);
	cr_expect(ask(TIER_MINUTE, 0, INT64_MAX, "min(dst_port) FILTER (kind = 0)") == 53);
	cr_expect(ask(TIER_HOUR, 0, INT64_MAX, "count(*) FILTER (kind = 0)") == 1000,
		  "of the minute's rows, all are among the hour's top");
}

Test(seal, adds_hours_to_their_day)
{
	for (int h = 0; h < 20; h++) /* 8:00 to 3:00 */
		put((uint64_t)h + 1, 10, NOW + h * HOUR);
	seal_all(LATER);
	cr_expect(value_of(store, "SELECT count(*) FROM segments WHERE starts_with(name, 'hours_') "
				  "AND file <> ''") == 2);
	cr_expect(value_of(store,
			   "SELECT bit_count(hours) FROM segments WHERE name = 'hours_20833'") ==
		  16);
	cr_expect(packets(TIER_HOUR) == 20 * sum_to(10));
	cr_expect(ask(TIER_HOUR, 0, INT64_MAX, "count(DISTINCT \"interval\")") == 20);
}

/* Each hour from the finest tier that has it. */
Test(seal, answers_from_what_is_left)
{
	static const struct {
		const char *name;
		int64_t raw_hours, minute_hours; /* dropped before */
		int64_t raw_rows, minute_rows, hour_rows;
	} cases[] = {
		{ "all there", 0, 0, 60, 0, 0 },
		{ "two hours of records gone", 2, 0, 40, 20, 0 },
		{ "an hour of minutes gone", 2, 1, 40, 10, 10 },
		{ "no records", 6, 1, 0, 50, 10 },
		{ "hours alone", 6, 6, 0, 0, 60 },
	};

	for (int h = 0; h < 6; h++)
		put((uint64_t)h + 1, 10, NOW + h * HOUR);
	seal_all(LATER);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t first = FIRST_HOUR * HOUR;
		int64_t before[STORE_TIERS] = { first + cases[i].raw_hours * HOUR,
						first + cases[i].minute_hours * HOUR, first };
		AUTO_FREE char *source = NULL;
		struct store_tiers tiers;
		struct store_reader *r;
		unsigned int dropped;

		cr_assert(store_expire(store, before, &dropped) == 0);
		cr_expect(packets(TIER_RAW) == 6 * sum_to(10), "%s", cases[i].name);
		cr_expect(packets(TIER_MINUTE) == 6 * sum_to(10), "%s", cases[i].name);
		cr_expect(packets(TIER_HOUR) == 6 * sum_to(10), "%s", cases[i].name);
		cr_assert(store_reader_open(store, &r) == 0);
		cr_assert(store_source_flows(r, STORE_TIERS, 0, INT64_MAX, &source, &tiers) == 0);
		store_reader_close(r);
		cr_expect(tiers.rows[TIER_RAW] == (uint64_t)cases[i].raw_rows, "%s", cases[i].name);
		cr_expect(tiers.rows[TIER_MINUTE] == (uint64_t)cases[i].minute_rows, "%s",
			  cases[i].name);
		cr_expect((tiers.rows[TIER_HOUR] > 0) == (cases[i].hour_rows > 0), "%s",
			  cases[i].name);
	}
}

Test(seal, reads_only_files_of_the_range)
{
	AUTO_FREE char *source = NULL;
	struct store_tiers tiers;
	struct store_reader *r;

	put(1, 10, NOW);
	put(2, 10, NOW + HOUR);
	seal_all(LATER);
	cr_assert(store_reader_open(store, &r) == 0);
	cr_assert(store_source_flows(r, TIER_RAW, NOW + HOUR / 2, NOW + 2 * HOUR, &source,
				     &tiers) == 0);
	store_reader_close(r);
	cr_expect(strstr(source, "flows_500001.v2.parquet") != NULL);
	cr_expect(strstr(source, "flows_500000.v2.parquet") == NULL, "%s", source);
}

/* ---- killed in the middle ------------------------------------------------------------------- */

enum kill_point { BEFORE, WHILE_WRITING, BEFORE_PUBLISHING, IN_TRANSACTION, AFTER, KILL_POINTS };

/* A child does it as far as the point and is gone, without a word. */
static void seal_and_die(enum kill_point point)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct store_sealing job;

		open_it();
		if (store_seal_next(store, LATER, &job))
			_exit(2);
		if (point == WHILE_WRITING) {
			char path[160];

			snprintf(path, sizeof(path), "%s/segments/%s.new", data_dir, job.file.file);
			_exit(creat(path, 0600) < 0 ? 2 : 0);
		}
		if (point > WHILE_WRITING && store_seal_write(store, &job))
			_exit(2);
		if (point == IN_TRANSACTION &&
		    (store_begin(store) ||
		     store_run(store, NULL, "DELETE FROM segments WHERE name = 'flows_500000'",
			       "")))
			_exit(2);
		if (point == AFTER && store_seal_publish(store, &job))
			_exit(2);
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_assert(status == 0, "child: %d", status);
}

Test(seal, survives_a_kill_at_every_step)
{
	put(1, 3000, NOW);
	for (int point = 0; point < KILL_POINTS; point++) {
		store_close(TAKE(store));
		seal_and_die((enum kill_point)point);
		open_it();
		for (int tier = 0; tier < STORE_TIERS; tier++)
			cr_expect(packets((enum store_tier)tier) == sum_to(3000),
				  "point %d, tier %d", point, tier);
		cr_expect(is_there("segments/flows_500000.v2.parquet") == (point == AFTER),
			  "point %d: what nothing lists is removed", point);
		cr_expect(!is_there("segments/flows_500000.v2.parquet.new"));
	}
	seal_all(LATER);
	cr_expect(packets(TIER_RAW) == sum_to(3000));
	cr_expect(packets(TIER_HOUR) == sum_to(3000));
}

/* The disk is full, say: it stays a table. */
Test(seal, can_be_tried_again)
{
	struct store_sealing job;

	put(1, 10, NOW);
	cr_assert(store_seal_next(store, LATER, &job) == 0);
	cr_assert(store_seal_write(store, &job) == 0);
	job.table.rows++; /* as if one had come since */
	cr_expect(store_seal_write(store, &job) == -EBADMSG);
	store_seal_abandon(store, &job);
	cr_expect(!is_there("segments/flows_500000.v2.parquet"));
	cr_expect(packets(TIER_MINUTE) == sum_to(10));
	seal_all(LATER);
	cr_expect(packets(TIER_MINUTE) == sum_to(10));
}

/* ---- readers and clocks --------------------------------------------------------------------- */

Test(seal, leaves_a_snapshot_its_files)
{
	AUTO_FREE char *source = NULL, *sql = NULL;
	struct store_tiers tiers;
	struct store_reader *r;
	duckdb_result res = {};

	put(1, 10, NOW);
	seal_all(LATER);
	cr_assert(store_reader_open(store, &r) == 0);
	cr_assert(store_reader_begin(r) == 0);
	cr_assert(store_source_flows(r, TIER_RAW, 0, INT64_MAX, &source, &tiers) == 0);
	cr_expect(expire_all(store, LATER) == 3);
	store_files_sweep(store);
	cr_assert(asprintf(&sql, "SELECT count(*) FROM %s", source) > 0);
	cr_assert(store_query(r, sql, NULL, 0, &res, NULL) == 0, "its file is still there");
	duckdb_destroy_result(&res);
	store_reader_end(r);
	store_files_sweep(store);
	cr_expect(!is_there("segments/flows_500000.v2.parquet"));
	store_reader_close(r);
}

/* The clock is put back: the hour is sealed, so its rows go into the next one that is not. */
Test(seal, takes_rows_of_a_sealed_hour)
{
	struct store_sealing job;

	put(1, 10, NOW);
	put(2, 20, NOW + HOUR);
	cr_assert(store_seal_next(store, (FIRST_HOUR + 1) * HOUR + STORE_SEAL_SLACK_US, &job) == 0);
	put(3, 30, NOW); /* while it is being written */
	cr_assert(store_seal_write(store, &job) == 0);
	cr_assert(store_seal_publish(store, &job) == 0);
	put(4, 40, NOW);
	cr_expect(packets(TIER_RAW) == sum_to(10) + sum_to(20) + sum_to(30) + sum_to(40));
	cr_expect(value_of(store, "SELECT rows FROM segments WHERE name = 'flows_500001'") == 90);
	expire_all(store, 0);
	seal_all(LATER);
	for (int tier = 0; tier < STORE_TIERS; tier++)
		cr_expect(packets((enum store_tier)tier) ==
			  sum_to(10) + sum_to(20) + sum_to(30) + sum_to(40));
}

/* ---- the ledger ----------------------------------------------------------------------------- */

Test(seal, keeps_the_sums_of_the_ledger)
{
	put(1, 10, NOW);
	seal_all(LATER);
	cr_expect(value_of(store,
			   "SELECT packets FROM stored WHERE exporter_id = 1 AND "
			   "\"interval\" = 1 AND ifindex = 2 AND netns = 1 AND point = 0 AND "
			   "name = '=stored'") == sum_to(10));
	cr_expect(value_of(store, "SELECT octets FROM stored") == 100 * sum_to(10));
	cr_expect(value_of(store, "SELECT count(*) FROM stored") == 1);
}
