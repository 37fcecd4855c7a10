// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, chunks of 2048 appended to one table out. */
#include <errno.h>

#include "user/collector/store_internal.h"
#include "user/lib/log.h"

/* The vectors' memory may move with every reset. */
static void chunk_begin(struct store_appender *a, size_t columns)
{
	duckdb_data_chunk_reset(a->chunk);
	for (size_t i = 0; i < columns; i++)
		a->column[i] = duckdb_vector_get_data(duckdb_data_chunk_get_vector(a->chunk, i));
	a->rows = 0;
}

static void chunk_new(struct store_appender *a, const struct store_column *columns, size_t len)
{
	duckdb_logical_type types[STORE_COLUMNS_MAX];

	for (size_t i = 0; i < len; i++)
		types[i] = duckdb_create_logical_type(columns[i].type);
	a->chunk = duckdb_create_data_chunk(types, len);
	for (size_t i = 0; i < len; i++)
		duckdb_destroy_logical_type(&types[i]);
}

int store_rows_open(struct store *s, struct store_appender *a, const char *table,
		    const struct store_column *columns, size_t len)
{
	if (!a->chunk)
		chunk_new(a, columns, len);
	if (!a->chunk)
		return -ENOMEM;
	if (duckdb_appender_create(s->writer, NULL, table, &a->appender) != DuckDBSuccess) {
		log_error("store: append to %s: %s", table, duckdb_appender_error(a->appender));
		return -EIO;
	}
	chunk_begin(a, len);
	return 0;
}

static int fail(const struct store_appender *a)
{
	log_error("store: append: %s", duckdb_appender_error(a->appender));
	return -EIO;
}

int store_rows_push(struct store_appender *a, size_t columns)
{
	if (!a->rows)
		return 0;
	duckdb_data_chunk_set_size(a->chunk, a->rows);
	if (duckdb_append_data_chunk(a->appender, a->chunk) != DuckDBSuccess)
		return fail(a);
	chunk_begin(a, columns);
	return 0;
}

int store_rows_finish(struct store_appender *a, size_t columns)
{
	int err;

	if (!a->appender)
		return 0;
	err = store_rows_push(a, columns);
	if (!err && duckdb_appender_close(a->appender) != DuckDBSuccess)
		err = fail(a);
	if (!err)
		duckdb_appender_destroy(&a->appender);
	return err;
}

void store_rows_text(struct store_appender *a, idx_t column, const char *text)
{
	duckdb_vector_assign_string_element(duckdb_data_chunk_get_vector(a->chunk, column), a->rows,
					    text);
}
