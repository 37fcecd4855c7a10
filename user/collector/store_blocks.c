// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows of the hours that still get some in, blocks in their files out; and where which block is. */
#include "user/collector/store_blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/collector/row_sort.h"
#include "user/collector/store_block.h"
#include "user/lib/log.h"

/* Columns side by side would share the same few lines of the cache. */
#define COLUMN_BYTES (BLOCK_ROWS * sizeof(uint64_t) + 64)

/* What is known of one file. */
struct index {
	struct index *next;
	int64_t hour;
	struct block_entry *at;
	size_t len, size;
};

struct store_blocks {
	int folder_fd;
	uint64_t sort_bytes;
	pthread_mutex_t lock; /* of the indexes */
	struct index *indexes;
	/* the committer's */
	int fd; /* -1: no file is open */
	int64_t hour;
	uint64_t end;
	uint8_t *rows; /* columns of the next block */
	uint8_t *block;
};

int store_blocks_new(int folder_fd, uint64_t sort_bytes, struct store_blocks **ret)
{
	AUTO(store_blocks_free) struct store_blocks *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->folder_fd = folder_fd;
	b->sort_bytes = sort_bytes;
	b->fd = -1;
	pthread_mutex_init(&b->lock, NULL);
	b->rows = aligned_alloc(64, BLOCK_COLUMNS * COLUMN_BYTES);
	b->block = aligned_alloc(64, (BLOCK_BYTES_MAX + 63) / 64 * 64);
	if (!b->rows || !b->block)
		return -ENOMEM;
	*ret = TAKE(b);
	return 0;
}

static void index_free(struct index *x)
{
	free(x->at);
	free(x);
}

void store_blocks_free(struct store_blocks *b)
{
	struct index *x;

	if (!b)
		return;
	store_blocks_close(b);
	while ((x = b->indexes)) {
		b->indexes = x->next;
		index_free(x);
	}
	pthread_mutex_destroy(&b->lock);
	free(b->rows);
	free(b->block);
	free(b);
}

const char *store_blocks_name(int64_t hour, char name[STORE_FILE_MAX])
{
	snprintf(name, STORE_FILE_MAX, "flows_%" PRId64 ".rows", hour);
	return name;
}

int store_blocks_fd(struct store_blocks *b, int64_t hour)
{
	char name[STORE_FILE_MAX];
	int fd = openat(b->folder_fd, store_blocks_name(hour, name), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

uint32_t store_blocks_sort_rows(const struct store_blocks *b)
{
	uint64_t rows = b->sort_bytes / SORT_ROW_BYTES;

	return (uint32_t)(rows < SORT_ROWS_MIN	 ? SORT_ROWS_MIN
			  : rows > SORT_ROWS_MAX ? SORT_ROWS_MAX
						 : rows);
}

/* ---- indexes; with the lock held ------------------------------------------------------------ */

static struct index *index_find(struct store_blocks *b, int64_t hour)
{
	struct index *x = b->indexes;

	while (x && x->hour != hour)
		x = x->next;
	return x;
}

static uint64_t index_end(const struct index *x)
{
	return x->len ? x->at[x->len - 1].offset + x->at[x->len - 1].bytes : 0;
}

static int index_add(struct index *x, const struct block_head *head)
{
	size_t size = x->size ? 2 * x->size : 64;
	uint64_t first = x->len ? x->at[x->len - 1].first_row + x->at[x->len - 1].rows : 0;

	if (x->len == x->size) {
		struct block_entry *at = reallocarray(x->at, size, sizeof(*at));

		if (!at)
			return -ENOMEM;
		x->at = at;
		x->size = size;
	}
	x->at[x->len] =
		(struct block_entry){ index_end(x),	  first,	   head->bytes, head->rows,
				      head->min_start_us, head->max_end_us };
	x->len++;
	return 0;
}

/* From one block's head to the next. */
static int index_walk(struct index *x, int fd, uint64_t bytes)
{
	struct block_head head;
	struct stat st;
	int err = 0;

	if (bytes && (fstat(fd, &st) || (uint64_t)st.st_size < bytes))
		return -EBADMSG;
	while (!err && index_end(x) < bytes) {
		ssize_t n = pread(fd, &head, sizeof(head), (off_t)index_end(x));

		if (n < 0)
			return -errno;
		err = n < (ssize_t)sizeof(head) ? -EBADMSG
						: block_head_check(&head, bytes - index_end(x));
		if (!err)
			err = index_add(x, &head);
	}
	return err;
}

static int index_load(struct store_blocks *b, int64_t hour, uint64_t bytes, struct index **ret)
{
	AUTO_FD int fd = bytes ? store_blocks_fd(b, hour) : -1;
	struct index *x = calloc(1, sizeof(*x));
	int err = bytes && fd < 0 ? fd : 0;

	if (!x)
		return -ENOMEM;
	x->hour = hour;
	if (!err)
		err = index_walk(x, fd, bytes);
	if (err) {
		index_free(x);
		return err;
	}
	x->next = b->indexes;
	b->indexes = *ret = x;
	return 0;
}

/* One that knows of all blocks within `bytes`. */
static int index_get(struct store_blocks *b, int64_t hour, uint64_t bytes, struct index **ret)
{
	struct index *x = index_find(b, hour);
	AUTO_FD int fd = -1;

	*ret = x;
	if (!x)
		return index_load(b, hour, bytes, ret);
	if (index_end(x) >= bytes)
		return 0;
	fd = store_blocks_fd(b, hour);
	return fd < 0 ? fd : index_walk(x, fd, bytes);
}

static size_t blocks_within(const struct index *x, uint64_t bytes)
{
	size_t len = x->len;

	while (len && x->at[len - 1].offset >= bytes)
		len--;
	return len;
}

/* ---- the committer's ------------------------------------------------------------------------ */

static int open_file(struct store_blocks *b, int64_t hour, uint64_t bytes)
{
	char name[STORE_FILE_MAX];
	int flags = O_RDWR | O_CLOEXEC | (bytes ? 0 : O_CREAT | O_TRUNC);

	struct stat st;

	b->fd = openat(b->folder_fd, store_blocks_name(hour, name), flags, 0640);
	if (b->fd >= 0 && !fstat(b->fd, &st) && (uint64_t)st.st_size < bytes)
		return -EBADMSG;
	if (b->fd >= 0 && !ftruncate(b->fd, (off_t)bytes) && (bytes || !fsync(b->folder_fd)))
		return 0;
	return -errno;
}

int store_blocks_open(struct store_blocks *b, int64_t hour, uint64_t bytes, void *columns[])
{
	struct index *x;
	int err;

	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		columns[i] = b->rows + i * COLUMN_BYTES;
	if (b->fd >= 0 && b->hour == hour && b->end == bytes)
		return 0;
	store_blocks_close(b);
	err = open_file(b, hour, bytes);
	pthread_mutex_lock(&b->lock);
	if (!err)
		err = index_get(b, hour, bytes, &x);
	if (!err) {
		x->len = blocks_within(x, bytes);
		err = index_end(x) == bytes ? 0 : -EBADMSG;
	}
	pthread_mutex_unlock(&b->lock);
	if (err) {
		log_error("store: rows of hour %" PRId64 ": %s", hour, strerror(-err));
		store_blocks_close(b);
		return err;
	}
	b->hour = hour;
	b->end = bytes;
	return 0;
}

static int write_all(int fd, const uint8_t *buf, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, buf, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		buf += n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* Nobody has removed it, nor cut off what was written. */
static bool is_file_sound(const struct store_blocks *b)
{
	struct stat st;

	return !fstat(b->fd, &st) && st.st_nlink && (uint64_t)st.st_size >= b->end;
}

int store_blocks_push(struct store_blocks *b, size_t rows)
{
	void *columns[BLOCK_COLUMNS];
	struct index *x;
	size_t bytes;
	int err;

	if (!rows)
		return 0;
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		columns[i] = b->rows + i * COLUMN_BYTES;
	bytes = block_encode(columns, (uint32_t)rows, b->block);
	err = is_file_sound(b) ? write_all(b->fd, b->block, bytes, b->end) : -EBADMSG;
	pthread_mutex_lock(&b->lock);
	x = index_find(b, b->hour);
	if (!err)
		err = x ? index_add(x, (const struct block_head *)b->block) : -ENOENT;
	pthread_mutex_unlock(&b->lock);
	if (err)
		log_error("store: write rows of hour %" PRId64 ": %s", b->hour, strerror(-err));
	else
		b->end += bytes;
	return err;
}

int store_blocks_sync(struct store_blocks *b, uint64_t *bytes)
{
	*bytes = b->end;
	if (!fdatasync(b->fd))
		return 0;
	log_error("store: sync rows of hour %" PRId64 ": %s", b->hour, strerror(errno));
	return -errno;
}

void store_blocks_close(struct store_blocks *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

void store_blocks_forget(struct store_blocks *b, int64_t hour)
{
	struct index **at;

	if (b->fd >= 0 && b->hour == hour)
		store_blocks_close(b);
	pthread_mutex_lock(&b->lock);
	for (at = &b->indexes; *at && (*at)->hour != hour;)
		at = &(*at)->next;
	if (*at) {
		struct index *gone = *at;

		*at = gone->next;
		index_free(gone);
	}
	pthread_mutex_unlock(&b->lock);
}

/* ---- any thread's --------------------------------------------------------------------------- */

int store_blocks_list(struct store_blocks *b, int64_t hour, uint64_t bytes,
		      struct block_entry **ret, size_t *len)
{
	struct index *x;
	int err;

	*ret = NULL;
	pthread_mutex_lock(&b->lock);
	err = index_get(b, hour, bytes, &x);
	if (!err) {
		*len = blocks_within(x, bytes);
		*ret = calloc(*len + 1, sizeof(**ret));
		err = *ret ? 0 : -ENOMEM;
	}
	if (!err)
		memcpy(*ret, x->at, *len * sizeof(**ret));
	pthread_mutex_unlock(&b->lock);
	return err;
}

static int check_block(int fd, const struct block_entry *e, uint8_t *buf)
{
	struct block_head *head = (struct block_head *)buf;
	ssize_t n = pread(fd, buf, e->bytes, (off_t)e->offset);

	if (n < 0)
		return -errno;
	if (n < (ssize_t)e->bytes || block_head_check(head, e->bytes) || head->bytes != e->bytes ||
	    head->rows != e->rows)
		return -EBADMSG;
	return block_check(buf);
}

int store_blocks_check(struct store_blocks *b, int64_t hour, uint64_t bytes)
{
	AUTO_FREE uint8_t *buf = malloc(BLOCK_BYTES_MAX);
	AUTO_FREE struct block_entry *at = NULL;
	AUTO_FD int fd = store_blocks_fd(b, hour);
	size_t len = 0;
	int err = fd < 0 ? fd : store_blocks_list(b, hour, bytes, &at, &len);

	if (!buf)
		return -ENOMEM;
	for (size_t i = 0; !err && i < len; i++)
		err = check_block(fd, &at[i], buf);
	return err;
}
