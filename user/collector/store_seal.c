// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A closed table in, listed files out. */
#include "user/collector/store_seal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/store_files.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_minutes.h"
#include "user/collector/store_packed.h"
#include "user/collector/store_restore.h"
#include "user/collector/store_rollup.h"
#include "user/collector/store_scan.h"
#include "user/lib/log.h"

#define HOURS_OF_DAY 24
/*
 * Small row groups: a query for one address reads few of them. Numbers are packed already: what
 * zstd's higher levels save of that (3 %) costs a scan a quarter more. Of flows, columns of more
 * than some values are no dictionaries: sorted addresses take a tenth as differences, and are read
 * twice as fast.
 */
#define PARQUET "(FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, ROW_GROUP_SIZE 40960"
#define PARQUET_FLOWS PARQUET ", COMPRESSION_LEVEL -1, DICTIONARY_SIZE_LIMIT 2048)"

/* What queries look for comes together, which also compresses. */
static const char *const orders[STORE_SERIES] = {
	[SERIES_FLOWS] = "src_hi, src_lo, dst_hi, dst_lo, dst_port, start_us",
	[SERIES_CONNECTIONS] = "exporter_id, id, last_us",
	[SERIES_DROPS] = "reason, location, src_hi, src_lo, start_us",
	[SERIES_HOST_COUNTS] = "exporter_id, name, netns, at_us",
	[SERIES_SOCKETS] = "exporter_id, local_port, id, last_us",
	[SERIES_LATENCIES] = "remote_hi, remote_lo, port, start_us",
	/* what was folded by itself, as in minutes: it is asked for alone, or not at all */
	[SERIES_HOURS] = "kind, \"interval\", src_hi, src_lo, dst_hi, dst_lo, dst_port",
};

/* ---- which ---------------------------------------------------------------------------------- */

/* A day of hours is complete when no hour of it is a table any more. */
static bool is_day_complete(const struct store_segments *list, int64_t day)
{
	for (size_t i = 0; i < list->len; i++) {
		const struct store_segment *g = &list->at[i];

		if (g->series == SERIES_FLOWS && !g->file[0] && g->number / HOURS_OF_DAY <= day)
			return false;
	}
	return true;
}

int store_seal_next(struct store *s, int64_t now_us, struct store_sealing *ret)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	const struct store_segment *oldest = NULL;
	int err = store_segments_list(s, &list);

	if (err)
		return err;
	for (size_t i = 0; i < list.len; i++) {
		const struct store_segment *g = &list.at[i];

		if (g->file[0] || store_segment_end_us(g) + STORE_SEAL_SLACK_US > now_us ||
		    (g->series == SERIES_HOURS && !is_day_complete(&list, g->number)))
			continue;
		if (!oldest || store_segment_end_us(g) < store_segment_end_us(oldest))
			oldest = g;
	}
	if (!oldest)
		return -ENOENT;
	*ret = (struct store_sealing){ .table = *oldest, .file = *oldest };
	snprintf(ret->file.file, STORE_FILE_MAX, "%s%s", oldest->name,
		 oldest->series == SERIES_FLOWS ? STORE_PACKED : ".parquet");
	if (oldest->series == SERIES_FLOWS) {
		ret->minutes = *oldest;
		ret->minutes.series = SERIES_MINUTES;
		store_segment_name(SERIES_MINUTES, oldest->number, ret->minutes.name);
		snprintf(ret->minutes.file, STORE_FILE_MAX, "%s.parquet", ret->minutes.name);
	}
	if (store_sums_of(oldest->series))
		snprintf(ret->sums, STORE_FILE_MAX, "sums_%s.parquet", oldest->name);
	snprintf(s->sealing, sizeof(s->sealing), "%s", oldest->name);
	store_hours_forget(s);
	return 0;
}

void store_seal_abandon(struct store *s, const struct store_sealing *job)
{
	store_file_remove(s, job->file.file);
	if (job->minutes.name[0])
		store_file_remove(s, job->minutes.file);
	if (job->sums[0])
		store_file_remove(s, job->sums);
	s->sealing[0] = '\0';
}

/* ---- writing -------------------------------------------------------------------------------- */

static int copy_run(duckdb_connection c, const char *sql, uint64_t *rows)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};

	if (duckdb_query(c, sql, &res) != DuckDBSuccess) {
		log_error("store: seal: %s", duckdb_result_error(&res));
		return -EIO;
	}
	*rows = duckdb_value_uint64(&res, 0, 0);
	return 0;
}

/* COPY (…) TO '<g's file>.new'; then it is made durable. The SELECT is what `select` writes. */
static int copy_out(struct store *s, duckdb_connection c, const struct store_segment *table,
		    struct store_segment *g,
		    void (*select)(const struct store_segment *table, FILE *out))
{
	AUTO_FREE char *sql = NULL;
	size_t len;
	FILE *out = open_memstream(&sql, &len);
	int err;

	if (!out)
		return -ENOMEM;
	fputs("COPY (", out);
	select(table, out);
	fputs(") TO '", out);
	store_write_path(s, g->file, out);
	fputs(table->series == SERIES_FLOWS ? ".new' " PARQUET_FLOWS : ".new' " PARQUET ")", out);
	if (fclose(out))
		return -ENOMEM;
	err = copy_run(c, sql, &g->rows);
	if (!err)
		err = store_file_finish(s, g);
	if (err && err != -EIO)
		log_error("store: seal %s: %s", g->file, strerror(-err));
	return err;
}

static void write_source(const struct store_segment *g, FILE *out)
{
	store_scan_source(g, 0, INT64_MIN, INT64_MAX, out);
}

static void select_table(const struct store_segment *g, FILE *out)
{
	fputs("SELECT ", out);
	if (g->series == SERIES_FLOWS)
		store_packed_write(out);
	else
		fputs("*", out);
	fputs(" FROM ", out);
	if (store_segment_is_rows(g)) {
		store_scan_sorted_source(g, out);
		return;
	}
	write_source(g, out);
	fprintf(out, " ORDER BY %s", orders[g->series]);
}

static void select_sums(const struct store_segment *g, FILE *out)
{
	const struct store_sums *sums = store_sums_of(g->series);

	fprintf(out, "SELECT *, %" PRId64 "::BIGINT AS arrived_us FROM (%s",
		store_segment_end_us(g) - 1, sums->before);
	write_source(g, out);
	fprintf(out, "%s)", sums->after);
}

static int check_rows(struct store *s, const struct store_segment *table)
{
	int err = store_file_check(s, table, true);

	if (!err)
		return 0;
	log_error("store: seal %s: its rows are not what was written", table->name);
	s->is_suspect = true;
	return err;
}

static int write_minutes(struct store *s, duckdb_connection c, struct store_sealing *job)
{
	int err = store_minutes_make(c, s->blocks, &job->table, false);

	return err ? err : copy_out(s, c, &job->table, &job->minutes, store_minutes_select);
}

static int write_files(struct store *s, duckdb_connection c, struct store_sealing *job)
{
	struct store_segment sums = job->table;
	int err = store_segment_is_rows(&job->table) ? check_rows(s, &job->table) : 0;

	if (!err)
		err = copy_out(s, c, &job->table, &job->file, select_table);
	if (!err && job->file.rows != job->table.rows) {
		log_error("store: seal %s: %" PRIu64 " rows came out, %" PRIu64 " are listed",
			  job->table.name, job->file.rows, job->table.rows);
		err = -EBADMSG;
	}
	if (!err && job->minutes.name[0])
		err = write_minutes(s, c, job);
	snprintf(sums.file, sizeof(sums.file), "%s", job->sums);
	if (!err && job->sums[0])
		err = copy_out(s, c, &job->table, &sums, select_sums);
	return err;
}

/* One snapshot: the marks of exporters are not behind the rows that are sealed. */
static int write_snapshot(struct store *s, duckdb_connection c, struct store_sealing *job)
{
	int err;

	if (duckdb_query(c, "BEGIN TRANSACTION", NULL) != DuckDBSuccess)
		return -EIO;
	err = write_files(s, c, job);
	if (!err)
		err = store_keep_names(s, c);
	duckdb_query(c, "ROLLBACK", NULL);
	return err;
}

int store_seal_write(struct store *s, struct store_sealing *job)
{
	duckdb_connection c = NULL;
	int err = -EIO;

	pthread_rwlock_rdlock(&s->gate);
	if (s->db && duckdb_connect(s->db, &c) == DuckDBSuccess) {
		err = write_snapshot(s, c, job);
		duckdb_disconnect(&c);
	}
	pthread_rwlock_unlock(&s->gate);
	return err;
}

/* ---- publishing ----------------------------------------------------------------------------- */

static int list_file(struct store *s, const struct store_segment *g)
{
	return store_run(s, NULL,
			 "UPDATE segments SET file = $1, bytes = $2, crc = $3 WHERE name = $4",
			 "suus", g->file, g->bytes, (uint64_t)g->crc, g->name);
}

static int list_minutes(struct store *s, const struct store_segment *g)
{
	return store_run(s, NULL, "INSERT INTO segments VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)",
			 "siiusuuu", g->name, g->min_start_us, g->max_end_us, g->rows, g->file,
			 g->bytes, (uint64_t)g->crc, (uint64_t)g->may_have | TRAIT_FOLD);
}

/* "INSERT INTO <table> <select> FROM the file". */
static int insert_from(struct store *s, const char *table, const char *file, int64_t hour)
{
	AUTO_FREE char *sql = NULL, *source = NULL;
	size_t len, source_len;
	FILE *out = open_memstream(&sql, &len), *src = open_memstream(&source, &source_len);

	if (src) {
		fputs("read_parquet('", src);
		store_write_path(s, file, src);
		fputs("')", src);
	}
	if ((src && fclose(src)) || !src || !out) {
		if (out)
			fclose(out);
		return -ENOMEM;
	}
	fprintf(out, "INSERT INTO %s BY NAME ", table);
	if (hour < 0)
		fprintf(out, "SELECT * FROM %s", source);
	else
		store_rollup_sql(source, ROLLUP_HOUR_US, ROLLUP_HOUR_TOP, hour, out);
	if (fclose(out))
		return -ENOMEM;
	return store_run(s, NULL, sql, "");
}

/* Its hour becomes part of the day; once, which the bit says. */
static int add_hour(struct store *s, const struct store_segment *minutes)
{
	const struct store_table *t = &store_series[SERIES_HOURS];
	int64_t day = minutes->number / HOURS_OF_DAY;
	uint64_t bit = UINT64_C(1) << minutes->number % HOURS_OF_DAY;
	char name[STORE_NAME_MAX], sql[2048];
	int err = store_ddl(store_segment_name(SERIES_HOURS, day, name), t->columns, t->len, sql,
			    sizeof(sql));

	if (!err)
		err = store_run(s, NULL, sql, "");
	if (!err)
		err = store_run(
			s, NULL,
			"INSERT INTO segments SELECT $1, $2, $3, 0, '', 0, 0, 0, 0 WHERE NOT "
			"EXISTS (SELECT 1 FROM segments WHERE name = $1)",
			"sii", name, INT64_MAX, INT64_MIN);
	if (!err)
		err = insert_from(s, name, minutes->file, minutes->number);
	snprintf(sql, sizeof(sql),
		 "UPDATE segments SET min_start_us = least(min_start_us, $1), "
		 "max_end_us = greatest(max_end_us, $2), hours = hours | $3::UINTEGER, "
		 "may_have = may_have | $4::UTINYINT, "
		 "rows = (SELECT count(*) FROM %s) WHERE name = $5",
		 name);
	if (!err)
		err = store_run(s, NULL, sql, "iiuus", minutes->min_start_us, minutes->max_end_us,
				bit, (uint64_t)minutes->may_have | TRAIT_FOLD, name);
	return err;
}

/* A day that is a file already cannot take another hour: it stays in the finer tiers alone. */
static bool is_day_open(struct store *s, int64_t hour)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	char name[STORE_NAME_MAX];

	store_segment_name(SERIES_HOURS, hour / HOURS_OF_DAY, name);
	return !store_run(s, &res,
			  "SELECT count(*)::UBIGINT FROM segments WHERE name = $1 AND "
			  "(file <> '' OR hours >> $2 & 1 = 1)",
			  "su", name, (uint64_t)hour % HOURS_OF_DAY) &&
	       !duckdb_value_uint64(&res, 0, 0);
}

int store_seal_add_hour(struct store *s, const struct store_segment *minutes)
{
	return is_day_open(s, minutes->number) ? add_hour(s, minutes) : 0;
}

static int publish(struct store *s, const struct store_sealing *job)
{
	char sql[64];
	int err = list_file(s, &job->file);

	if (!err && job->minutes.name[0])
		err = list_minutes(s, &job->minutes);
	if (!err && job->minutes.name[0])
		err = store_seal_add_hour(s, &job->minutes);
	if (!err && job->sums[0])
		err = insert_from(s, "stored", job->sums, -1);
	snprintf(sql, sizeof(sql), "DROP TABLE %s", job->table.name);
	return err || store_segment_is_rows(&job->table) ? err : store_run(s, NULL, sql, "");
}

static void clear_away(struct store *s, const struct store_sealing *job)
{
	if (job->sums[0])
		store_file_remove(s, job->sums);
	if (store_segment_is_rows(&job->table))
		store_segment_retire(s, &job->table);
}

int store_seal_publish(struct store *s, const struct store_sealing *job)
{
	int err = store_begin(s);

	if (!err)
		err = publish(s, job);
	if (!err)
		err = store_commit(s);
	if (err)
		store_rollback(s);
	else
		clear_away(s, job);
	store_hours_forget(s);
	s->sealing[0] = '\0';
	return err;
}
