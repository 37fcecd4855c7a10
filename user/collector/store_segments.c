// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The table `segments` in, a sorted list out. */
#include "user/collector/store_segments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/store_internal.h"
#include "user/lib/log.h"

static const char list_sql[] =
	"SELECT name, file, min_start_us, max_end_us, rows, bytes, crc, hours, "
	"may_have::UINTEGER FROM segments";

void store_segments_done(struct store_segments *list)
{
	free(list->at);
	*list = (struct store_segments){ 0 };
}

const char *store_segment_name(enum store_series series, int64_t number, char name[STORE_NAME_MAX])
{
	snprintf(name, STORE_NAME_MAX, "%s_%" PRId64, store_series[series].name, number);
	return name;
}

bool store_segment_parse(const char *name, enum store_series *series, int64_t *number)
{
	char again[STORE_NAME_MAX];
	const char *digits = strrchr(name, '_');

	if (!digits || sscanf(digits, "_%" SCNd64, number) != 1 || *number < 0)
		return false;
	for (int i = 0; i < STORE_SERIES; i++) {
		*series = (enum store_series)i;
		if (!strcmp(store_segment_name(*series, *number, again), name))
			return true;
	}
	return false;
}

bool store_segment_is_rows(const struct store_segment *g)
{
	return g->series == SERIES_FLOWS && !g->file[0] && g->bytes;
}

int64_t store_segment_end_us(const struct store_segment *g)
{
	return (g->number + 1) * store_series[g->series].period_us;
}

static int compare(const void *a, const void *b)
{
	const struct store_segment *x = a, *y = b;

	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static void copy_text(duckdb_result *res, idx_t column, idx_t row, char *to, size_t size)
{
	char *text = duckdb_value_varchar(res, column, row);

	snprintf(to, size, "%s", text ? text : "");
	duckdb_free(text);
}

/* A line of another program's is not ours to read. */
static int from_result(duckdb_result *res, struct store_segments *ret)
{
	idx_t rows = duckdb_row_count(res);
	struct store_segments list = { .at = calloc(rows + 1, sizeof(*list.at)) };

	if (!list.at)
		return -ENOMEM;
	for (idx_t i = 0; i < rows; i++) {
		struct store_segment *g = &list.at[list.len];

		copy_text(res, 0, i, g->name, sizeof(g->name));
		copy_text(res, 1, i, g->file, sizeof(g->file));
		g->min_start_us = duckdb_value_int64(res, 2, i);
		g->max_end_us = duckdb_value_int64(res, 3, i);
		g->rows = duckdb_value_uint64(res, 4, i);
		g->bytes = duckdb_value_uint64(res, 5, i);
		g->crc = duckdb_value_uint32(res, 6, i);
		g->hours = duckdb_value_uint32(res, 7, i);
		g->may_have = duckdb_value_uint32(res, 8, i);
		if (store_segment_parse(g->name, &g->series, &g->number))
			list.len++;
	}
	qsort(list.at, list.len, sizeof(*list.at), compare);
	*ret = list;
	return 0;
}

int store_segments_list(struct store *s, struct store_segments *ret)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	int err = store_run(s, &res, list_sql, "");

	return err ? err : from_result(&res, ret);
}

int store_segments_read(struct store_reader *r, struct store_segments *ret)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};
	AUTO_FREE char *error = NULL;
	int err = store_query(r, list_sql, NULL, 0, &res, &error);

	if (err) {
		log_warn("store: list segments: %s", error ? error : strerror(-err));
		return err;
	}
	return from_result(&res, ret);
}
