// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Spool files: scanned, appended to, read, marked, written again. */
#include "user/agent/disk_file.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/agent/disk_record.h"
#include "user/agent/disk_spool.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"

#define FILE_MAGIC "WTSPOOL1"
#define FILE_VERSION 1
#define NAME_MAX_LEN 32

struct file_header {
	char magic[8];
	uint32_t version;
	uint32_t pad;
};

static const struct file_header header = { .magic = FILE_MAGIC, .version = FILE_VERSION };

static const char *name_of(uint64_t number, char name[NAME_MAX_LEN])
{
	snprintf(name, NAME_MAX_LEN, "%08" PRIu64 ".spool", number);
	return name;
}

static int write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* ---- one file in memory --------------------------------------------------------------------- */

struct view {
	uint8_t *bytes;
	size_t len;
};

static void view_done_auto(struct view *v)
{
	if (v->bytes)
		munmap(v->bytes, v->len);
}

static int view_open(int dir_fd, uint64_t number, struct view *ret)
{
	char name[NAME_MAX_LEN];
	AUTO_FD int fd = openat(dir_fd, name_of(number, name), O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if ((size_t)st.st_size < sizeof(header))
		return -EBADMSG;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	*ret = (struct view){ bytes, (size_t)st.st_size };
	return memcmp(bytes, &header, sizeof(header)) ? -EBADMSG : 0;
}

/* The record at an offset, or NULL at the end of what is whole. */
static const struct disk_record *record_at(const struct view *v, uint64_t offset)
{
	const void *r = v->bytes + offset;

	return offset < v->len && !disk_record_check(r, v->len - offset) ? r : NULL;
}

#define VIEW __attribute__((cleanup(view_done_auto))) struct view

/* ---- scan ----------------------------------------------------------------------------------- */

static int scan_file(int dir_fd, struct disk_file *file, uint8_t instance[16], uint64_t *sequence)
{
	const struct disk_record *r;
	VIEW v = { 0 };
	int err = view_open(dir_fd, file->number, &v);

	if (err)
		return err;
	file->bytes = sizeof(header);
	file->next = 0;
	file->is_given_up = true;
	while ((r = record_at(&v, file->bytes))) {
		bool is_sent = r->flags & DISK_RECORD_SENT;

		file->records++;
		file->sent += is_sent;
		if (!is_sent && !file->next)
			file->next = file->bytes;
		if (!is_sent && !(r->flags & DISK_RECORD_GIVEN_UP))
			file->is_given_up = false;
		memcpy(instance, r->instance, 16);
		*sequence = r->sequence;
		file->bytes += r->bytes;
	}
	if (!file->next)
		file->next = file->bytes;
	if (file->bytes == v.len)
		return 0;
	log_warn("disk spool: %" PRIu64 " bytes that a kill cut off are removed",
		 (uint64_t)v.len - file->bytes);
	return -EMSGSIZE;
}

static int truncate_file(int dir_fd, const struct disk_file *file)
{
	char name[NAME_MAX_LEN];
	AUTO_FD int fd = openat(dir_fd, name_of(file->number, name), O_WRONLY | O_CLOEXEC);

	return fd < 0 || ftruncate(fd, (off_t)file->bytes) ? -errno : 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct disk_file *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static struct disk_file *file_new(struct disk_files *f)
{
	struct disk_file *at;

	if (f->len == DISK_FILES_MAX)
		return NULL;
	at = realloc(f->at, (f->len + 1) * sizeof(*at));
	if (!at)
		return NULL;
	f->at = at;
	at[f->len] = (struct disk_file){ 0 };
	return &at[f->len++];
}

static int list_files(struct disk_files *f)
{
	int fd = openat(f->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char name[NAME_MAX_LEN];
	struct dirent *e;
	int err = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	while (!err && (e = readdir(dir))) {
		uint64_t number = strtoull(e->d_name, NULL, 10);
		struct disk_file *file;

		if (strcmp(e->d_name, name_of(number, name)) != 0) {
			if (strstr(e->d_name, ".spool.new"))
				unlinkat(f->dir_fd, e->d_name, 0);
			continue;
		}
		file = file_new(f);
		if (file)
			file->number = number;
		else
			err = -ENOMEM;
	}
	closedir(dir);
	return err;
}

int disk_files_scan(struct disk_files *f, int dir_fd, uint8_t instance[16], uint64_t *sequence)
{
	size_t kept = 0;
	int err;

	*f = (struct disk_files){ .dir_fd = dir_fd, .tail_fd = -1 };
	err = list_files(f);
	if (err)
		return err;
	qsort(f->at, f->len, sizeof(*f->at), compare_files);
	for (size_t i = 0; i < f->len; i++) {
		char name[NAME_MAX_LEN];

		err = scan_file(dir_fd, &f->at[i], instance, sequence);
		if (err == -EMSGSIZE)
			err = truncate_file(dir_fd, &f->at[i]);
		if (err) {
			log_error("disk spool: %s: %s: passed over", name_of(f->at[i].number, name),
				  strerror(-err));
			continue;
		}
		f->at[kept++] = f->at[i];
	}
	f->len = kept;
	return 0;
}

void disk_files_done(struct disk_files *f)
{
	if (f->tail_fd >= 0)
		close(f->tail_fd);
	free(f->at);
}

/* ---- append --------------------------------------------------------------------------------- */

static int begin_file(struct disk_files *f)
{
	uint64_t number = f->len ? f->at[f->len - 1].number + 1 : 1;
	char name[NAME_MAX_LEN];
	struct disk_file *file;
	int fd, err;

	if (f->tail_fd >= 0)
		close(f->tail_fd);
	f->tail_fd = -1;
	fd = openat(f->dir_fd, name_of(number, name),
		    O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	err = write_all(fd, &header, sizeof(header));
	file = err ? NULL : file_new(f);
	if (!file) {
		unlinkat(f->dir_fd, name, 0);
		close(fd);
		return err ? err : -ENOSPC;
	}
	*file = (struct disk_file){ .number = number,
				    .bytes = sizeof(header),
				    .next = sizeof(header) };
	f->tail_fd = fd;
	return 0;
}

static int open_tail(struct disk_files *f)
{
	char name[NAME_MAX_LEN];

	if (!f->len || f->at[f->len - 1].bytes >= DISK_SPOOL_FILE_BYTES)
		return begin_file(f);
	if (f->tail_fd >= 0)
		return 0;
	f->tail_fd = openat(f->dir_fd, name_of(f->at[f->len - 1].number, name),
			    O_WRONLY | O_APPEND | O_CLOEXEC);
	return f->tail_fd < 0 ? -errno : 0;
}

int disk_files_append(struct disk_files *f, const struct disk_record *r)
{
	struct disk_file *tail;
	int err = open_tail(f);

	if (err)
		return err;
	tail = &f->at[f->len - 1];
	err = write_all(f->tail_fd, r, r->bytes);
	if (err) { /* half a record would hide what comes behind it */
		if (ftruncate(f->tail_fd, (off_t)tail->bytes))
			log_error("disk spool: cut off half a record: %s", strerror(errno));
		return err;
	}
	tail->bytes += r->bytes;
	tail->records++;
	tail->is_given_up = false;
	return 0;
}

int disk_files_sync(struct disk_files *f)
{
	return f->tail_fd >= 0 && fdatasync(f->tail_fd) ? -errno : 0;
}

/* ---- read ----------------------------------------------------------------------------------- */

static void remove_first(struct disk_files *f)
{
	char name[NAME_MAX_LEN];

	if (unlinkat(f->dir_fd, name_of(f->at[0].number, name), 0))
		log_warn("disk spool: remove %s: %s", name, strerror(errno));
	if (f->len == 1 && f->tail_fd >= 0) {
		close(f->tail_fd);
		f->tail_fd = -1;
	}
	memmove(&f->at[0], &f->at[1], --f->len * sizeof(*f->at));
}

int disk_files_read(struct disk_files *f, struct disk_record **ret)
{
	const struct disk_record *r;

	while (f->len) {
		struct disk_file *first = &f->at[0];
		VIEW v = { 0 };
		int err;

		if (first->next >= first->bytes) {
			remove_first(f);
			continue;
		}
		err = view_open(f->dir_fd, first->number, &v);
		if (err)
			return err;
		r = record_at(&v, first->next);
		if (!r) { /* whole at the scan, or written by us: the disk's fault */
			log_error("disk spool: %" PRIu64 " batches cannot be read: passed over",
				  first->records - first->sent);
			first->next = first->bytes;
			continue;
		}
		*ret = malloc(r->bytes);
		if (!*ret)
			return -ENOMEM;
		memcpy(*ret, r, r->bytes);
		return 0;
	}
	return -ENOENT;
}

/* In the page cache is enough: a lost flag means a batch is sent again, and stored once. */
static int mark_sent(const struct disk_files *f, const struct disk_file *file, uint32_t flags)
{
	uint64_t at = file->next + offsetof(struct disk_record, flags);
	char name[NAME_MAX_LEN];
	AUTO_FD int fd = openat(f->dir_fd, name_of(file->number, name), O_WRONLY | O_CLOEXEC);

	flags |= DISK_RECORD_SENT;
	if (fd < 0 || pwrite(fd, &flags, sizeof(flags), (off_t)at) != (ssize_t)sizeof(flags))
		return -errno;
	return 0;
}

void disk_files_sent(struct disk_files *f)
{
	struct disk_file *first = &f->at[0];
	const struct disk_record *r;
	VIEW v = { 0 };

	if (!f->len || view_open(f->dir_fd, first->number, &v))
		return;
	r = record_at(&v, first->next);
	if (!r)
		return;
	if (mark_sent(f, first, r->flags))
		log_warn("disk spool: mark a batch as sent: %s", strerror(errno));
	first->sent++;
	first->next += r->bytes;
	if (first->next >= first->bytes)
		remove_first(f);
}

/* ---- give up -------------------------------------------------------------------------------- */

/* Records that were sent are left out; those that cannot be read keep their rows. */
static int rewrite(const struct view *v, const struct disk_file *file, int fd,
		   struct disk_file *made, uint64_t *given_up)
{
	const struct disk_record *r;
	int err = write_all(fd, &header, sizeof(header));

	made->bytes = made->next = sizeof(header);
	for (uint64_t at = file->next; !err && (r = record_at(v, at)); at += r->bytes) {
		AUTO_FREE struct disk_record *instead = NULL;
		bool keep = r->flags & DISK_RECORD_GIVEN_UP;

		if (!keep && disk_record_give_up(r, COUNT_LOST_SPOOL_FULL, &instead))
			log_error("disk spool: batch %" PRIu64 " cannot be read: it stays",
				  r->sequence);
		*given_up += instead != NULL;
		err = write_all(fd, instead ? instead : r, instead ? instead->bytes : r->bytes);
		made->bytes += instead ? instead->bytes : r->bytes;
		made->records++;
	}
	return err;
}

static int replace(struct disk_files *f, size_t i, const char *name, const char *made_name,
		   uint64_t *given_up)
{
	struct disk_file made = { .number = f->at[i].number, .is_given_up = true };
	AUTO_FD int fd =
		openat(f->dir_fd, made_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	VIEW v = { 0 };
	int err = fd < 0 ? -errno : view_open(f->dir_fd, f->at[i].number, &v);

	if (!err)
		err = rewrite(&v, &f->at[i], fd, &made, given_up);
	if (!err && (fdatasync(fd) || renameat(f->dir_fd, made_name, f->dir_fd, name)))
		err = -errno;
	if (!err)
		f->at[i] = made;
	return err;
}

int disk_file_give_up(struct disk_files *f, size_t i, uint64_t *given_up)
{
	char name[NAME_MAX_LEN], made_name[NAME_MAX_LEN + 8];
	int err;

	name_of(f->at[i].number, name);
	snprintf(made_name, sizeof(made_name), "%s.new", name);
	if (i + 1 == f->len && f->tail_fd >= 0) { /* appended to by its name from now on */
		close(f->tail_fd);
		f->tail_fd = -1;
	}
	*given_up = 0;
	err = replace(f, i, name, made_name, given_up);
	if (err)
		unlinkat(f->dir_fd, made_name, 0);
	return err;
}
