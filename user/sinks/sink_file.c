// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Rows in, lines of JSON or protobuf messages in a file out. A full file gets the time in its name
 * and a new one is begun; the oldest beyond `keep` go. "-" is standard output.
 *
 *   file:/var/log/flows.jsonl   flows.jsonl, flows.jsonl.20261126T031500.000123, …
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/units.h"
#include "user/sinks/sink_kind.h"
#include "user/sinks/sink_record.h"
#include "user/sinks/sink_rotation.h"

#define BUFFER_BYTES (256u << 10)
#define VARINT_MAX 5
#define ROTATE_DEFAULT (UINT64_C(256) << 20)
#define KEEP_DEFAULT 10
#define SUFFIX_FORMAT ".%Y%m%dT%H%M%S" /* sorts by time */
#define SUFFIX_LEN 23 /* and ".000123" */

struct file {
	struct sink *sink;
	const char *path; /* NULL: standard output */
	bool is_protobuf;
	uint64_t rotate_bytes, keep;
	int fd;
	uint64_t bytes; /* in the file */
	size_t len; /* in buffer */
	uint64_t rows; /* in buffer */
	uint8_t buffer[BUFFER_BYTES];
};

static int parse_options(struct file *f, struct sink_url *url)
{
	const char *format = sink_url_option(url, "format"),
		   *rotate = sink_url_option(url, "rotate");

	if (format && strcmp(format, "json") != 0 && strcmp(format, "protobuf") != 0)
		return -EINVAL;
	f->is_protobuf = format && !strcmp(format, "protobuf");
	if (rotate &&
	    (units_parse_bytes(rotate, &f->rotate_bytes) || f->rotate_bytes < BUFFER_BYTES))
		return -EINVAL;
	return sink_url_number(url, "keep", 0, 100000, &f->keep);
}

static int file_make(const struct sink_kind *kind, struct sink *sink, struct sink_url *url,
		     void **ret, const char **why)
{
	AUTO_FREE struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct file){
		.sink = sink, .rotate_bytes = ROTATE_DEFAULT, .keep = KEEP_DEFAULT, .fd = -1
	};
	if (*url->authority || (strcmp(url->path, "-") != 0 && *url->path != '/')) {
		*why = "want file:/PATH, or file:- for standard output";
		return -EINVAL;
	}
	f->path = strcmp(url->path, "-") ? url->path : NULL;
	*why = "behind ? may stand format=json|protobuf, rotate=SIZE (256K or more), keep=FILES and all=1";
	if (parse_options(f, url))
		return -EINVAL;
	*ret = TAKE(f);
	return 0;
}

static int file_open(void *own)
{
	struct file *f = own;
	struct stat st;

	f->len = f->rows = 0;
	f->fd = f->path ? open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)
			: fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (f->fd < 0)
		return -errno;
	f->bytes = f->path && !fstat(f->fd, &st) ? (uint64_t)st.st_size : 0;
	return 0;
}

static void file_close(void *own)
{
	struct file *f = own;

	close_fd(TAKE_FD(f->fd));
}

/* ---- rotation ------------------------------------------------------------------------------- */

/* NAME.20261126T031500.000123 */
static bool is_rotated(const char *name, const char *base)
{
	size_t len = strlen(base);

	return !strncmp(name, base, len) && strlen(name) == len + SUFFIX_LEN && name[len] == '.' &&
	       !name[len + 1 + strspn(name + len + 1, "0123456789T.")];
}

static int rotate(struct file *f)
{
	AUTO_FREE char *to = NULL;
	int64_t now_us = wall_us();
	time_t s = now_us / 1000000;
	char at[24];
	struct tm tm;

	strftime(at, sizeof(at), SUFFIX_FORMAT, gmtime_r(&s, &tm));
	if (asprintf(&to, "%s%s.%06d", f->path, at, (int)(now_us % 1000000)) < 0)
		return -ENOMEM;
	if (rename(f->path, to))
		return -errno;
	file_close(f);
	sink_rotation_trim(f->path, is_rotated, f->keep);
	return file_open(f);
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* All or nothing of what is buffered: after an error the file ends where it did. */
static int flush(struct file *f)
{
	size_t done = 0;

	while (done < f->len) {
		ssize_t n = write(f->fd, f->buffer + done, f->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			if (f->path && ftruncate(f->fd, (off_t)f->bytes))
				return err; /* a cut message stays behind */
			return err;
		}
		done += (size_t)n;
	}
	f->bytes += done;
	sink_confirm(f->sink, f->rows, done);
	f->len = f->rows = 0;
	return f->path && f->bytes >= f->rotate_bytes ? rotate(f) : 0;
}

static size_t put_varint(uint8_t *to, size_t n)
{
	size_t len = 0;

	for (; n >= 0x80; n >>= 7)
		to[len++] = (uint8_t)(n | 0x80);
	to[len++] = (uint8_t)n;
	return len;
}

/* Length, or -EMSGSIZE. */
static int put_row(const struct file *f, const struct sink_rows *rows, size_t i, uint8_t *to)
{
	uint8_t message[SINK_RECORD_MAX];
	size_t head;
	int n;

	if (!f->is_protobuf) {
		n = sink_record_json(rows, i, (char *)to);
		if (n > 0)
			to[n] = '\n';
		return n > 0 ? n + 1 : n;
	}
	n = sink_record_protobuf(rows, i, message);
	if (n < 0)
		return n;
	head = put_varint(to, (size_t)n);
	memcpy(to + head, message, (size_t)n);
	return (int)head + n;
}

static int file_deliver(void *own, const struct sink_rows *rows, size_t from)
{
	struct file *f = own;
	int err = 0;

	for (size_t i = from; !err && i < sink_rows_len(rows); i++) {
		int n = put_row(f, rows, i, f->buffer + f->len);

		if (n > 0) {
			f->len += (size_t)n;
			f->rows++;
		} else {
			err = flush(f);
			if (!err)
				sink_reject(f->sink, 1);
		}
		if (!err && f->len + VARINT_MAX + SINK_RECORD_MAX > sizeof(f->buffer))
			err = flush(f);
	}
	return err ? err : flush(f);
}

const struct sink_kind sink_file = {
	.scheme = "file:",
	.takes_connections = true,
	.has_drops = true,
	.make = file_make,
	.open = file_open,
	.deliver = file_deliver,
	.close = file_close,
	.free = free,
};
