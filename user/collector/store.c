// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The database: opened once, read by many with a deadline; store_write.c is its other half. */
#include "user/collector/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/collector/store_files.h"
#include "user/collector/store_functions.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_memory.h"
#include "user/collector/store_restore.h"
#include "user/collector/store_scan.h"
#include "user/collector/store_watch.h"
#include "user/collector/store_workers.h"
#include "user/lib/log.h"

/*
 * Nothing but our own files (see confine()): no others, no downloads, no extensions. CHECKPOINT
 * stops writers; the segment log takes what arrives meanwhile. Flows, which are most of what comes,
 * are in files of their own (store_blocks.h), so that it is short.
 */
static const struct {
	const char *name;
	const char *value;
} settings[] = {
	{ "access_mode", "READ_WRITE" },	  { "autoinstall_known_extensions", "false" },
	{ "autoload_known_extensions", "false" }, { "allow_community_extensions", "false" },
	{ "checkpoint_threshold", "64MB" },	  { "max_temp_directory_size", "4GB" },
};

static int config_set(duckdb_config config, const char *name, const char *value)
{
	if (duckdb_set_config(config, name, value) == DuckDBSuccess)
		return 0;
	log_error("store: setting %s = %s is refused", name, value);
	return -EINVAL;
}

static int open_file(struct store *s)
{
	duckdb_config config = NULL;
	char text[64], *why = NULL;
	int err = 0;

	if (duckdb_create_config(&config) != DuckDBSuccess)
		return -ENOMEM;
	for (size_t i = 0; !err && i < ARRAY_LEN(settings); i++)
		err = config_set(config, settings[i].name, settings[i].value);
	snprintf(text, sizeof(text), "%" PRIu64 "B", s->limits.memory_bytes);
	if (!err)
		err = config_set(config, "memory_limit", text);
	snprintf(text, sizeof(text), "%u", s->limits.threads);
	if (!err)
		err = config_set(config, "threads", text);
	if (!err) /* all of them: store_workers.h has our own */
		err = config_set(config, "external_threads", text);
	if (!err && duckdb_open_ext(s->path, &s->db, config, &why) != DuckDBSuccess) {
		log_error("open store '%s': %s", s->path, why ? why : "out of memory");
		err = store_damage(why) ? store_damage(why) : -EIO;
	}
	duckdb_free(why);
	duckdb_destroy_config(&config);
	return err;
}

/*
 * From here on SQL reaches DIR/segments and no other file, and cannot change that. What files say
 * of themselves is kept: a week of them takes longer to open than to sum up.
 */
static int confine(struct store *s)
{
	AUTO_FREE char *sql = NULL;
	size_t len;
	FILE *out = open_memstream(&sql, &len);

	if (!out)
		return -ENOMEM;
	fputs("SET GLOBAL parquet_metadata_cache = true; SET allowed_directories = ['", out);
	store_write_path(s, "", out);
	fputs("']; SET enable_external_access = false; SET lock_configuration = true", out);
	if (fclose(out))
		return -ENOMEM;
	if (duckdb_query(s->writer, sql, NULL) == DuckDBSuccess)
		return 0;
	log_error("open store '%s': cannot confine it to its folder", s->path);
	return -EIO;
}

static int open_database(struct store *s)
{
	int err = open_file(s);

	if (err)
		return err;
	store_memory_keep();
	if (duckdb_connect(s->db, &s->writer) != DuckDBSuccess) {
		log_error("open store '%s': cannot connect", s->path);
		return -ENOMEM;
	}
	err = confine(s);
	if (!err)
		err = store_schema_init(s->writer);
	if (!err)
		err = store_functions_add(s->writer);
	if (!err)
		err = store_scan_add(s->writer, s->blocks);
	if (!err)
		err = store_workers_start(s->db, s->limits.threads, &s->workers);
	return err ? err : store_readers_connect(s);
}

static void close_database(struct store *s)
{
	store_appenders_drop(s);
	store_readers_disconnect(s);
	store_workers_stop(TAKE(s->workers));
	if (s->writer)
		duckdb_disconnect(&s->writer);
	if (s->db)
		duckdb_close(&s->db);
}

/* Once is for ever: it costs a look into each file of a query. */
static int look_for_narrow(struct store *s)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	int err = store_run(s, &res, "SELECT count(*) FROM meta WHERE key = 'narrow'", "");

	if (!err)
		s->has_narrow = duckdb_value_int64(&res, 0, 0) > 0;
	return err;
}

/* A damaged write-ahead log costs what is in it; a damaged database, what is not sealed. */
static int open_or_restore(struct store *s)
{
	int err = open_database(s);

	if (err == -EILSEQ) {
		err = store_set_log_aside(s);
		return err ? err : open_database(s);
	}
	if (err == -EBADMSG) {
		err = store_set_database_aside(s);
		if (!err)
			err = open_database(s);
	}
	return err ? err : store_restore_if_new(s);
}

int store_open_limited(const char *dir, const struct store_limits *limits, struct store **ret)
{
	AUTO(store_close) struct store *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	store_appenders_drop(s);
	s->limits = *limits;
	s->segments_fd = s->quarantine_fd = -1;
	pthread_rwlock_init(&s->gate, NULL);
	pthread_mutex_init(&s->snapshots_lock, NULL);
	s->dir = strdup(dir);
	if (!s->dir)
		return -ENOMEM;
	if (asprintf(&s->path, "%s/wiretally.duckdb", dir) < 0) {
		s->path = NULL;
		return -ENOMEM;
	}
	err = store_files_open(s);
	if (!err)
		err = store_blocks_new(s->segments_fd, limits->memory_bytes / 4, &s->blocks);
	if (!err)
		err = open_or_restore(s);
	if (!err)
		err = look_for_narrow(s);
	if (!err)
		err = store_files_start(s);
	if (!err)
		err = store_watch_start(&s->watch);
	if (err)
		return err;
	*ret = TAKE(s);
	return 0;
}

/*
 * What is in memory is no longer to be trusted (see store_begin()), so nothing of it may reach the
 * file: it is closed without a checkpoint and read again.
 */
int store_reopen(struct store *s)
{
	int err;

	pthread_rwlock_wrlock(&s->gate);
	if (s->writer)
		duckdb_query(s->writer, "PRAGMA disable_checkpoint_on_shutdown", NULL);
	close_database(s);
	err = open_database(s);
	if (err)
		close_database(s);
	pthread_rwlock_unlock(&s->gate);
	s->must_reopen = err != 0;
	log_write(err ? LOG_ERROR : LOG_WARN, "store: %s after a commit that failed",
		  err ? "could not be opened again" : "opened again");
	return err;
}

int store_open(const char *dir, struct store **ret)
{
	struct store_limits limits = { STORE_MEMORY_DEFAULT, STORE_THREADS_DEFAULT };

	return store_open_limited(dir, &limits, ret);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_watch_stop(s->watch);
	close_database(s);
	store_blocks_free(s->blocks);
	for (int i = 0; i < STORE_SERIES; i++)
		if (s->hours[i].rows.chunk)
			duckdb_destroy_data_chunk(&s->hours[i].rows.chunk);
	if (s->ledger.chunk)
		duckdb_destroy_data_chunk(&s->ledger.chunk);
	store_files_stop(s);
	pthread_rwlock_destroy(&s->gate);
	pthread_mutex_destroy(&s->snapshots_lock);
	free(s->path);
	free(s->dir);
	free(s);
}

uint64_t store_file_bytes(const struct store *s)
{
	char wal[4096];
	struct stat st;
	uint64_t bytes = 0;

	snprintf(wal, sizeof(wal), "%s.wal", s->path);
	if (!stat(s->path, &st))
		bytes += (uint64_t)st.st_size;
	if (!stat(wal, &st))
		bytes += (uint64_t)st.st_size;
	return bytes;
}
