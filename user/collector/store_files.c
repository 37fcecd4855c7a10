// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Files of the store: written under another name, durable, then listed; unlisted, then removed. */
#include "user/collector/store_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "user/collector/metrics.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_restore.h"
#include "user/lib/log.h"

#define READ_BYTES (1u << 20)
#define MAGIC "PAR1" /* a Parquet file begins and ends with it */

struct retired_file {
	struct retired_file *next;
	uint64_t since; /* snapshots with a lower number may read it */
	char file[STORE_FILE_MAX];
};

/* ---- names ---------------------------------------------------------------------------------- */

void store_write_path(const struct store *s, const char *file, FILE *out)
{
	for (const char *c = s->dir; *c; c++) {
		if (*c == '\'')
			fputc('\'', out);
		fputc(*c, out);
	}
	fprintf(out, "/segments/%s", file);
}

static int open_folder(const char *dir, const char *name, int *ret)
{
	AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	if (mkdir(path, 0750) && errno != EEXIST) {
		log_error("make folder '%s': %s", path, strerror(errno));
		return -errno;
	}
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

void store_file_remove(struct store *s, const char *file)
{
	if (unlinkat(s->segments_fd, file, 0) && errno != ENOENT)
		log_warn("store: remove segments/%s: %s", file, strerror(errno));
}

/* In DIR/segments; "": a table. */
static const char *file_of(const struct store_segment *g, char name[STORE_FILE_MAX])
{
	return store_segment_is_rows(g) ? store_blocks_name(g->number, name) : g->file;
}

/* ---- what they hold ------------------------------------------------------------------------- */

static int sum_file(int fd, uint64_t *bytes, uint32_t *crc)
{
	AUTO_FREE uint8_t *buf = malloc(READ_BYTES);
	uLong sum = crc32(0, NULL, 0);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	*bytes = 0;
	while ((n = read(fd, buf, READ_BYTES)) > 0) {
		sum = crc32(sum, buf, (uInt)n);
		*bytes += (uint64_t)n;
	}
	*crc = (uint32_t)sum;
	return n < 0 ? -errno : 0;
}

int store_file_sum(const struct store *s, struct store_segment *g)
{
	AUTO_FD int fd = openat(s->segments_fd, g->file, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : sum_file(fd, &g->bytes, &g->crc);
}

int store_file_finish(struct store *s, struct store_segment *g)
{
	char made[STORE_FILE_MAX + 8];
	AUTO_FD int fd = -1;
	int err;

	snprintf(made, sizeof(made), "%s.new", g->file);
	fd = openat(s->segments_fd, made, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = sum_file(fd, &g->bytes, &g->crc);
	if (err)
		return err;
	if (fsync(fd) || renameat(s->segments_fd, made, s->segments_fd, g->file) ||
	    fsync(s->segments_fd))
		return -errno;
	return 0;
}

/* Each block is looked at; what one holds, before it is sealed. */
static int check_rows(const struct store *s, const struct store_segment *g, bool whole)
{
	AUTO_FREE struct block_entry *at = NULL;
	size_t len;

	return whole ? store_blocks_check(s->blocks, g->number, g->bytes)
		     : store_blocks_list(s->blocks, g->number, g->bytes, &at, &len);
}

static bool has_magic(int fd, off_t at)
{
	char word[sizeof(MAGIC) - 1];

	return pread(fd, word, sizeof(word), at) == (ssize_t)sizeof(word) &&
	       !memcmp(word, MAGIC, sizeof(word));
}

static int check_file(const struct store *s, const struct store_segment *g, bool whole)
{
	AUTO_FD int fd = openat(s->segments_fd, g->file, O_RDONLY | O_CLOEXEC);
	uint64_t bytes;
	struct stat st;
	uint32_t crc;
	int err;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if ((uint64_t)st.st_size != g->bytes || st.st_size < 12 || !has_magic(fd, 0) ||
	    !has_magic(fd, st.st_size - 4))
		return -EBADMSG;
	if (!whole)
		return 0;
	err = sum_file(fd, &bytes, &crc);
	if (err)
		return err;
	return bytes == g->bytes && crc == g->crc ? 0 : -EBADMSG;
}

int store_file_check(const struct store *s, const struct store_segment *g, bool whole)
{
	return store_segment_is_rows(g) ? check_rows(s, g, whole) : check_file(s, g, whole);
}

static int unlist(struct store *s, const struct store_segment *g)
{
	int err = store_begin(s);

	if (!err)
		err = store_run(s, NULL, "DELETE FROM segments WHERE name = $1", "s", g->name);
	if (!err)
		err = store_commit(s);
	if (err)
		store_rollback(s);
	return err;
}

int store_file_quarantine(struct store *s, const struct store_segment *g)
{
	char name[STORE_FILE_MAX];
	const char *file = file_of(g, name);
	int err = unlist(s, g);

	if (err)
		return err;
	metric_add(METRIC_SEGMENTS_DAMAGED, 1);
	log_error(
		"store: segments/%s is damaged or missing: its %llu rows are lost; what is left of it is in %s/quarantine",
		file, (unsigned long long)g->rows, s->dir);
	if (renameat(s->segments_fd, file, s->quarantine_fd, file) && errno != ENOENT)
		log_error("store: move segments/%s to quarantine: %s", file, strerror(errno));
	if (store_segment_is_rows(g))
		store_blocks_forget(s->blocks, g->number);
	store_hours_forget(s);
	return 0;
}

/* ---- at start ------------------------------------------------------------------------------- */

static bool is_listed(const struct store_segments *list, const char *file)
{
	char name[STORE_FILE_MAX];

	for (size_t i = 0; i < list->len; i++)
		if (!strcmp(file_of(&list->at[i], name), file))
			return true;
	return false;
}

DIR *store_files_list(const struct store *s)
{
	int fd = openat(s->segments_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int err = errno;

	if (!dir && fd >= 0)
		close(fd);
	errno = err;
	return dir;
}

static int remove_unlisted(struct store *s, const struct store_segments *list)
{
	DIR *dir = store_files_list(s);
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && !store_is_kept_file(e->d_name) &&
		    !is_listed(list, e->d_name))
			store_file_remove(s, e->d_name);
	closedir(dir);
	return 0;
}

int store_files_open(struct store *s)
{
	int err = open_folder(s->dir, "segments", &s->segments_fd);

	return err ? err : open_folder(s->dir, "quarantine", &s->quarantine_fd);
}

int store_files_start(struct store *s)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	char name[STORE_FILE_MAX];
	int err = store_segments_list(s, &list);

	if (!err)
		err = remove_unlisted(s, &list);
	for (size_t i = 0; !err && i < list.len; i++)
		if (*file_of(&list.at[i], name) && store_file_check(s, &list.at[i], false))
			err = store_file_quarantine(s, &list.at[i]);
	return err;
}

int store_files_heal(struct store *s)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	int err = store_segments_list(s, &list);

	for (size_t i = 0; !err && i < list.len; i++) {
		const struct store_segment *g = &list.at[i];

		if (!store_segment_is_rows(g))
			continue;
		store_blocks_forget(s->blocks, g->number); /* what was known of it */
		if (store_file_check(s, g, false))
			err = store_file_quarantine(s, g);
	}
	return err;
}

void store_files_stop(struct store *s)
{
	struct retired_file *f;

	while ((f = s->retired)) { /* nobody reads them any more */
		s->retired = f->next;
		store_file_remove(s, f->file);
		free(f);
	}
	if (s->segments_fd >= 0)
		close(s->segments_fd);
	if (s->quarantine_fd >= 0)
		close(s->quarantine_fd);
}

/* ---- files that are not segments ------------------------------------------------------------ */

void store_scratch_name(struct store *s, char file[STORE_FILE_MAX])
{
	snprintf(file, STORE_FILE_MAX, "scratch-%" PRIu64, ++s->scratches);
}

int store_scratch_take(struct store *s, const char *file, int *ret_fd)
{
	int fd = openat(s->segments_fd, file, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	store_file_remove(s, file);
	if (!err)
		*ret_fd = fd;
	return err;
}

/* ---- when nobody reads them any more -------------------------------------------------------- */

void store_file_retire(struct store *s, const char *file)
{
	struct retired_file *f = calloc(1, sizeof(*f));

	if (!f)
		return; /* the next start removes it */
	snprintf(f->file, sizeof(f->file), "%s", file);
	f->since = store_snapshots_now(s);
	f->next = s->retired;
	s->retired = f;
}

void store_segment_retire(struct store *s, const struct store_segment *g)
{
	char name[STORE_FILE_MAX];

	if (*file_of(g, name))
		store_file_retire(s, file_of(g, name));
	if (store_segment_is_rows(g))
		store_blocks_forget(s->blocks, g->number);
}

void store_file_revive(struct store *s, const char *file)
{
	for (struct retired_file **at = &s->retired; *at;) {
		struct retired_file *f = *at;

		if (strcmp(f->file, file) != 0) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		free(f);
	}
	store_file_remove(s, file);
}

void store_files_sweep(struct store *s)
{
	uint64_t oldest = store_snapshots_oldest(s);
	struct retired_file **at = &s->retired;

	while (*at) {
		struct retired_file *f = *at;

		if (oldest <= f->since) {
			at = &f->next;
			continue;
		}
		store_file_remove(s, f->file);
		*at = f->next;
		free(f);
	}
}

int store_files_bytes(struct store *s, uint64_t *ret)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	int err = store_run(s, &res, "SELECT coalesce(sum(bytes), 0)::UBIGINT FROM segments", "");

	if (!err)
		*ret = duckdb_value_uint64(&res, 0, 0);
	return err;
}
