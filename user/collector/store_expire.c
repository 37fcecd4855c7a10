// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * What is too old or too much out: tables are dropped (a DELETE would leave the file large), files
 * unlisted, small tables follow.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "user/collector/store_files.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_scan.h"
#include "user/lib/log.h"

/* What is not sealed has no sums in `stored`: exporters remember what their last interval was. */
static int note_expired(struct store *s, const struct store_segment *g)
{
	AUTO_FREE char *sql = NULL;
	size_t len;
	FILE *out = open_memstream(&sql, &len);

	if (!out)
		return -ENOMEM;
	fputs("UPDATE exporters SET expired_interval = greatest(expired_interval, gone.last) "
	      "FROM (SELECT exporter_id, max(\"interval\") AS last FROM ",
	      out);
	store_scan_source(g, 0, INT64_MIN, INT64_MAX, out);
	fputs(" GROUP BY exporter_id) gone WHERE exporters.id = gone.exporter_id", out);
	return fclose(out) ? -ENOMEM : store_run(s, NULL, sql, "");
}

static int drop_open(struct store *s, const struct store_segment *g)
{
	char sql[64];
	int err = note_expired(s, g);

	snprintf(sql, sizeof(sql), "DROP TABLE %s", g->name);
	return err || store_segment_is_rows(g) ? err : store_run(s, NULL, sql, "");
}

static int drop_segment(struct store *s, const struct store_segment *g)
{
	int err = g->file[0] ? 0 : drop_open(s, g);

	if (!err)
		err = store_run(s, NULL, "DELETE FROM segments WHERE name = $1", "s", g->name);
	if (!err)
		log_info("store: dropped %s, older than what is kept", g->name);
	return err;
}

/* Intervals of which a ledger entry or a sum goes can no longer be audited. */
static int forget_ledger(struct store *s, int64_t before_us)
{
	int err = store_run(
		s, NULL,
		"UPDATE exporters SET expired_interval = greatest(expired_interval, gone.last) "
		"FROM (SELECT exporter_id, max(\"interval\") AS last FROM stored "
		"WHERE arrived_us < $1 GROUP BY exporter_id) gone "
		"WHERE exporters.id = gone.exporter_id",
		"i", before_us);

	if (!err)
		err = store_run(s, NULL, "DELETE FROM stored WHERE arrived_us < $1", "i",
				before_us);
	return err ? err
		   : store_run(s, NULL, "DELETE FROM ledger WHERE arrived_us < $1", "i", before_us);
}

/*
 * High-water marks live as long as rows or ledger do: a duplicate from before that is not one. The
 * first exporter of an agent stands for all in the coarse tiers (store_rollup.h).
 */
static int forget_exporters(struct store *s, int64_t fine_us, int64_t coarse_us)
{
	int err = store_run(s, NULL,
			    "DELETE FROM exporters WHERE last_us < $1 AND EXISTS (SELECT 1 FROM "
			    "exporters o WHERE o.agent = exporters.agent AND o.exporter = "
			    "exporters.exporter AND o.id < exporters.id)",
			    "i", fine_us);

	if (err)
		return err;
	return store_run(s, NULL,
			 "DELETE FROM exporters WHERE last_us < $1 AND NOT EXISTS (SELECT 1 FROM "
			 "exporters o WHERE o.agent = exporters.agent AND o.exporter = "
			 "exporters.exporter AND o.last_us >= $1)",
			 "i", coarse_us);
}

static int forget_before(struct store *s, const int64_t before_us[STORE_TIERS])
{
	int64_t fine_us = before_us[TIER_MINUTE], coarse_us = before_us[TIER_HOUR];
	int err = forget_ledger(s, fine_us - fine_us % STORE_HOUR_US);

	if (!err)
		err = store_run(s, NULL, "DELETE FROM interfaces WHERE last_us < $1", "i",
				coarse_us);
	if (!err)
		err = store_run(s, NULL,
				"DELETE FROM addresses WHERE agent NOT IN "
				"(SELECT agent FROM exporters WHERE last_us >= $1)",
				"i", fine_us);
	return err ? err : forget_exporters(s, fine_us, coarse_us);
}

/* Flows that were not rolled up yet are all that the coarser tiers will ever have of them. */
static bool is_over(const struct store_segment *g, const int64_t before_us[STORE_TIERS])
{
	enum store_tier tier = store_series[g->series].kept_as;

	if (g->series == SERIES_FLOWS && !g->file[0])
		tier = TIER_HOUR;
	return store_segment_end_us(g) <= before_us[tier];
}

/* Drops what `drop` marks of the list, and what nothing refers to any more. */
static int drop_marked(struct store *s, const struct store_segments *list, const bool *drop,
		       const int64_t before_us[STORE_TIERS])
{
	int err = store_begin(s);

	for (size_t i = 0; !err && i < list->len; i++)
		if (drop[i])
			err = drop_segment(s, &list->at[i]);
	if (!err && before_us)
		err = forget_before(s, before_us);
	if (!err)
		err = store_commit(s);
	if (err)
		store_rollback(s);
	store_hours_forget(s);
	for (size_t i = 0; !err && i < list->len; i++)
		if (drop[i])
			store_segment_retire(s, &list->at[i]);
	return err;
}

int store_expire(struct store *s, const int64_t before_us[STORE_TIERS], unsigned int *dropped)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	AUTO_FREE bool *drop = NULL;
	int err = store_segments_list(s, &list);

	*dropped = 0;
	if (err)
		return err;
	drop = calloc(list.len + 1, sizeof(*drop));
	if (!drop)
		return -ENOMEM;
	for (size_t i = 0; i < list.len; i++) {
		drop[i] =
			is_over(&list.at[i], before_us) && strcmp(list.at[i].name, s->sealing) != 0;
		*dropped += drop[i];
	}
	return drop_marked(s, &list, drop, before_us);
}

/* Records go before minutes, minutes before hours: a long memory is worth more than a sharp one. */
static int rank(const struct store_segment *g)
{
	return g->series == SERIES_HOURS ? 2 : g->series == SERIES_MINUTES ? 1 : 0;
}

static bool is_missed_less(const struct store_segment *g, const struct store_segment *than)
{
	if (rank(g) != rank(than))
		return rank(g) < rank(than);
	return store_segment_end_us(g) < store_segment_end_us(than);
}

int store_drop_oldest(struct store *s, int64_t now_us)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	AUTO_FREE bool *drop = NULL;
	size_t oldest = SIZE_MAX;
	int err = store_segments_list(s, &list);

	if (err)
		return err;
	for (size_t i = 0; i < list.len; i++) {
		const struct store_segment *g = &list.at[i];

		if (store_segment_end_us(g) <= now_us && strcmp(g->name, s->sealing) != 0 &&
		    (oldest == SIZE_MAX || is_missed_less(g, &list.at[oldest])))
			oldest = i;
	}
	if (oldest == SIZE_MAX)
		return -ENOENT;
	drop = calloc(list.len, sizeof(*drop));
	if (!drop)
		return -ENOMEM;
	drop[oldest] = true;
	return drop_marked(s, &list, drop, NULL);
}

int store_used_bytes(struct store *s, uint64_t *ret)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};
	AUTO_FREE char *wal = NULL;
	uint64_t files;
	struct stat st;
	int err = store_run(
		s, &result,
		"SELECT (block_size * used_blocks)::UBIGINT FROM pragma_database_size()", "");

	if (!err)
		err = store_files_bytes(s, &files);
	if (err)
		return err;
	*ret = duckdb_value_uint64(&result, 0, 0) + files;
	if (asprintf(&wal, "%s.wal", s->path) < 0)
		return -ENOMEM;
	if (!stat(wal, &st))
		*ret += (uint64_t)st.st_size;
	return 0;
}

int store_checkpoint(struct store *s)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};

	if (!s->writer)
		return -EIO; /* could not be opened again */
	if (duckdb_query(s->writer, "CHECKPOINT", &res) == DuckDBSuccess)
		return 0;
	if (duckdb_result_error_type(&res) == DUCKDB_ERROR_TRANSACTION)
		return -EBUSY;
	log_error("store: checkpoint: %s", duckdb_result_error(&res));
	return -EIO;
}
