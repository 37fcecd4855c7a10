// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Batches in at one end, out at the other, files between them (disk_file.c). */
#include "user/agent/disk_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/agent/disk_file.h"
#include "user/agent/disk_record.h"
#include "user/lib/log.h"

struct disk_spool {
	int dir_fd;
	uint64_t limit_bytes;
	struct disk_files files; /* oldest first */
	struct disk_record *record; /* the oldest, as read; NULL: not read yet */
	struct spool_entry *entry; /* the same for the ship thread */
	struct disk_spool_depth depth;
	uint64_t last_sequence; /* appended last, and whose */
	uint8_t last_instance[16];
};

int disk_spool_folder(const char *dir, const char *agent, uid_t uid, gid_t gid, int *ret_fd)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, agent) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if ((mkdir(dir, 0755) && errno != EEXIST) || (mkdir(path, 0750) && errno != EEXIST))
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fchown(fd, uid, gid) && geteuid() == 0) {
		close(fd);
		return -EPERM;
	}
	*ret_fd = fd;
	return 0;
}

/* ---- open ----------------------------------------------------------------------------------- */

static void set_depth(struct disk_spool *d)
{
	uint64_t batches = 0, bytes = 0;

	for (size_t i = 0; i < d->files.len; i++) {
		batches += d->files.at[i].records - d->files.at[i].sent;
		bytes += d->files.at[i].bytes;
	}
	__atomic_store_n(&d->depth.batches, batches, __ATOMIC_RELAXED);
	__atomic_store_n(&d->depth.bytes, bytes, __ATOMIC_RELAXED);
}

int disk_spool_open(int dir_fd, uint64_t limit_bytes, struct disk_spool **ret)
{
	AUTO(disk_spool_close) struct disk_spool *d = calloc(1, sizeof(*d));
	int err;

	if (!d) {
		close(dir_fd);
		return -ENOMEM;
	}
	d->dir_fd = dir_fd;
	d->limit_bytes = d->depth.limit_bytes = limit_bytes;
	if (flock(dir_fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	err = disk_files_scan(&d->files, dir_fd, d->last_instance, &d->last_sequence);
	if (err)
		return err;
	set_depth(d);
	if (d->depth.batches)
		log_info("disk spool: %llu batches of a run before wait for the collector",
			 (unsigned long long)d->depth.batches);
	*ret = TAKE(d);
	return 0;
}

static void forget_oldest(struct disk_spool *d)
{
	free(TAKE(d->record));
	free(TAKE(d->entry));
}

void disk_spool_close(struct disk_spool *d)
{
	if (!d)
		return;
	forget_oldest(d);
	disk_files_done(&d->files);
	close(d->dir_fd);
	free(d);
}

struct disk_spool_depth disk_spool_depth(const struct disk_spool *d)
{
	return (struct disk_spool_depth){
		.bytes = __atomic_load_n(&d->depth.bytes, __ATOMIC_RELAXED),
		.limit_bytes = d->depth.limit_bytes,
		.batches = __atomic_load_n(&d->depth.batches, __ATOMIC_RELAXED),
		.given_up = __atomic_load_n(&d->depth.given_up, __ATOMIC_RELAXED),
	};
}

/* ---- in ------------------------------------------------------------------------------------- */

/*
 * The rows of the oldest file that still has some. One of its batches may be on its way: then it
 * is stored, and what we send in its place is a duplicate; or it is not.
 */
static int give_up_oldest(struct disk_spool *d)
{
	for (size_t i = 0; i < d->files.len; i++) {
		uint64_t given_up = 0;
		int err;

		if (d->files.at[i].is_given_up)
			continue;
		err = disk_file_give_up(&d->files, i, &given_up);
		if (err)
			return err;
		log_warn("disk spool: at its limit: %llu batches lost their rows: lost/spool_full",
			 (unsigned long long)given_up);
		__atomic_fetch_add(&d->depth.given_up, given_up, __ATOMIC_RELAXED);
		set_depth(d);
		return 0;
	}
	return -ENOSPC;
}

static bool is_there(const struct disk_spool *d, const uint8_t instance[16], uint64_t sequence)
{
	return sequence <= d->last_sequence && !memcmp(instance, d->last_instance, 16);
}

int disk_spool_append(struct disk_spool *d, const uint8_t instance[16], const struct spool_entry *e)
{
	AUTO_FREE struct disk_record *r = NULL;
	int err = 0;

	if (is_there(d, instance, e->sequence))
		return 0;
	r = disk_record_new(instance, e->sequence, 0, spool_sums(e), e->sums_len, spool_body(e),
			    e->body_len);
	if (!r)
		return -ENOMEM;
	while (!err && d->depth.bytes + r->bytes > d->limit_bytes)
		err = give_up_oldest(d);
	if (!err)
		err = disk_files_append(&d->files, r);
	if (err)
		return err;
	d->last_sequence = e->sequence;
	memcpy(d->last_instance, instance, 16);
	set_depth(d);
	return 0;
}

int disk_spool_sync(struct disk_spool *d)
{
	return disk_files_sync(&d->files);
}

/* ---- out ------------------------------------------------------------------------------------ */

/* Without ledgers: those are for the drop from memory, which is over. */
static int make_entry(struct disk_spool *d)
{
	const struct disk_record *r = d->record;
	size_t sums_bytes = r->sums_len * sizeof(struct spool_sum);
	struct spool_entry *e = malloc(sizeof(*e) + sums_bytes + r->body_len);

	if (!e)
		return -ENOMEM;
	*e = (struct spool_entry){
		.magic = SPOOL_MAGIC,
		.bytes = (uint32_t)(sizeof(*e) + sums_bytes + r->body_len),
		.sequence = r->sequence,
		.sums_len = r->sums_len,
		.body_len = r->body_len,
	};
	if (sums_bytes)
		memcpy(spool_sums(e), disk_record_sums(r), sums_bytes);
	memcpy((void *)spool_body(e), disk_record_body(r), r->body_len);
	free(d->entry);
	d->entry = e;
	return 0;
}

const struct spool_entry *disk_spool_next(struct disk_spool *d)
{
	while (!d->record) {
		int err = disk_files_read(&d->files, &d->record);

		if (err == -ENOENT)
			return NULL;
		if (err) /* the disk: what is unreadable now was readable at the scan */
			log_error("disk spool: read: %s", strerror(-err));
		if (err)
			return NULL;
		set_depth(d);
	}
	if (!d->entry && make_entry(d))
		return NULL;
	return d->entry;
}

void disk_spool_done(struct disk_spool *d)
{
	if (!d->record)
		return;
	disk_files_sent(&d->files);
	forget_oldest(d);
	set_depth(d);
}

int disk_spool_refused(struct disk_spool *d)
{
	struct disk_record *instead;
	int err;

	if (!d->record || d->record->flags & DISK_RECORD_GIVEN_UP)
		return -EINVAL;
	err = disk_record_give_up(d->record, COUNT_LOST_REFUSED, &instead);
	if (err)
		return err;
	free(d->record);
	d->record = instead;
	return make_entry(d);
}
