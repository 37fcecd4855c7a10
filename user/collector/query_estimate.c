// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Columns in, what DuckDB's statistics say of them out. */
#include "user/collector/query_estimate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_sql.h"
#include "user/collector/store.h"
#include "user/collector/store_schema.h"

static void add_stats(struct sql_builder *b, const char *column)
{
	sql_add(b, "stats(");
	sql_add(b, column);
	sql_add(b, ") AS ");
	sql_add(b, column);
}

/* As many values as fit into it. */
static uint64_t most_of_type(const char *column)
{
	for (size_t i = 0; i < TIER_COLUMNS; i++) {
		if (strcmp(store_flow_columns[i].name, column) != 0)
			continue;
		if (store_flow_columns[i].type == DUCKDB_TYPE_UTINYINT)
			return UINT8_MAX + 1;
		if (store_flow_columns[i].type == DUCKDB_TYPE_USMALLINT)
			return UINT16_MAX + 1;
	}
	return UINT64_MAX;
}

/* "[Min: 1, Max: 9][Has Null: …][Approx Unique: 216]" */
static uint64_t values_of(const char *column, const char *stats, uint64_t caution)
{
	static const char label[] = "[Approx Unique: ";
	const char *at = stats ? strstr(stats, label) : NULL;
	uint64_t n = at ? strtoull(at + strlen(label), NULL, 10) : 0;
	uint64_t most = most_of_type(column);

	return n && n < most / caution ? n * caution : most;
}

/* The first column is `kind`. */
static struct query_estimate read_stats(struct query_rows *rows, uint64_t limit, uint64_t caution)
{
	idx_t columns = duckdb_column_count(&rows->result);
	struct query_estimate estimate = { 0 };

	for (idx_t i = 0; i < columns; i++) {
		char *stats = duckdb_value_varchar(&rows->result, i, 0);

		if (!i)
			estimate.has_no_folds = stats && strstr(stats, "[Min: 0, Max: 0]");
		else
			limit /= values_of(duckdb_column_name(&rows->result, i), stats, caution);
		duckdb_free(stats);
	}
	estimate.is_few = limit > 0;
	return estimate;
}

struct query_estimate query_estimate(const struct api_request *req, const struct query_scope *scope,
				     const char *const *columns, size_t len, uint64_t times)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b;
	const char *before = "SELECT stats(kind) AS kind, ";

	if (!times || sql_init(&b))
		return (struct query_estimate){ 0 };
	for (size_t i = 0; i < len; i++)
		sql_each(&b, columns[i], &before, ", ", add_stats);
	sql_add(&b, " FROM ");
	sql_add(&b, scope->source);
	sql_add(&b, " f LIMIT 1");
	if (query_run(req->reader, &b, &rows) || !duckdb_row_count(&rows.result))
		return (struct query_estimate){ 0 };
	return read_stats(&rows, QUERY_FEW_GROUPS / times,
			  scope->tiers.has_files ? QUERY_FILES_CAUTION : 1);
}
