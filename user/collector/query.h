/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Queries of the store for the API: what a request asks for (scope), the statement with its bound
 * values run on the reader, and the rows that come back.
 */
#ifndef WT_QUERY_H
#define WT_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <duckdb.h>
#include <jansson.h>

#include "user/collector/query_after.h"
#include "user/collector/store_source.h"
#include "user/lib/cleanup.h"

struct api_request;
struct api_reply;
struct filter;
struct owner_scope;
struct sql_builder;
struct store_reader;

#define QUERY_ROWS_MAX 100000 /* n and limit of a request */

/* ---- rows ---- */

struct query_rows {
	duckdb_result result;
	duckdb_data_chunk chunk;
	idx_t row, rows; /* of the chunk */
	bool is_open;
	char *error; /* what DuckDB said; NULL when it said nothing */
};

/* Finishes and runs the statement. 0, or -errno as store_query() with ret->error. */
int query_run(struct store_reader *reader, struct sql_builder *b, struct query_rows *ret);
void query_rows_done(struct query_rows *rows);
static inline void query_rows_done_auto(struct query_rows *rows)
{
	query_rows_done(rows);
}

/* The next row becomes the current one; false behind the last. */
bool query_rows_next(struct query_rows *rows);

/* Columns of the current row. The statement casts them: BIGINT, UBIGINT, VARCHAR. */
bool query_is_null(const struct query_rows *rows, idx_t column);
int64_t query_int(const struct query_rows *rows, idx_t column);
uint64_t query_u64(const struct query_rows *rows, idx_t column);
/* Not terminated; lives as long as the row is the current one. Returns the length. */
size_t query_text(const struct query_rows *rows, idx_t column, const char **ret);

/* ---- scope ---- */

/* Which rows a request is about. */
struct query_scope {
	int64_t from_us, to_us; /* rows that start in [from, to) */
	struct store_tiers tiers; /* what they are read from; behind a cursor: no rows said */
	struct filter *filter; /* owned; NULL: none */
	const char *exporter; /* agent, host or exporter; NULL: all */
	bool all; /* every observation, not only those counted */
	struct query_after after;
	char *source; /* owned: store_source(), or what came after */
	struct owner_scope *owner; /* owned; NULL: the filter asks for nothing of connections */
};

/* From the request's arguments. 0; 1 when the reply is already made; -errno. */
int query_scope_parse(const struct api_request *req, struct api_reply *reply,
		      struct query_scope *ret);
/* The same for records: unless tier= says otherwise, the finest there is, however many. */
int query_scope_parse_fine(const struct api_request *req, struct api_reply *reply,
			   struct query_scope *ret);

/* ["raw", "minute"]: which tiers the answer was read from. */
json_t *query_tiers_json(const struct query_scope *scope);

void query_scope_done(struct query_scope *scope);
static inline void query_scope_done_auto(struct query_scope *scope)
{
	query_scope_done(scope);
}

/* No row of the scope starts before. */
static inline int64_t query_first_us(const struct query_scope *scope)
{
	return scope->tiers.first_us > scope->from_us ? scope->tiers.first_us : scope->from_us;
}

/* "FROM … WHERE …" of the rows of flows. */
void query_from_flows(const struct query_scope *scope, struct sql_builder *b);

/*
 * "FROM (SELECT *, <condition> AS is_match …)" of the rows that packets were folded into;
 * is_match is NULL where the filter asks for what a fold does not know.
 */
void query_from_folds(const struct query_scope *scope, struct sql_builder *b);

/*
 * Packets, octets or l3_octets of a row, as SQL: a sampled row stands for `sampling` times as much.
 * Multiplying costs as much as all the rest of a query, so it is only done where rows are sampled.
 */
enum query_measure { QUERY_PACKETS, QUERY_OCTETS, QUERY_L3_OCTETS };
const char *query_measure(const struct query_scope *scope, enum query_measure measure);

/* Sums as JSON can say them. */
#define QUERY_BIGINT(sum) "least(coalesce(" sum ", 0), 9223372036854775807)::BIGINT"

/* ---- replies ---- */

/*
 * query_run(), and a reply when it fails: 503 past the deadline or beyond the memory, else 500.
 * Returns 0, or 1 when the reply is made.
 */
int query_run_reply(const struct api_request *req, struct api_reply *reply, struct sql_builder *b,
		    struct query_rows *ret);

/*
 * A number argument in [min, max], fallback when absent. 0; 1 when the reply is made (400);
 * -errno.
 */
int query_number_arg(const struct api_request *req, struct api_reply *reply, const char *name,
		     uint64_t min, uint64_t max, uint64_t fallback, uint64_t *ret);

/* A yes/no argument: "1"/"true"/"yes" and "0"/"false"/"no"; absent is no. Returns as above. */
int query_flag_arg(const struct api_request *req, struct api_reply *reply, const char *name,
		   bool *ret);

/* format=json, the default, or csv. Returns as above. */
int query_format_arg(const struct api_request *req, struct api_reply *reply, bool *is_csv);

#endif
