// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Files that are not what was written: set aside, said, and the rest is still there. */
#include "user/collector/store_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "tests/user/collector/seal_fixture.h"
#include "user/collector/store_files.h"

TestSuite(store_damage, .init = setup, .fini = teardown);

static void damage(const char *file, off_t at, bool truncate_it)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/segments/%s", data_dir, file);
	fd = open(path, O_WRONLY);
	cr_assert(fd >= 0);
	if (truncate_it)
		cr_assert(ftruncate(fd, at) == 0);
	else
		cr_assert(pwrite(fd, "damaged", 7, at) == 7);
	close(fd);
}

Test(store_damage, sets_a_truncated_file_aside)
{
	put(1, 10, NOW);
	put(2, 20, NOW + HOUR);
	seal_all(LATER);
	damage("flows_500000.v2.parquet", 100, true);
	reopen();
	cr_expect(is_there("quarantine/flows_500000.v2.parquet"));
	cr_expect(packets(TIER_RAW) == sum_to(10) + sum_to(20), "its minutes are still there");
	cr_expect(ask(TIER_RAW, 0, INT64_MAX, "max(src_port)") == 40000, "and the other's records");
}

/* A backup of segments/ alone; or somebody removed what seemed to be in the way. */
Test(store_damage, lists_files_without_a_database)
{
	char path[96];

	put(1, 2000, NOW);
	seal_all((FIRST_HOUR + 1) * HOUR + STORE_SEAL_SLACK_US);
	store_close(TAKE(store));
	snprintf(path, sizeof(path), "%s/wiretally.duckdb", data_dir);
	cr_assert(unlink(path) == 0);
	open_it();
	for (int tier = 0; tier < STORE_TIERS; tier++)
		cr_expect(packets((enum store_tier)tier) == sum_to(2000));
	cr_expect(is_there("segments/flows_500000.v2.parquet"));
	reopen();
	cr_expect(packets(TIER_HOUR) == sum_to(2000));
}

static void damage_database(off_t at, bool truncate_it)
{
	store_close(TAKE(store));
	damage("../wiretally.duckdb", at, truncate_it);
	open_it();
}

/* Sealed files are listed again, and who they are of; the day's hours are made of its minutes. */
Test(store_damage, restores_the_list_when_the_database_is_damaged)
{
	static const struct {
		const char *name;
		off_t at;
		bool truncated;
	} cases[] = {
		{ "truncated", 20000, true },
		{ "overwritten", 4096, false },
		{ "emptied", 0, true },
	};

	put(1, 2000, NOW);
	put(2, 200, NOW + HOUR);
	seal_all((FIRST_HOUR + 2) * HOUR + STORE_SEAL_SLACK_US);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		damage_database(cases[i].at, cases[i].truncated);
		for (int tier = 0; tier < STORE_TIERS; tier++)
			cr_expect(packets((enum store_tier)tier) == sum_to(2000) + sum_to(200),
				  "%s: tier %d", cases[i].name, tier);
		cr_expect(value_of(store, "SELECT count(*) FROM exporters WHERE agent = 'a'") == 1);
		cr_expect(value_of(store, "SELECT high_water FROM exporters") == 1);
	}
	put(3, 30, NOW + 5 * HOUR);
	seal_all(LATER);
	cr_expect(packets(TIER_HOUR) == sum_to(2000) + sum_to(200) + sum_to(30));
	cr_expect(value_of(store, "SELECT bit_count(hours) FROM segments WHERE "
				  "name = 'hours_20833'") == 3);
}

Test(store_damage, sets_a_damaged_log_aside)
{
	char name[96];
	pid_t pid;

	put(1, 10, NOW);
	store_close(TAKE(store)); /* which is a checkpoint */
	pid = fork();
	if (!pid) {
		open_it();
		put(2, 20, NOW);
		_exit(0); /* without one */
	}
	cr_assert(waitpid(pid, NULL, 0) == pid);
	snprintf(name, sizeof(name), "%s/wiretally.duckdb.wal", data_dir);
	cr_assert(access(name, F_OK) == 0);
	damage("../wiretally.duckdb.wal", 40, false);
	open_it();
	cr_expect(packets(TIER_RAW) == sum_to(10), "%" PRId64, packets(TIER_RAW));
	cr_expect(access(name, F_OK) != 0);
}

/* Somebody else's lock, a newer program's file: not damage, and not ours to move away. */
Test(store_damage, knows_damage_when_it_hears_of_it)
{
	static const struct {
		const char *why;
		int err;
	} cases[] = {
		{ "IO Error: Could not set lock on file \"x\": Conflicting lock is held", 0 },
		{ "IO Error: Trying to read a database file with version number 67", 0 },
		{ NULL, 0 },
		{ "IO Error: Corrupt database file: computed checksum 1 does not match", -EBADMSG },
		{ "IO Error: Corrupt WAL file: entry size exceeded", -EILSEQ },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		cr_expect(store_damage(cases[i].why) == cases[i].err, "%s", cases[i].why);
}

Test(store_damage, finds_damage_by_checksum)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	int found = 0;

	put(1, 1000, NOW);
	seal_all(LATER);
	damage("flows_500000.v2.parquet", 60, false);
	cr_assert(store_segments_list(store, &list) == 0);
	for (size_t i = 0; i < list.len; i++) {
		if (!list.at[i].file[0])
			continue;
		cr_expect(store_file_check(store, &list.at[i], false) == 0);
		if (store_file_check(store, &list.at[i], true) == -EBADMSG) {
			cr_assert(store_file_quarantine(store, &list.at[i]) == 0);
			found++;
		}
	}
	cr_expect(found == 1);
	cr_expect(packets(TIER_RAW) == sum_to(1000), "from its minutes");
}

Test(store_damage, reaches_no_other_file)
{
	static const char *const statements[] = {
		"SELECT * FROM read_csv('/etc/passwd')",
		"COPY (SELECT 1) TO '/tmp/wt-should-not-be.parquet' (FORMAT parquet)",
		"SET enable_external_access = true",
		"SET allowed_directories = ['/']",
	};
	struct store_reader *r;

	cr_assert(store_reader_open(store, &r) == 0);
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		AUTO_FREE char *error = NULL;
		duckdb_result res = {};

		cr_expect(store_query(r, statements[i], NULL, 0, &res, &error) == -EINVAL, "%s",
			  statements[i]);
	}
	store_reader_close(r);
}
