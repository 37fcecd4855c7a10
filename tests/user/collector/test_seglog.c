// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The segment log: what was appended comes back, whatever a crash or a bad disk did to the rest. */
#include "user/collector/seglog.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>

#define RECORDS 5

struct seen {
	size_t len;
	char bodies[64][64];
	struct log_position last;
	int refuse_at; /* -EBADMSG for this record, from 1 */
};

static char dir[64];

static void make_dir(void)
{
	strcpy(dir, "/tmp/wt-seglog-XXXXXX");
	cr_assert(mkdtemp(dir) != NULL);
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	cr_assert(system(command) == 0);
}

TestSuite(seglog, .init = make_dir, .fini = remove_dir);

static int see(void *arg, const struct log_record *record, struct log_position end)
{
	struct seen *s = arg;

	if (s->refuse_at && s->len + 1 == (size_t)s->refuse_at) {
		s->refuse_at = 0;
		return -EBADMSG;
	}
	cr_assert(s->len < 64 && record->body_len < 64);
	memcpy(s->bodies[s->len], record->body, record->body_len);
	s->len++;
	s->last = end;
	return 0;
}

static struct seglog *open_log(struct log_position from, uint64_t segment_bytes, struct seen *s)
{
	struct seglog *l = NULL;
	int err;

	memset(s->bodies, 0, sizeof(s->bodies));
	s->len = 0;
	err = seglog_open(dir, from, segment_bytes, see, s, &l);
	cr_assert(err == 0, "seglog_open: %d", err);
	return l;
}

static struct log_position append(struct seglog *l, const char *text)
{
	struct log_record r = { 1234567, false, text, strlen(text) };
	struct log_position end;

	cr_assert(seglog_append(l, &r, 1, &end) == 0);
	return end;
}

/* A log of RECORDS records "record 1"…; their ends in ends. */
static void fill(struct log_position ends[RECORDS])
{
	struct seen s = {};
	struct seglog *l = open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s);
	char text[32];

	for (int i = 0; i < RECORDS; i++) {
		snprintf(text, sizeof(text), "record %d", i + 1);
		ends[i] = append(l, text);
	}
	seglog_close(l);
}

static void segment_path(uint64_t number, char path[128])
{
	snprintf(path, 128, "%s/log/%016llx.seg", dir, (unsigned long long)number);
}

static int count_files(const char *end)
{
	char path[128];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/log", dir);
	d = opendir(path);
	while ((e = readdir(d)))
		n += strlen(e->d_name) > strlen(end) &&
		     !strcmp(e->d_name + strlen(e->d_name) - strlen(end), end);
	closedir(d);
	return n;
}

Test(seglog, returns_what_was_appended_in_order)
{
	struct log_position ends[RECORDS];
	struct seen s = {};

	fill(ends);
	seglog_close(open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s));
	cr_assert(eq(sz, s.len, RECORDS));
	cr_assert(eq(str, s.bodies[0], "record 1"));
	cr_assert(eq(str, s.bodies[RECORDS - 1], "record 5"));
	cr_assert(s.last.segment == ends[RECORDS - 1].segment);
	cr_assert(s.last.offset == ends[RECORDS - 1].offset);
}

Test(seglog, replays_only_what_is_behind_the_position)
{
	struct log_position ends[RECORDS];

	fill(ends);
	for (int i = 0; i < RECORDS; i++) {
		struct seen s = {};

		seglog_close(open_log(ends[i], SEGLOG_SEGMENT_BYTES, &s));
		cr_expect(s.len == (size_t)(RECORDS - 1 - i), "from behind record %d: %zu", i + 1,
			  s.len);
	}
}

Test(seglog, keeps_flags_and_arrival)
{
	struct seen s = {};
	struct seglog *l = open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s);
	struct log_record group[2] = { { -5, true, "a", 1 }, { INT64_MAX, false, "", 0 } };
	struct log_position ends[2];

	cr_assert(seglog_append(l, group, 2, ends) == 0);
	cr_assert(ends[0].offset < ends[1].offset);
	seglog_close(l);
	seglog_close(open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s));
	cr_assert(eq(sz, s.len, 2));
}

/* Cut at every byte: the records that are whole before the cut come back, and no other. */
Test(seglog, survives_a_cut_at_every_byte)
{
	struct log_position ends[RECORDS];
	char path[128], saved[4096];
	size_t size;
	FILE *f;

	fill(ends);
	segment_path(ends[0].segment, path);
	f = fopen(path, "r");
	size = fread(saved, 1, sizeof(saved), f);
	fclose(f);
	cr_assert(size == ends[RECORDS - 1].offset);
	for (size_t cut = 0; cut < size; cut++) {
		struct seen s = {};
		size_t whole = 0;
		char command[256];

		remove_dir();
		snprintf(command, sizeof(command), "mkdir -p '%s/log'", dir);
		cr_assert(system(command) == 0);
		f = fopen(path, "w");
		fwrite(saved, 1, cut, f);
		fclose(f);
		while (whole < RECORDS && ends[whole].offset <= cut)
			whole++;
		seglog_close(open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s));
		cr_expect(s.len == whole, "cut at %zu: %zu records, want %zu", cut, s.len, whole);
		cr_expect(count_files(".bad") == 0, "cut at %zu: a torn tail is no damage", cut);
	}
}

/* One wrong byte anywhere: only the record it is in is missing. */
Test(seglog, survives_one_wrong_byte_anywhere)
{
	struct log_position ends[RECORDS];
	char path[128];
	size_t at;

	fill(ends);
	segment_path(ends[0].segment, path);
	for (at = 32; at < ends[RECORDS - 1].offset; at++) {
		struct seen s = {};
		size_t hit = 0;
		uint8_t byte;
		int fd = open(path, O_RDWR);

		while (ends[hit].offset <= at)
			hit++;
		cr_assert(pread(fd, &byte, 1, (off_t)at) == 1);
		byte ^= 0x40;
		cr_assert(pwrite(fd, &byte, 1, (off_t)at) == 1);
		seglog_close(open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s));
		cr_expect(s.len == RECORDS - 1, "byte %zu: %zu records", at, s.len);
		for (size_t i = 0; i < s.len; i++)
			cr_expect(s.bodies[i][7] == (char)('1' + i + (i >= hit)),
				  "byte %zu: record %zu is '%s'", at, i, s.bodies[i]);
		byte ^= 0x40;
		cr_assert(pwrite(fd, &byte, 1, (off_t)at) == 1);
		cr_assert(ftruncate(fd, (off_t)ends[RECORDS - 1].offset) == 0);
		close(fd);
	}
	cr_expect(count_files(".bad") > 0, "damage in the middle is kept beside the segment");
}

Test(seglog, passes_over_a_segment_whose_header_is_wrong)
{
	struct log_position ends[RECORDS];
	struct seen s = {};
	char path[128];
	int fd;

	fill(ends);
	segment_path(ends[0].segment, path);
	fd = open(path, O_RDWR);
	cr_assert(pwrite(fd, "X", 1, 9) == 1);
	close(fd);
	seglog_close(open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s));
	cr_expect(s.len == 0);
	cr_expect(count_files(".bad") == 1);
}

Test(seglog, quarantines_what_the_replay_cannot_use)
{
	struct log_position ends[RECORDS];
	struct seen s = { .refuse_at = 2 };

	fill(ends);
	seglog_close(open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s));
	cr_expect(s.len == RECORDS - 1, "%zu", s.len);
	cr_expect(count_files(".bad") == 1);
}

static int fail(void *arg, const struct log_record *record, struct log_position end)
{
	return -EIO;
}

Test(seglog, ends_with_the_error_of_the_replay)
{
	struct log_position ends[RECORDS];
	struct seglog *l = NULL;

	fill(ends);
	cr_expect(seglog_open(dir, (struct log_position){}, SEGLOG_SEGMENT_BYTES, fail, NULL, &l) ==
		  -EIO);
	cr_expect(l == NULL);
}

Test(seglog, rotates_and_releases)
{
	struct log_position ends[40];
	struct seen s = {};
	struct seglog *l = open_log((struct log_position){}, 256, &s);
	uint64_t bytes;

	for (int i = 0; i < 40; i++)
		ends[i] = append(l, "forty bytes or so of a batch in a record");
	cr_expect(ends[39].segment - ends[0].segment >= 8, "256 bytes a segment");
	cr_expect(count_files(".seg") == (int)(ends[39].segment - ends[0].segment + 1));
	bytes = seglog_bytes(l);
	seglog_release(l, ends[19]);
	cr_expect(count_files(".seg") == (int)(ends[39].segment - ends[19].segment + 1));
	cr_expect(seglog_bytes(l) < bytes);
	seglog_close(l);
	seglog_close(open_log(ends[19], 256, &s));
	cr_expect(s.len == 20, "%zu", s.len);
}

Test(seglog, deletes_segments_before_the_position_at_start)
{
	struct log_position ends[40];
	struct seen s = {};
	struct seglog *l = open_log((struct log_position){}, 256, &s);

	for (int i = 0; i < 40; i++)
		ends[i] = append(l, "forty bytes or so of a batch in a record");
	seglog_close(l);
	seglog_close(open_log(ends[39], 256, &s));
	cr_expect(s.len == 0);
	cr_expect(count_files(".seg") == 2, "the last one and the new one");
}

Test(seglog, never_reuses_a_number)
{
	struct seen s = {};
	struct seglog *l = open_log((struct log_position){ 77, 0 }, 256, &s);
	struct log_position end = append(l, "x");

	cr_expect(end.segment == 78);
	seglog_close(l);
}

Test(seglog, refuses_a_body_it_could_not_read_back)
{
	struct seen s = {};
	struct seglog *l = open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s);
	char *large = calloc(1, SEGLOG_BODY_MAX + 1);
	struct log_record r = { 0, false, large, SEGLOG_BODY_MAX + 1 };
	struct log_position end;

	cr_expect(seglog_append(l, &r, 1, &end) == -EMSGSIZE);
	r.body_len--;
	cr_expect(seglog_append(l, &r, 1, &end) == 0);
	free(large);
	seglog_close(l);
}

/* A full disk: nothing of the group counts, and the log works again when there is space. */
Test(seglog, takes_back_a_group_that_did_not_fit)
{
	struct seen s = {};
	struct seglog *l = open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s);
	struct rlimit limit = { 100, RLIM_INFINITY };
	struct log_record group[3] = { { 0, false, "first", 5 },
				       { 0, false, "second, much longer than the limit leaves",
					 41 },
				       { 0, false, "third", 5 } };
	struct log_position ends[3];

	append(l, "before");
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	cr_expect(seglog_append(l, group, 3, ends) == -EFBIG);
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	append(l, "after");
	seglog_close(l);
	seglog_close(open_log((struct log_position){}, SEGLOG_SEGMENT_BYTES, &s));
	cr_assert(s.len == 2, "%zu", s.len);
	cr_expect(eq(str, s.bodies[0], "before"));
	cr_expect(eq(str, s.bodies[1], "after"));
}
