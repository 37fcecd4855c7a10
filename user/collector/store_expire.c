// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Old hours out: tables are dropped (a DELETE would leave the file large), small tables follow. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "user/collector/store_internal.h"
#include "user/lib/log.h"

struct hour_table {
	char name[STORE_NAME_MAX];
	int64_t hour;
};

static int compare_hours(const void *a, const void *b)
{
	const struct hour_table *x = a, *y = b;

	return (x->hour > y->hour) - (x->hour < y->hour);
}

/* The tables there are, oldest first; *ret is malloc'd. */
static int list_hours(struct store *s, struct hour_table **ret, size_t *ret_len)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};
	AUTO_FREE struct hour_table *hours = NULL;
	size_t len = 0;
	idx_t rows;
	int err = store_run(s, &result, "SELECT name FROM segments", "");

	if (err)
		return err;
	rows = duckdb_row_count(&result);
	hours = calloc(rows + 1, sizeof(*hours));
	if (!hours)
		return -ENOMEM;
	for (idx_t i = 0; i < rows; i++) {
		char *name = duckdb_value_varchar(&result, 0, i);

		if (name && store_hour_parse(name, &hours[len].hour))
			snprintf(hours[len++].name, STORE_NAME_MAX, "%s", name);
		duckdb_free(name);
	}
	qsort(hours, len, sizeof(*hours), compare_hours);
	*ret = TAKE(hours);
	*ret_len = len;
	return 0;
}

/* Intervals with a row in it can no longer be audited: exporters remember up to which. */
static int drop_hour(struct store *s, const char *name)
{
	char sql[512];
	int err;

	snprintf(
		sql, sizeof(sql),
		"UPDATE exporters SET expired_interval = greatest(expired_interval, gone.last) "
		"FROM (SELECT exporter_id, max(\"interval\") AS last FROM %s GROUP BY exporter_id) gone "
		"WHERE exporters.id = gone.exporter_id",
		name);
	err = store_run(s, NULL, sql, "");
	snprintf(sql, sizeof(sql), "DROP TABLE %s", name);
	if (!err)
		err = store_run(s, NULL, sql, "");
	if (!err)
		err = store_run(s, NULL, "DELETE FROM segments WHERE name = $1", "s", name);
	if (!err)
		log_info("store: dropped %s, older than what is kept", name);
	return err;
}

/* High-water marks live as long as rows or ledger do: a duplicate from before that is not one. */
static int forget_before(struct store *s, int64_t before_us)
{
	int err = store_run(s, NULL, "DELETE FROM ledger WHERE arrived_us < $1", "i", before_us);

	if (!err)
		err = store_run(s, NULL, "DELETE FROM interfaces WHERE last_us < $1", "i",
				before_us);
	if (!err)
		err = store_run(s, NULL,
				"DELETE FROM addresses WHERE agent NOT IN "
				"(SELECT agent FROM exporters WHERE last_us >= $1)",
				"i", before_us);
	if (!err)
		err = store_run(s, NULL, "DELETE FROM exporters WHERE last_us < $1", "i",
				before_us);
	return err;
}

static int expire_hours(struct store *s, int64_t before_us, unsigned int *dropped)
{
	AUTO_FREE struct hour_table *hours = NULL;
	size_t len = 0;
	int err = list_hours(s, &hours, &len);

	for (size_t i = 0; !err && i < len; i++) {
		if ((hours[i].hour + 1) * STORE_HOUR_US > before_us)
			continue;
		err = drop_hour(s, hours[i].name);
		++*dropped;
	}
	return err ? err : forget_before(s, before_us - before_us % STORE_HOUR_US);
}

int store_expire(struct store *s, int64_t before_us, unsigned int *dropped)
{
	int err = store_begin(s);

	*dropped = 0;
	if (!err)
		err = expire_hours(s, before_us, dropped);
	if (!err)
		err = store_commit(s);
	if (err)
		store_rollback(s);
	store_hours_forget(s);
	return err;
}

int store_oldest_end(struct store *s, int64_t *ret_us)
{
	AUTO_FREE struct hour_table *hours = NULL;
	size_t len = 0;
	int err = list_hours(s, &hours, &len);

	if (err)
		return err;
	*ret_us = len ? (hours[0].hour + 1) * STORE_HOUR_US : INT64_MAX;
	return 0;
}

int store_used_bytes(struct store *s, uint64_t *ret)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};
	AUTO_FREE char *wal = NULL;
	struct stat st;
	int err = store_run(
		s, &result,
		"SELECT (block_size * used_blocks)::UBIGINT FROM pragma_database_size()", "");

	if (err)
		return err;
	*ret = duckdb_value_uint64(&result, 0, 0);
	if (asprintf(&wal, "%s.wal", s->path) < 0)
		return -ENOMEM;
	if (!stat(wal, &st))
		*ret += (uint64_t)st.st_size;
	return 0;
}

int store_checkpoint(struct store *s)
{
	return store_run(s, NULL, "CHECKPOINT", "");
}
