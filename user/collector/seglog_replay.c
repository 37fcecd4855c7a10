// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Segments of an earlier run in, their records out in order; damage is cut off or quarantined. */
#include "user/collector/seglog_replay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/collector/seglog_format.h"
#include "user/lib/log.h"

/* One segment, mapped. */
struct segment {
	int dir_fd;
	int fd;
	uint64_t number;
	char name[SEGMENT_NAME_MAX];
	uint8_t *bytes;
	size_t len;
	uint64_t salt;
	bool is_last;
};

const char *segment_name(uint64_t number, char ret[SEGMENT_NAME_MAX])
{
	snprintf(ret, SEGMENT_NAME_MAX, "%016" PRIx64 ".seg", number);
	return ret;
}

static bool segment_number(const char *name, uint64_t *ret)
{
	char again[SEGMENT_NAME_MAX];

	if (sscanf(name, "%16" SCNx64, ret) != 1)
		return false;
	return !strcmp(segment_name(*ret, again), name);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void close_dir(DIR *d)
{
	if (d)
		closedir(d);
}
DEFINE_AUTO(close_dir, DIR *);

/* The numbers of all segments, sorted. */
static int list_segments(int dir_fd, uint64_t **ret, size_t *ret_len)
{
	AUTO_FREE uint64_t *numbers = NULL;
	AUTO_FD int fd = openat(dir_fd, ".", O_DIRECTORY | O_CLOEXEC);
	AUTO(close_dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	size_t len = 0;

	if (!d)
		return -errno;
	fd = -1; /* the DIR's now */
	numbers = calloc(SEGMENTS_MAX, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	while ((e = readdir(d))) {
		if (len == SEGMENTS_MAX)
			return -E2BIG;
		if (segment_number(e->d_name, &numbers[len]))
			len++;
	}
	qsort(numbers, len, sizeof(*numbers), compare_numbers);
	*ret = TAKE(numbers);
	*ret_len = len;
	return 0;
}

static void segment_unmap(struct segment *s)
{
	if (s->bytes)
		munmap(s->bytes, s->len);
	close_fd(s->fd);
}

static int segment_map(struct segment *s)
{
	struct stat st;

	s->fd = openat(s->dir_fd, s->name, O_RDWR | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st))
		return -errno;
	s->len = (size_t)st.st_size;
	if (!s->len)
		return 0;
	s->bytes = mmap(NULL, s->len, PROT_READ, MAP_PRIVATE, s->fd, 0);
	if (s->bytes == MAP_FAILED) {
		s->bytes = NULL;
		return -errno;
	}
	return 0;
}

/* Copies damaged bytes beside the segment, for whoever wants to look; failing is only logged. */
static void quarantine(const struct segment *s, size_t from, size_t to)
{
	char name[64];
	AUTO_FD int fd = -1;

	snprintf(name, sizeof(name), "%016" PRIx64 "-%zu.bad", s->number, from);
	log_error("segment log: '%s' is damaged from byte %zu to %zu: passed over, kept as '%s'",
		  s->name, from, to, name);
	fd = openat(s->dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0 || write(fd, s->bytes + from, to - from) != (ssize_t)(to - from))
		log_warn("segment log: write '%s': %s", name, strerror(errno));
}

/* Nothing good behind offset: in the newest segment that is a write the crash interrupted. */
static int cut_tail(struct segment *s, size_t offset)
{
	if (!s->is_last) {
		quarantine(s, offset, s->len);
		return 0;
	}
	log_warn("segment log: '%s' ends in %zu bytes of an unfinished write: cut off", s->name,
		 s->len - offset);
	if (ftruncate(s->fd, (off_t)offset) || fsync(s->fd))
		return -errno;
	return 0;
}

/* The good record at or behind *offset, which moves behind it; 0 at the end, 1, or -errno. */
static int next_record(struct segment *s, size_t *offset, struct log_record *record)
{
	size_t end, good;
	int err;

	if (*offset >= s->len)
		return 0;
	if (!record_parse(s->bytes, s->len, *offset, s->salt, record, &end)) {
		*offset = end;
		return 1;
	}
	good = record_find(s->bytes, s->len, *offset + 1, s->salt);
	if (good == s->len) {
		err = cut_tail(s, *offset);
		*offset = s->len;
		return err;
	}
	quarantine(s, *offset, good);
	*offset = good;
	return next_record(s, offset, record);
}

static int replay_records(struct segment *s, size_t offset, seglog_replay_fn *replay, void *arg)
{
	struct log_record record;
	size_t start = offset;
	int err;

	while ((err = next_record(s, &offset, &record)) > 0) {
		struct log_position end = { s->number, offset };

		err = replay(arg, &record, end);
		if (err == -EBADMSG)
			quarantine(s, start, offset);
		else if (err)
			return err;
		start = offset;
	}
	return err;
}

static int replay_segment(struct segment *s, struct log_position from, seglog_replay_fn *replay,
			  void *arg)
{
	size_t offset = SEGMENT_HEADER_BYTES;
	int err = segment_map(s);

	if (err)
		return err;
	if (s->is_last && s->len < SEGMENT_HEADER_BYTES) {
		log_warn("segment log: '%s' was never finished: deleted", s->name);
		return unlinkat(s->dir_fd, s->name, 0) ? -errno : 0;
	}
	if (segment_parse(s->bytes, s->len, s->number, &s->salt)) {
		quarantine(s, 0, s->len);
		return 0;
	}
	if (from.segment == s->number && from.offset > offset)
		offset = from.offset;
	if (offset > s->len) {
		log_error("segment log: '%s' has %zu bytes, the store has %zu of it", s->name,
			  s->len, offset);
		return 0;
	}
	return replay_records(s, offset, replay, arg);
}

static void account(const struct segment *s, struct replay_result *ret)
{
	struct stat st;

	if (fstatat(s->dir_fd, s->name, &st, 0))
		return;
	ret->bytes += (uint64_t)st.st_size;
	ret->newest = s->number;
	if (!ret->oldest)
		ret->oldest = s->number;
}

int seglog_replay(int dir_fd, struct log_position from, seglog_replay_fn *replay, void *arg,
		  struct replay_result *ret)
{
	AUTO_FREE uint64_t *numbers = NULL;
	size_t len = 0;
	int err = list_segments(dir_fd, &numbers, &len);

	for (size_t i = 0; !err && i < len; i++) {
		struct segment s = { .dir_fd = dir_fd, .fd = -1, .number = numbers[i] };

		segment_name(s.number, s.name);
		s.is_last = i == len - 1;
		if (s.number < from.segment) {
			err = unlinkat(dir_fd, s.name, 0) ? -errno : 0;
			continue;
		}
		err = replay_segment(&s, from, replay, arg);
		segment_unmap(&s);
		account(&s, ret);
	}
	return err;
}
