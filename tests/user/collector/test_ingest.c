// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * The way of a batch without HTTP: ingest, log, committer and store as the collector wires them;
 * "crash" leaves them as they are and opens the folder anew in another process.
 */
#include "user/collector/ingest.h"

#include <sys/wait.h>

#include "tests/user/collector/parts_fixture.h"

static void setup(void)
{
	data_make();
}

static void teardown(void)
{
	data_remove();
}

TestSuite(ingest, .init = setup, .fini = teardown);

/* Runs fn in a process that ends without closing anything, as after kill -9. */
static void crash_after(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		fn();
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned int)status);
}

Test(ingest, acknowledges_and_stores)
{
	char *text;

	open_parts(true);
	cr_assert(post(make_batch("a", 1, 1, 100, true), &text) == 200);
	cr_expect(!strcmp(text, "{\"acknowledged\":1}"), "%s", text);
	free(text);
	settle();
	cr_expect(stored_rows() == 100);
	cr_expect(value_of(parts.store, "SELECT high_water FROM exporters") == 1);
	cr_expect(value_of(parts.store, "SELECT count(*) FROM interfaces") == 1);
	close_parts();
}

Test(ingest, tells_sequences_apart)
{
	static const struct {
		const char *name;
		uint8_t instance;
		uint64_t sequence;
		unsigned int status;
		bool is_duplicate;
	} cases[] = {
		{ "first", 1, 1, 200, false },
		{ "again", 1, 1, 200, true },
		{ "next", 1, 2, 200, false },
		{ "a gap", 1, 10, 200, false },
		{ "inside the gap: too late", 1, 5, 200, true },
		{ "end of the window", 1, 10 + INGEST_WINDOW, 200, false },
		{ "behind the window", 1, 11 + 2ull * INGEST_WINDOW, 409, false },
		{ "far behind", 1, UINT64_MAX, 409, false },
		{ "still works", 1, 11 + INGEST_WINDOW, 200, false },
		{ "another instance, first seen late", 2, 5000, 200, false },
		{ "its next", 2, 5001, 200, false },
	};

	open_parts(true);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO_FREE char *text = NULL;
		unsigned int status;

		status = post(make_batch("a", cases[i].instance, cases[i].sequence, 10, false),
			      &text);
		cr_expect(status == cases[i].status, "%s: %u %s", cases[i].name, status, text);
		cr_expect(!!strstr(text, "duplicate") == cases[i].is_duplicate, "%s: %s",
			  cases[i].name, text);
	}
	settle();
	cr_expect(stored_rows() == 70);
	cr_expect(value_of(parts.store, "SELECT gaps FROM exporters WHERE high_water > 5001") ==
		  7 + INGEST_WINDOW - 1);
	close_parts();
}

Test(ingest, knows_duplicates_before_the_store_has_them)
{
	open_parts(false); /* nobody commits */
	cr_expect(post(make_batch("a", 1, 1, 10, false), NULL) == 200);
	cr_expect(post(make_batch("a", 1, 1, 10, false), NULL) == 200);
	cr_expect(metric_get(METRIC_BATCHES_DUPLICATE) == 1);
	cr_expect(pipeline_depth(parts.pipeline).items == 1);
	close_parts();
}

Test(ingest, refuses_what_is_no_batch)
{
	struct batch *b = make_batch("a", 1, 1, 10, false);
	AUTO_FREE uint8_t *plain = NULL, *packed = NULL;
	size_t plain_len, packed_len;

	cr_assert(batch_encode(b, &plain, &plain_len) == 0);
	cr_assert(batch_compress(plain, plain_len, &packed, &packed_len) == 0);
	batch_free(b);
	open_parts(true);
	cr_expect(post_bytes("", 0, false, NULL) == 400, "empty");
	cr_expect(post_bytes("", 0, true, NULL) == 400, "empty zstd");
	cr_expect(post_bytes("hello", 5, false, NULL) == 400, "text");
	cr_expect(post_bytes(plain, plain_len, true, NULL) == 400, "plain, said to be zstd");
	cr_expect(post_bytes(packed, packed_len, false, NULL) == 400, "zstd, said to be plain");
	for (size_t cut = 1; cut < packed_len; cut += 7)
		cr_expect(post_bytes(packed, cut, true, NULL) == 400, "cut at %zu", cut);
	cr_expect(post_bytes(plain, plain_len, false, NULL) == 200);
	settle();
	cr_expect(stored_rows() == 10);
	close_parts();
}

Test(ingest, refuses_a_bomb)
{
	size_t len = BATCH_BYTES_MAX + 1, packed_len;
	AUTO_FREE uint8_t *zeros = calloc(1, len), *packed = NULL;

	cr_assert(batch_compress(zeros, len, &packed, &packed_len) == 0);
	open_parts(true);
	cr_expect(post_bytes(packed, packed_len, true, NULL) == 413);
	close_parts();
}

Test(ingest, says_busy_when_the_store_is_behind)
{
	uint64_t sequence = 0;
	unsigned int status;

	open_parts(false);
	do
		status = post(make_batch("a", 1, ++sequence, 1, false), NULL);
	while (status == 200 && sequence <= PIPELINE_ITEMS_MAX);
	cr_expect(status == 429, "%u", status);
	cr_expect(sequence == PIPELINE_ITEMS_MAX + 1);
	cr_assert(committer_start(parts.committer, parts.log) == 0);
	parts.is_committing = true;
	settle();
	cr_expect(post(make_batch("a", 1, sequence, 1, false), NULL) == 200);
	settle();
	cr_expect(stored_rows() == (int64_t)sequence);
	close_parts();
}

static void post_three(void)
{
	open_parts(false);
	for (uint64_t i = 1; i <= 3; i++)
		cr_assert(post(make_batch("a", 1, i, 100, true), NULL) == 200);
}

Test(ingest, replays_what_the_store_lacks)
{
	crash_after(post_three);
	open_parts(true);
	cr_expect(stored_rows() == 300, "%d", (int)stored_rows());
	cr_expect(post(make_batch("a", 1, 3, 100, true), NULL) == 200);
	cr_expect(metric_get(METRIC_BATCHES_DUPLICATE) == 1);
	cr_expect(post(make_batch("a", 1, 4, 100, true), NULL) == 200);
	settle();
	cr_expect(stored_rows() == 400);
	close_parts();
	open_parts(true);
	cr_expect(stored_rows() == 400, "nothing twice: %d", (int)stored_rows());
	close_parts();
}

static void post_and_commit(void)
{
	open_parts(true);
	for (uint64_t i = 1; i <= 3; i++)
		cr_assert(post(make_batch("a", 1, i, 100, true), NULL) == 200);
	settle();
	cr_assert(post(make_batch("a", 1, 4, 100, true), NULL) == 200);
}

Test(ingest, replays_from_the_committed_position)
{
	crash_after(post_and_commit);
	open_parts(true);
	cr_expect(stored_rows() == 400, "%d", (int)stored_rows());
	close_parts();
}

/* The same batch twice in the log: what a failed fdatasync may leave behind. */
static void log_twice(void)
{
	struct batch *b = make_batch("a", 1, 1, 100, true);
	struct log_record record = { NOW, false, NULL, 0 };
	struct log_position end;
	uint8_t *plain;

	cr_assert(batch_encode(b, &plain, &record.body_len) == 0);
	record.body = plain;
	open_parts(false);
	cr_assert(seglog_append(parts.log, &record, 1, &end) == 0);
	cr_assert(seglog_append(parts.log, &record, 1, &end) == 0);
}

Test(ingest, stores_once_what_is_in_the_log_twice)
{
	crash_after(log_twice);
	open_parts(true);
	cr_expect(stored_rows() == 100, "%d", (int)stored_rows());
	close_parts();
}

static struct batch *batch_of_host(const char *agent, uint64_t sequence, const char *own,
				   const char *source)
{
	struct batch *b = make_batch(agent, 1, sequence, 10, true);

	b->own_addresses = calloc(1, sizeof(*b->own_addresses));
	b->own_addresses_len = 1;
	addr_parse(own, b->own_addresses[0]);
	for (size_t i = 0; i < b->flows_len; i++)
		addr_parse(source, b->flows[i].src);
	return b;
}

/* Host b receives from host a, which reports too: a counts the packets, b only keeps them. */
Test(ingest, counts_a_packet_once_between_hosts)
{
	static const struct {
		const char *name;
		const char *own; /* of host b */
		const char *source;
		uint64_t counted;
	} cases[] = {
		{ "from a", "10.0.0.2", "10.0.0.1", 0 },
		{ "from a stranger", "10.0.0.2", "10.9.9.9", 10 },
		{ "from b itself", "10.0.0.2", "10.0.0.2", 10 },
		{ "an address both have", "10.0.0.1", "10.0.0.1", 10 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t counted;

		data_remove();
		data_make();
		open_parts(true);
		cr_assert(post(batch_of_host("a", 1, "10.0.0.1", "10.0.0.2"), NULL) == 200);
		cr_assert(post(batch_of_host("b", 1, cases[i].own, "10.7.7.7"), NULL) == 200);
		settle();
		cr_assert(post(batch_of_host("b", 2, cases[i].own, cases[i].source), NULL) == 200);
		settle();
		counted = value_of_rows(
			parts.store, 500000, "count(*)",
			"f JOIN exporters e ON e.id = "
			"f.exporter_id WHERE agent = 'b' AND \"interval\" = 2 AND flags & 2 = 2");
		cr_expect(counted == (int64_t)cases[i].counted, "%s: %d", cases[i].name,
			  (int)counted);
		close_parts();
	}
}

/* 127.0.0.1 is on every host: it says nothing of who sent the packet. */
Test(ingest, takes_no_loopback_for_an_own_address)
{
	open_parts(true);
	cr_assert(post(batch_of_host("a", 1, "127.0.0.1", "10.0.0.2"), NULL) == 200);
	cr_assert(post(batch_of_host("b", 1, "10.0.0.2", "127.0.0.1"), NULL) == 200);
	cr_assert(post(batch_of_host("a", 2, "fe80::1", "fe80::2"), NULL) == 200);
	settle();
	cr_expect(value_of_rows(parts.store, 500000, "count(*)", "WHERE flags & 2 = 0") == 0);
	cr_expect(value_of(parts.store, "SELECT count(*) FROM addresses") == 1);
	close_parts();
}

Test(ingest, keeps_files_apart_from_live_hosts)
{
	struct batch *b = make_batch("a", 1, 1, 10, true);

	open_parts(true);
	cr_assert(post(b, NULL) == 200);
	b = make_batch("a", 1, 2, 10, true);
	strcpy(b->head.exporter, "file.pcap");
	cr_assert(post(b, NULL) == 200);
	cr_assert(post(make_batch("a", 1, 3, 10, true), NULL) == 200);
	settle();
	cr_expect(value_of(parts.store, "SELECT count(*) FROM exporters") == 2);
	cr_expect(value_of(parts.store, "SELECT max(gaps) FROM exporters") == 0,
		  "one instance, one row of sequences");
	close_parts();
}
