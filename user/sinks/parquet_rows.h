/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Rows of flows as a table of DuckDB's: columns have the names of /v1/flows; addresses and names
 * are text, NULL where there is none.
 */
#ifndef WT_PARQUET_ROWS_H
#define WT_PARQUET_ROWS_H

#include <stddef.h>

#include <duckdb.h>

#include "user/sinks/sink_kind.h"

/* "CREATE TABLE IF NOT EXISTS …". 0 or -E2BIG. */
int parquet_rows_ddl(const char *table, char *sql, size_t size);

/* Flows from number `from` on, within the caller's transaction. 0 or -EIO, logged. */
int parquet_rows_append(duckdb_connection connection, const char *table,
			const struct sink_rows *rows, size_t from);

#endif
