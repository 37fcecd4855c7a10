// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Batches that wait on the disk: in order, whole, once; cut off anywhere; at the limit their rows
 * become a named loss, batch for batch.
 */
#include "user/agent/disk_spool.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/agent/disk_record.h"
#include "user/wire/batch.h"

#define LIMIT (64u << 20)

static char dir[64];
static const uint8_t mine[16] = { 1 }, other[16] = { 2 };

static void setup(void)
{
	strcpy(dir, "/tmp/wt-spool-XXXXXX");
	cr_assert(mkdtemp(dir) != NULL);
}

static void teardown(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert(system(command) == 0);
}

TestSuite(disk_spool, .init = setup, .fini = teardown);

static struct disk_spool *open_spool(uint64_t limit)
{
	struct disk_spool *d = NULL;
	int fd = -1;

	cr_assert(disk_spool_folder(dir, "a", geteuid(), getegid(), &fd) == 0);
	cr_assert(disk_spool_open(fd, limit, &d) == 0);
	return d;
}

/* A real body: `rows` flows of one packet of 100 octets, and the ledger that fits them. */
static struct spool_entry *entry(const uint8_t instance[16], uint64_t sequence, size_t rows)
{
	struct batch b = { .head = { .schema = BATCH_SCHEMA,
				     .sequence = sequence,
				     .interval = sequence,
				     .agent = "a",
				     .host = "h" } };
	struct ledger_row ledger = { .interval = sequence,
				     .start_us = 1,
				     .end_us = 2,
				     .ifindex = 3,
				     .netns = 4,
				     .counts_len = 2,
				     .counts = { { "seen", rows, 100 * rows },
						 { "recorded", rows, 100 * rows } } };
	struct spool_sum sum = { sequence, 3, 4, 0, 0, { rows, 100 * rows } };
	AUTO_FREE uint8_t *plain = NULL, *body = NULL;
	size_t plain_len, len;
	struct spool_entry *e;

	memcpy(b.head.instance, instance, 16);
	b.flows = calloc(rows + 1, sizeof(*b.flows));
	b.flows_len = rows;
	b.ledger = &ledger;
	b.ledger_len = 1;
	for (size_t i = 0; i < rows; i++)
		b.flows[i] = (struct flow){ .ifindex = 3,
					    .netns = 4,
					    .ethertype = 0x0800,
					    .proto = 17,
					    .packets = 1,
					    .l2_octets = 100,
					    .l3_octets = 86,
					    .sampling = 1,
					    .src_port = (uint16_t)(i * 7919),
					    .dst_port = 53,
					    .start_us = 1,
					    .end_us = 2 };
	for (size_t i = 0; i < rows; i++)
		b.flows[i].src[15] = (uint8_t)(i * sequence);
	cr_assert(batch_encode(&b, &plain, &plain_len) == 0);
	cr_assert(batch_compress(plain, plain_len, &body, &len) == 0);
	free(b.flows);
	e = calloc(1, sizeof(*e) + sizeof(sum) + len);
	*e = (struct spool_entry){
		.magic = SPOOL_MAGIC, .sequence = sequence, .sums_len = 1, .body_len = (uint32_t)len
	};
	memcpy(spool_sums(e), &sum, sizeof(sum));
	memcpy((void *)spool_body(e), body, len);
	return e;
}

static void append(struct disk_spool *d, const uint8_t instance[16], uint64_t sequence, size_t rows)
{
	AUTO_FREE struct spool_entry *e = entry(instance, sequence, rows);

	cr_assert(disk_spool_append(d, instance, e) == 0, "batch %d", (int)sequence);
}

static struct batch *body_of(const struct spool_entry *e)
{
	AUTO_FREE uint8_t *plain = NULL;
	struct batch *b = NULL;
	const char *why;
	size_t len;

	cr_assert(batch_decompress(spool_body(e), e->body_len, BATCH_BYTES_MAX, &plain, &len) == 0);
	cr_assert(batch_decode(plain, len, &b, &why) == 0);
	return b;
}

/* The oldest is this one, and it is acknowledged. */
static void expect(struct disk_spool *d, uint64_t sequence, size_t rows)
{
	const struct spool_entry *e = disk_spool_next(d);
	struct batch *b;

	cr_assert(e != NULL, "batch %d is there", (int)sequence);
	cr_assert(e->sequence == sequence, "%d, want %d", (int)e->sequence, (int)sequence);
	b = body_of(e);
	cr_expect(b->head.sequence == sequence);
	cr_expect(b->flows_len == rows, "batch %d: %zu rows", (int)sequence, b->flows_len);
	batch_free(b);
	disk_spool_done(d);
}

static uint64_t count_of(const struct batch *b, const char *name)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < b->ledger_len; i++)
		for (uint32_t c = 0; c < b->ledger[i].counts_len; c++)
			if (!strcmp(b->ledger[i].counts[c].name, name))
				sum += b->ledger[i].counts[c].packets;
	return sum;
}

static off_t file_size(const char *name)
{
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/%s", dir, name);
	return stat(path, &st) ? -1 : st.st_size;
}

Test(disk_spool, gives_back_in_order)
{
	struct disk_spool *d = open_spool(LIMIT);

	cr_expect(disk_spool_next(d) == NULL);
	for (uint64_t i = 1; i <= 5; i++)
		append(d, mine, i, 10 * i);
	cr_expect(disk_spool_depth(d).batches == 5);
	for (uint64_t i = 1; i <= 5; i++)
		expect(d, i, 10 * i);
	cr_expect(disk_spool_next(d) == NULL);
	cr_expect(disk_spool_depth(d).bytes == 0, "files whose batches are all sent are gone");
	disk_spool_close(d);
}

/* Another start: what was acknowledged is not sent again; what a run before left comes first. */
Test(disk_spool, goes_on_after_a_kill)
{
	struct disk_spool *d = open_spool(LIMIT);

	for (uint64_t i = 1; i <= 4; i++)
		append(d, other, i, 10);
	expect(d, 1, 10);
	disk_spool_close(d);
	d = open_spool(LIMIT);
	cr_expect(disk_spool_depth(d).batches == 3);
	append(d, other, 4, 10); /* it was here, and still in memory when the kill came */
	cr_expect(disk_spool_depth(d).batches == 3);
	append(d, mine, 1, 20);
	for (uint64_t i = 2; i <= 4; i++)
		expect(d, i, 10);
	expect(d, 1, 20);
	cr_expect(disk_spool_next(d) == NULL);
	disk_spool_close(d);
}

Test(disk_spool, has_one_owner)
{
	struct disk_spool *d = open_spool(LIMIT), *second = NULL;
	int fd;

	cr_assert(disk_spool_folder(dir, "a", geteuid(), getegid(), &fd) == 0);
	cr_expect(disk_spool_open(fd, LIMIT, &second) == -EBUSY);
	disk_spool_close(d);
}

/* Cut at every byte of the last record: the others are whole, and one can append again. */
Test(disk_spool, survives_a_cut_at_any_byte)
{
	struct disk_spool *d = open_spool(LIMIT);
	off_t two, three;
	char path[96];

	append(d, mine, 1, 3);
	append(d, mine, 2, 3);
	two = file_size("00000001.spool");
	append(d, mine, 3, 3);
	three = file_size("00000001.spool");
	disk_spool_close(d);
	snprintf(path, sizeof(path), "%s/a/00000001.spool", dir);
	for (off_t at = three - 1; at >= two; at--) {
		cr_assert(truncate(path, at) == 0);
		d = open_spool(LIMIT);
		cr_expect(disk_spool_depth(d).batches == 2, "cut at %d", (int)at);
		append(d, mine, 3, 3);
		cr_expect(file_size("00000001.spool") == three, "cut at %d", (int)at);
		disk_spool_close(d);
	}
	d = open_spool(LIMIT);
	for (uint64_t i = 1; i <= 3; i++)
		expect(d, i, 3);
	disk_spool_close(d);
}

/* A flipped byte in a record: it and what is behind it are gone, what is before is not. */
Test(disk_spool, finds_what_was_changed)
{
	struct disk_spool *d = open_spool(LIMIT);
	char path[96];
	uint8_t byte;
	off_t one;
	int fd;

	append(d, mine, 1, 3);
	one = file_size("00000001.spool");
	append(d, mine, 2, 3);
	disk_spool_close(d);
	snprintf(path, sizeof(path), "%s/a/00000001.spool", dir);
	for (size_t i = 0; i < sizeof(struct disk_record) + 40; i += 3) {
		if (i >= 12 && i < 16)
			continue; /* flags change, and are no part of the sum */
		fd = open(path, O_RDWR);
		cr_assert(pread(fd, &byte, 1, one + (off_t)i) == 1);
		byte ^= 0x40;
		cr_assert(pwrite(fd, &byte, 1, one + (off_t)i) == 1);
		close(fd);
		d = open_spool(LIMIT);
		cr_expect(disk_spool_depth(d).batches == 1, "byte %zu", i);
		append(d, mine, 2, 3);
		disk_spool_close(d);
	}
}

/* Batches of 10,000 rows into 32 MiB: the oldest lose theirs, and say how many they were. */
Test(disk_spool, names_what_it_gives_up)
{
	struct disk_spool *d = open_spool(DISK_SPOOL_MIN_BYTES);
	uint64_t appended = 0, rows = 0, lost = 0, recorded = 0, batches = 0;
	const struct spool_entry *e;

	while (disk_spool_depth(d).given_up == 0 && appended < 5000)
		append(d, mine, ++appended, 10000);
	cr_assert(disk_spool_depth(d).given_up > 0, "after %d batches", (int)appended);
	cr_expect(disk_spool_depth(d).bytes <= DISK_SPOOL_MIN_BYTES);
	cr_expect(disk_spool_depth(d).batches == appended, "their place stays");
	disk_spool_close(d);
	d = open_spool(DISK_SPOOL_MIN_BYTES);
	while ((e = disk_spool_next(d))) {
		struct batch *b = body_of(e);

		cr_assert(e->sequence == ++batches);
		rows += b->flows_len;
		recorded += count_of(b, "recorded");
		lost += count_of(b, "lost/spool_full");
		batch_free(b);
		disk_spool_done(d);
	}
	cr_expect(batches == appended);
	cr_expect(recorded == appended * 10000);
	cr_expect(lost > 0 && rows + lost == recorded, "%d rows + %d lost = %d", (int)rows,
		  (int)lost, (int)recorded);
	disk_spool_close(d);
}

/* The collector will never take it: its loss goes in its place. */
Test(disk_spool, names_what_is_refused)
{
	struct disk_spool *d = open_spool(LIMIT);
	struct batch *b;

	append(d, mine, 1, 30);
	append(d, mine, 2, 30);
	cr_assert(disk_spool_next(d) != NULL);
	cr_assert(disk_spool_refused(d) == 0);
	b = body_of(disk_spool_next(d));
	cr_expect(b->head.sequence == 1 && b->flows_len == 0);
	cr_expect(count_of(b, "lost/spool_refused") == 30);
	batch_free(b);
	cr_expect(disk_spool_refused(d) == -EINVAL, "once");
	disk_spool_done(d);
	expect(d, 2, 30);
	disk_spool_close(d);
}
