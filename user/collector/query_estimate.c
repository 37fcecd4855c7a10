// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Columns in, DuckDB's statistics of them out, as one number. */
#include "user/collector/query_estimate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_sql.h"
#include "user/collector/store.h"

static void add_stats(struct sql_builder *b, const char *column)
{
	sql_add(b, "stats(");
	sql_add(b, column);
	sql_add(b, ")");
}

/* "[Min: 1, Max: 9][Has Null: …][Approx Unique: 216]" */
static uint64_t unique_of(const char *stats)
{
	static const char label[] = "[Approx Unique: ";
	const char *at = stats ? strstr(stats, label) : NULL;
	uint64_t n = at ? strtoull(at + strlen(label), NULL, 10) : 0;

	return n ? n : UINT64_MAX;
}

static bool is_within(struct query_rows *rows, uint64_t limit)
{
	idx_t columns = duckdb_column_count(&rows->result);

	for (idx_t i = 0; i < columns; i++) {
		char *stats = duckdb_value_varchar(&rows->result, i, 0);

		limit /= unique_of(stats);
		duckdb_free(stats);
	}
	return limit > 0;
}

bool query_has_few_groups(const struct api_request *req, const struct query_scope *scope,
			  const char *const *columns, size_t len, uint64_t times)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b;
	const char *before = "SELECT ";
	uint64_t limit = QUERY_FEW_GROUPS / (scope->tiers.has_files ? QUERY_FILES_CAUTION : 1);

	if (!times || sql_init(&b))
		return false;
	for (size_t i = 0; i < len; i++)
		sql_each(&b, columns[i], &before, ", ", add_stats);
	sql_add(&b, " FROM ");
	sql_add(&b, scope->source);
	sql_add(&b, " f LIMIT 1");
	if (query_run(req->reader, &b, &rows) || !duckdb_row_count(&rows.result))
		return false;
	return is_within(&rows, limit / times);
}
