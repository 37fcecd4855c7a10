// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A series and an hour of arrival in, that hour's table or file and its line in `segments` out. */
#include <errno.h>
#include <string.h>

#include "user/collector/store_block.h"
#include "user/collector/store_files.h"
#include "user/collector/store_internal.h"

static int put_change(struct store *s, enum store_series series)
{
	struct segment_change c = s->hours[series].change;
	char name[STORE_NAME_MAX];

	s->hours[series].change = (struct segment_change){ .hour = -1 };
	if (c.hour < 0)
		return 0;
	return store_run(s, NULL,
			 "UPDATE segments SET min_start_us = least(min_start_us, $1), "
			 "max_end_us = greatest(max_end_us, $2), rows = rows + $3, bytes = $4, "
			 "may_have = may_have | $5::UTINYINT WHERE name = $6",
			 "iiuuus", c.min_start_us, c.max_end_us, c.rows, c.bytes,
			 (uint64_t)c.may_have, store_segment_name(series, c.hour, name));
}

/* Rows so far: a chunk of the table's, or a block of the file's. */
static int push(struct store *s, enum store_series series)
{
	struct store_appender *a = &s->hours[series].rows;
	int err;

	if (series != SERIES_FLOWS)
		return store_rows_push(a, store_series[series].len);
	err = store_blocks_push(s->blocks, a->rows);
	s->has_lost_rows |= err == -EBADMSG;
	a->rows = 0;
	return err;
}

static int finish(struct store *s, enum store_series series)
{
	struct store_hours *h = &s->hours[series];
	int err;

	if (!h->is_open)
		return 0;
	h->is_open = false;
	if (series != SERIES_FLOWS)
		err = store_rows_finish(&h->rows, store_series[series].len);
	else if (!(err = push(s, series)))
		err = store_blocks_sync(s->blocks, &h->change.bytes);
	return err ? err : put_change(s, series);
}

int store_appenders_finish(struct store *s)
{
	int err = store_rows_finish(&s->ledger, LEDGER_COLUMNS);

	for (int i = 0; i < STORE_SERIES && !err; i++)
		err = finish(s, i);
	return err;
}

void store_hours_forget(struct store *s)
{
	for (int i = 0; i < STORE_SERIES; i++)
		s->hours[i].made_hour = -1;
}

void store_appenders_drop(struct store *s)
{
	/* destroying flushes what is left; the transaction around it is rolled back */
	if (s->ledger.appender)
		duckdb_appender_destroy(&s->ledger.appender);
	for (int i = 0; i < STORE_SERIES; i++) {
		if (s->hours[i].rows.appender)
			duckdb_appender_destroy(&s->hours[i].rows.appender);
		s->hours[i].is_open = false;
		s->hours[i].change = (struct segment_change){ .hour = -1 };
	}
	if (s->blocks)
		store_blocks_close(s->blocks);
	store_hours_forget(s);
}

/* Behind what earlier transactions wrote; an hour that was begun again has nothing of before. */
static int open_rows(struct store *s, int64_t hour, const char *name)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	struct store_hours *h = &s->hours[SERIES_FLOWS];
	char file[STORE_FILE_MAX];
	uint64_t bytes;
	int err = store_run(s, &res, "SELECT bytes FROM segments WHERE name = $1", "s", name);

	if (err)
		return err;
	bytes = duckdb_value_uint64(&res, 0, 0);
	if (!bytes)
		store_file_revive(s, store_blocks_name(hour, file));
	h->rows.rows = 0;
	err = store_blocks_open(s->blocks, hour, bytes, h->rows.column);
	s->has_lost_rows |= err == -EBADMSG || err == -ENOENT;
	return err;
}

static int make_hour(struct store *s, enum store_series series, int64_t hour)
{
	const struct store_table *t = &store_series[series];
	struct store_hours *h = &s->hours[series];
	char name[STORE_NAME_MAX], sql[2048] = "";
	int err = 0;

	store_segment_name(series, hour, name);
	if (h->made_hour != hour) {
		if (series != SERIES_FLOWS)
			err = store_ddl(name, t->columns, t->len, sql, sizeof(sql));
		if (!err && *sql)
			err = store_run(s, NULL, sql, "");
		if (!err)
			err = store_run(
				s, NULL,
				"INSERT INTO segments SELECT $1, $2, $3, 0, '', 0, 0, 0, 0 WHERE NOT "
				"EXISTS (SELECT 1 FROM segments WHERE name = $1)",
				"sii", name, INT64_MAX, INT64_MIN);
		if (err)
			return err;
		h->made_hour = hour;
	}
	return series == SERIES_FLOWS ? open_rows(s, hour, name)
				      : store_rows_open(s, &h->rows, name, t->columns, t->len);
}

/*
 * An hour that is sealed or about to be, or that a coarser tier has, takes no more rows: the clock
 * was put back, or a batch waited long. They go into the next hour that does. So do those of an
 * hour of flows that an older version keeps as a table.
 */
static int is_closed(struct store *s, enum store_series series, int64_t hour, bool *ret)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	char name[STORE_NAME_MAX], minutes[STORE_NAME_MAX] = "", day[STORE_NAME_MAX] = "";
	int err;

	store_segment_name(series, hour, name);
	if (series == SERIES_FLOWS) {
		store_segment_name(SERIES_MINUTES, hour, minutes);
		store_segment_name(SERIES_HOURS, hour / 24, day);
	}
	err = store_run(s, &res,
			"SELECT count(*)::UBIGINT FROM segments WHERE "
			"(name = $1 AND (file <> '' OR ($5 = 1 AND rows > 0 AND bytes = 0))) "
			"OR name = $2 OR (name = $3 AND (file <> '' OR hours >> $4 & 1 = 1))",
			"sssuu", name, minutes, day, (uint64_t)hour % 24,
			(uint64_t)(series == SERIES_FLOWS));
	if (!err)
		*ret = duckdb_value_uint64(&res, 0, 0) || !strcmp(name, s->sealing);
	return err;
}

static int find_hour(struct store *s, enum store_series series, int64_t *hour)
{
	bool closed = false;
	int err = is_closed(s, series, *hour, &closed);

	while (!err && closed)
		err = is_closed(s, series, ++*hour, &closed);
	return err;
}

int store_hours_open(struct store *s, enum store_series series, int64_t arrived_us)
{
	struct store_hours *h = &s->hours[series];
	int64_t arrived_hour = arrived_us / STORE_HOUR_US, hour = arrived_hour;
	int err;

	if (h->is_open && h->arrived_hour == arrived_hour)
		return 0;
	err = finish(s, series);
	if (!err && h->arrived_hour == arrived_hour && h->made_hour >= 0)
		hour = h->made_hour;
	else if (!err)
		err = find_hour(s, series, &hour);
	if (!err)
		err = make_hour(s, series, hour);
	if (err)
		return err;
	h->is_open = true;
	h->arrived_hour = arrived_hour;
	h->change = (struct segment_change){ hour, 0, 0, INT64_MAX, INT64_MIN, 0 };
	return 0;
}

int store_hours_added(struct store *s, enum store_series series, int64_t start_us, int64_t end_us)
{
	struct store_hours *h = &s->hours[series];

	if (start_us < h->change.min_start_us)
		h->change.min_start_us = start_us;
	if (end_us > h->change.max_end_us)
		h->change.max_end_us = end_us;
	h->change.rows++;
	h->rows.rows++;
	if (h->rows.rows == (series == SERIES_FLOWS ? BLOCK_ROWS : duckdb_vector_size()))
		return push(s, series);
	return 0;
}
