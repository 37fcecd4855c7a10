// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Records in, durable segments out; what a crash left behind comes back through seglog_replay.c. */
#include "user/collector/seglog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "user/collector/seglog_format.h"
#include "user/collector/seglog_replay.h"
#include "user/lib/log.h"

struct seglog {
	int dir_fd;
	uint64_t segment_bytes;
	_Atomic uint64_t bytes; /* of all segments */
	/* the appending thread's */
	int fd; /* -1: the next append opens a new segment */
	uint64_t number;
	uint64_t offset;
	uint64_t salt;
	/* the releasing thread's */
	uint64_t oldest;
};

void seglog_close(struct seglog *l)
{
	if (!l)
		return;
	close_fd(l->fd);
	close_fd(l->dir_fd);
	free(l);
}

uint64_t seglog_bytes(const struct seglog *l)
{
	return l->bytes;
}

struct log_position seglog_end(const struct seglog *l)
{
	return (struct log_position){ l->number, l->offset };
}

static int write_all(int fd, struct iovec *iov, int len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pwritev(fd, iov, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		offset += (uint64_t)n;
		while (len > 0 && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			len--;
		}
		if (len > 0) {
			iov->iov_base = (uint8_t *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

static int segment_write_header(struct seglog *l, int fd)
{
	uint8_t header[SEGMENT_HEADER_BYTES];
	struct iovec iov = { header, sizeof(header) };
	int err;

	segment_format(l->number, l->salt, header);
	err = write_all(fd, &iov, 1, 0);
	if (err)
		return err;
	/* the name must be as durable as the records that will be acknowledged from it */
	if (fsync(fd) || fsync(l->dir_fd))
		return -errno;
	return 0;
}

static int segment_create(struct seglog *l)
{
	char name[SEGMENT_NAME_MAX];
	AUTO_FD int fd = -1;
	int err;

	close_fd(TAKE_FD(l->fd));
	l->number++;
	segment_name(l->number, name);
	if (getrandom(&l->salt, sizeof(l->salt), 0) != sizeof(l->salt))
		return -EIO;
	fd = openat(l->dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	err = segment_write_header(l, fd);
	if (err) {
		unlinkat(l->dir_fd, name, 0);
		return err;
	}
	l->fd = TAKE_FD(fd);
	l->offset = SEGMENT_HEADER_BYTES;
	l->bytes += SEGMENT_HEADER_BYTES;
	return 0;
}

/* Space for `need` more bytes: a segment never outgrows its limit, unless one group alone does. */
static int segment_reserve(struct seglog *l, uint64_t need)
{
	if (l->fd >= 0 &&
	    (l->offset == SEGMENT_HEADER_BYTES || l->offset + need <= l->segment_bytes))
		return 0;
	return segment_create(l);
}

/*
 * What a failed write left must not be replayed as if it had been acknowledged. After a failed
 * sync the page cache cannot be trusted either, so the segment is closed for good.
 */
static void segment_abandon(struct seglog *l)
{
	if (ftruncate(l->fd, (off_t)l->offset) || fdatasync(l->fd))
		log_warn("segment log: cut segment %016" PRIx64 " after a failed write: %s",
			 l->number, strerror(errno));
	close_fd(TAKE_FD(l->fd));
}

int seglog_append(struct seglog *l, const struct log_record *records, size_t len,
		  struct log_position *ends)
{
	uint8_t headers[SEGLOG_GROUP_MAX][RECORD_HEADER_BYTES];
	struct iovec iov[2 * SEGLOG_GROUP_MAX];
	uint64_t need = 0;
	int err;

	if (len > SEGLOG_GROUP_MAX)
		return -E2BIG;
	for (size_t i = 0; i < len; i++) {
		if (records[i].body_len > SEGLOG_BODY_MAX)
			return -EMSGSIZE;
		need += RECORD_HEADER_BYTES + records[i].body_len;
	}
	err = segment_reserve(l, need);
	if (err)
		return err;
	need = l->offset;
	for (size_t i = 0; i < len; i++) {
		record_format(l->salt, &records[i], headers[i]);
		iov[2 * i] = (struct iovec){ headers[i], RECORD_HEADER_BYTES };
		iov[2 * i + 1] = (struct iovec){ (void *)records[i].body, records[i].body_len };
		need += RECORD_HEADER_BYTES + records[i].body_len;
		ends[i] = (struct log_position){ l->number, need };
	}
	err = write_all(l->fd, iov, (int)(2 * len), l->offset);
	if (!err && fdatasync(l->fd))
		err = -errno;
	if (err) {
		segment_abandon(l);
		return err;
	}
	l->bytes += need - l->offset;
	l->offset = need;
	return 0;
}

void seglog_release(struct seglog *l, struct log_position committed)
{
	for (; l->oldest < committed.segment; l->oldest++) {
		char name[SEGMENT_NAME_MAX];
		struct stat st;

		segment_name(l->oldest, name);
		if (fstatat(l->dir_fd, name, &st, 0))
			continue; /* never written, or gone with an earlier start */
		if (unlinkat(l->dir_fd, name, 0)) {
			log_warn("segment log: delete '%s': %s", name, strerror(errno));
			return;
		}
		l->bytes -= (uint64_t)st.st_size < l->bytes ? (uint64_t)st.st_size : l->bytes;
	}
}

static int seglog_open_dir(struct seglog *l, const char *dir)
{
	AUTO_FD int parent = open(dir, O_DIRECTORY | O_CLOEXEC);

	if (parent < 0)
		return -errno;
	if (mkdirat(parent, "log", 0750) && errno != EEXIST)
		return -errno;
	l->dir_fd = openat(parent, "log", O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0 || fsync(parent))
		return -errno;
	return 0;
}

int seglog_open(const char *dir, struct log_position from, uint64_t segment_bytes,
		seglog_replay_fn *replay, void *arg, struct seglog **ret)
{
	AUTO(seglog_close) struct seglog *l = calloc(1, sizeof(*l));
	struct replay_result found = {};
	int err;

	if (!l)
		return -ENOMEM;
	l->dir_fd = l->fd = -1;
	l->segment_bytes = segment_bytes;
	err = seglog_open_dir(l, dir);
	if (!err)
		err = seglog_replay(l->dir_fd, from, replay, arg, &found);
	if (!err) {
		l->number = found.newest > from.segment ? found.newest : from.segment;
		l->oldest = found.oldest;
		l->bytes = found.bytes;
		err = segment_create(l);
	}
	if (err) {
		log_error("open segment log '%s/log': %s", dir, strerror(-err));
		return err;
	}
	*ret = TAKE(l);
	return 0;
}
