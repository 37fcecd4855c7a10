// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sealed files in, a new database that lists them out. */
#include "user/collector/store_restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/collector/metrics.h"
#include "user/collector/store_files.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_packed.h"
#include "user/collector/store_seal.h"
#include "user/lib/log.h"

static const char *const kept[] = { "exporters", "interfaces", "addresses" };

/* First and last moment of a series' rows, as store_append*.c tell them to `segments`. */
static const struct {
	const char *first, *last;
} times[STORE_SERIES] = {
	[SERIES_FLOWS] = { "start_us", "end_us" },
	[SERIES_CONNECTIONS] = { "last_us", "last_us" },
	[SERIES_DROPS] = { "start_us", "end_us" },
	[SERIES_HOST_COUNTS] = { "at_us", "at_us" },
	[SERIES_LATENCIES] = { "start_us", "end_us" },
	[SERIES_SOCKETS] = { "last_us", "last_us" },
	[SERIES_MINUTES] = { "start_us", "end_us" },
	[SERIES_HOURS] = { "start_us", "end_us" },
};

int store_damage(const char *why)
{
	static const struct {
		const char *words;
		int err;
	} known[] = {
		{ "WAL file", -EILSEQ },
		{ "not a valid DuckDB database file", -EBADMSG },
		{ "Corrupt database file", -EBADMSG },
		{ "Could not read enough bytes", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (why && strstr(why, known[i].words))
			return known[i].err;
	return 0;
}

bool store_is_kept_file(const char *file)
{
	char name[STORE_FILE_MAX];

	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		snprintf(name, sizeof(name), "kept_%s.parquet", kept[i]);
		if (!strcmp(file, name))
			return true;
	}
	return false;
}

/* ---- aside ---------------------------------------------------------------------------------- */

/* Under a name with the time: there may be one from before. */
static int set_aside(struct store *s, const char *suffix)
{
	AUTO_FREE char *from = NULL, *to = NULL;

	if (asprintf(&from, "%s%s", s->path, suffix) < 0 ||
	    asprintf(&to, "%s/quarantine/wiretally.duckdb%s.%" PRId64, s->dir, suffix,
		     (int64_t)time(NULL)) < 0)
		return -ENOMEM;
	if (rename(from, to) && errno != ENOENT) {
		log_error("store: move '%s' to quarantine: %s", from, strerror(errno));
		return -errno;
	}
	return 0;
}

int store_set_log_aside(struct store *s)
{
	log_error(
		"store: '%s.wal' is damaged and goes to quarantine: what was stored since the last checkpoint is lost",
		s->path);
	metric_add(METRIC_SEGMENTS_DAMAGED, 1);
	return set_aside(s, ".wal");
}

/*
 * Rows of hours that were not sealed: what of them is in the log as well, and would come twice,
 * only the database knew.
 */
static int set_rows_aside(struct store *s)
{
	DIR *dir = store_files_list(s);
	struct dirent *e;
	const char *dot;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if ((dot = strrchr(e->d_name, '.')) && !strcmp(dot, ".rows"))
			renameat(s->segments_fd, e->d_name, s->quarantine_fd, e->d_name);
	closedir(dir);
	return 0;
}

int store_set_database_aside(struct store *s)
{
	int err = set_aside(s, ".wal");

	log_error(
		"store: '%s' is damaged and goes to quarantine: the hours that were not sealed and the ledger are lost, sealed files are listed again",
		s->path);
	metric_add(METRIC_SEGMENTS_DAMAGED, 1);
	return err ? err : set_aside(s, "");
}

/* ---- names ---------------------------------------------------------------------------------- */

static char *statement(struct store *s, const char *before, const char *file, const char *after)
{
	char *sql = NULL;
	size_t len;
	FILE *out = open_memstream(&sql, &len);

	if (!out)
		return NULL;
	fputs(before, out);
	store_write_path(s, file, out);
	fputs(after, out);
	if (!fclose(out))
		return sql;
	free(sql);
	return NULL;
}

int store_keep_names(struct store *s, duckdb_connection connection)
{
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(kept); i++) {
		__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
		struct store_segment file = { 0 };
		AUTO_FREE char *sql = NULL;
		char before[64];

		snprintf(before, sizeof(before), "COPY %s TO '", kept[i]);
		snprintf(file.file, sizeof(file.file), "kept_%s.parquet", kept[i]);
		sql = statement(s, before, file.file, ".new' (FORMAT parquet)");
		if (!sql)
			return -ENOMEM;
		if (duckdb_query(connection, sql, &res) != DuckDBSuccess) {
			log_error("store: keep %s: %s", kept[i], duckdb_result_error(&res));
			return -EIO;
		}
		err = store_file_finish(s, &file);
	}
	return err;
}

static int restore_names(struct store *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(kept); i++) {
		AUTO_FREE char *sql = NULL;
		char file[STORE_FILE_MAX], before[64];

		snprintf(file, sizeof(file), "kept_%s.parquet", kept[i]);
		if (faccessat(s->segments_fd, file, R_OK, 0))
			continue;
		snprintf(before, sizeof(before), "INSERT INTO %s SELECT * FROM '", kept[i]);
		sql = statement(s, before, file, "'");
		err = sql ? store_run(s, NULL, sql, "") : -ENOMEM;
	}
	return err;
}

/* ---- files ---------------------------------------------------------------------------------- */

/* "flows_500000.v2.parquet", "drops_500000.parquet" */
static bool parse_file(const char *file, struct store_segment *g)
{
	const char *dot = strchr(file, '.');

	if (!dot || (strcmp(dot, ".parquet") != 0 && strcmp(dot, STORE_PACKED) != 0) ||
	    dot - file >= STORE_NAME_MAX)
		return false;
	*g = (struct store_segment){ 0 };
	snprintf(g->name, sizeof(g->name), "%.*s", (int)(dot - file), file);
	snprintf(g->file, sizeof(g->file), "%s%s", g->name, dot);
	return store_segment_parse(g->name, &g->series, &g->number);
}

static int measure_file(struct store *s, struct store_segment *g)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	AUTO_FREE char *sql = NULL;
	char before[256];
	int err = store_file_sum(s, g);

	if (err)
		return err;
	snprintf(before, sizeof(before),
		 "SELECT count(*)::UBIGINT, coalesce(min(%s), 0), coalesce(max(%s), 0), "
		 "coalesce(%s, 0)::UINTEGER FROM '",
		 store_segment_is_packed(g) ? STORE_PACKED_START : times[g->series].first,
		 times[g->series].last,
		 g->series == SERIES_HOURS ? "bit_or(1::UINTEGER << (\"interval\" % 24)::INTEGER)"
					   : "0");
	sql = statement(s, before, g->file, "'");
	err = sql ? store_run(s, &res, sql, "") : -ENOMEM;
	if (err)
		return err;
	g->rows = duckdb_value_uint64(&res, 0, 0);
	g->min_start_us = duckdb_value_int64(&res, 1, 0);
	g->max_end_us = duckdb_value_int64(&res, 2, 0);
	g->hours = duckdb_value_uint32(&res, 3, 0);
	return 0;
}

static int restore_file(struct store *s, const char *file)
{
	struct store_segment g;
	int err;

	if (!parse_file(file, &g))
		return 0;
	err = measure_file(s, &g);
	if (err) {
		log_error("store: segments/%s cannot be read and goes to quarantine", file);
		renameat(s->segments_fd, file, s->quarantine_fd, file);
		return err == -ENOMEM ? err : 0;
	}
	return store_run(s, NULL,
			 "INSERT INTO segments VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			 "siiusuuuu", g.name, g.min_start_us, g.max_end_us, g.rows, g.file, g.bytes,
			 (uint64_t)g.crc, (uint64_t)g.hours, (uint64_t)TRAIT_ALL);
}

static int restore_files(struct store *s)
{
	DIR *dir = store_files_list(s);
	int err = 0;
	struct dirent *e;

	if (!dir)
		return -errno;
	while (!err && (e = readdir(dir)))
		err = restore_file(s, e->d_name);
	closedir(dir);
	return err;
}

/* Hours of days that were still a table: from their minutes. */
static int restore_hours(struct store *s)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	int err = store_segments_list(s, &list);

	for (size_t i = 0; !err && i < list.len; i++)
		if (list.at[i].series == SERIES_MINUTES)
			err = store_seal_add_hour(s, &list.at[i]);
	return err;
}

static int restore(struct store *s)
{
	int err = store_begin(s);

	if (!err)
		err = restore_names(s);
	if (!err)
		err = restore_files(s);
	if (!err)
		err = restore_hours(s);
	if (!err) /* who knows which version wrote them */
		err = store_run(s, NULL,
				"INSERT INTO meta SELECT 'narrow', 1 WHERE EXISTS "
				"(SELECT 1 FROM segments WHERE file <> '')",
				"");
	if (!err)
		err = store_commit(s);
	if (err)
		store_rollback(s);
	return err;
}

int store_restore_if_new(struct store *s)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	int err = store_segments_list(s, &list);

	if (err || list.len)
		return err;
	err = set_rows_aside(s);
	if (!err)
		err = restore(s);
	store_segments_done(&list);
	if (!err)
		err = store_segments_list(s, &list);
	if (!err && list.len)
		log_warn(
			"store: a new database lists what is in '%s/segments': %zu tables and files",
			s->dir, list.len);
	return err;
}
