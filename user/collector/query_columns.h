/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Rows of a query as JSON objects or CSV lines: a table of columns says how each is read. */
#ifndef WT_QUERY_COLUMNS_H
#define WT_QUERY_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct api_reply;
struct json_t;
struct query_rows;

/* How many columns of the statement it reads, and of which type, stands behind each. */
enum query_column_kind {
	COLUMN_INT, /* 1 BIGINT */
	COLUMN_TEXT, /* 1 VARCHAR */
	COLUMN_BOOL, /* 1 BIGINT */
	COLUMN_ADDRESS, /* 2 UBIGINT: hi, lo */
	COLUMN_PROTO_NAME, /* 1 BIGINT: "tcp", "89" */
	COLUMN_ETHERTYPE, /* 1 BIGINT: "0x0800" */
	COLUMN_DIRECTION, /* 1 BIGINT: 0 "ingress", 1 "egress" */
	COLUMN_TCP_FLAGS, /* 1 BIGINT: "SA" */
	COLUMN_TUNNEL, /* 1 BIGINT: 0 null, "gre", … */
	COLUMN_MS, /* 1 BIGINT in µs, shown as ms with a fraction */
	COLUMN_ID, /* 1 UBIGINT: 16 hex digits */
	COLUMN_ROLE, /* 1 BIGINT: "client" */
	COLUMN_STATE, /* 1 BIGINT: "established" */
	COLUMN_CONNECTION_END, /* 1 BIGINT: "local_fin" */
	COLUMN_BUCKETS, /* LATENCY_BUCKETS BIGINT: [{"le_ns":…,"count":…}], those in use */
	COLUMN_ERRNO, /* 1 BIGINT: "ECONNREFUSED"; 0 null */
};

struct query_column {
	const char *name;
	enum query_column_kind kind;
};

/*
 * The reply's body from all rows: CSV with a line of names, or {"rows":[…]} with `rest`, an object
 * whose members follow (owned by the call; not in CSV). 0 or -errno.
 */
int query_reply_csv(struct api_reply *reply, struct query_rows *rows,
		    const struct query_column *columns, size_t len);
int query_reply_json(struct api_reply *reply, struct query_rows *rows,
		     const struct query_column *columns, size_t len, struct json_t *rest);

#endif
