/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What rows can be grouped by: a key is a row in query_keys.c. */
#ifndef WT_QUERY_KEYS_H
#define WT_QUERY_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "user/collector/query_columns.h"

struct sql_builder;

#define KEYS_MAX 8 /* words in by= */
#define QUERY_KEY_ADDRESS 128 /* bits: of one address, and of two */
#define QUERY_KEY_PAIR 256
#define KEY_COLUMNS_MAX 4 /* of a reply, per key */

/* The pair of addresses in one order, whoever sends. */
#define QUERY_IS_SWAPPED "(src_hi > dst_hi OR (src_hi = dst_hi AND src_lo > dst_lo))"

/*
 * Grouping happens where the rows are, by what they hold (`inner`). Keys that are `named` are then
 * looked up in the small tables (g: the groups, e: exporters, i: interfaces) and grouped again,
 * since several exporter ids (one per start of an agent) may have one name.
 */
struct query_key {
	const char *name;
	const char *inner; /* "expression AS k_alias, …" */
	const char *reads; /* the columns in there; NULL where `named` or `is_owned` */
	const char *named; /* the same after the look-up; NULL: the aliases as they are */
	const char *aliases; /* "k_alias, …": what is grouped and sorted by in the end */
	const char *outer; /* what `columns` are read from, cast */
	unsigned int
		bits; /* its value has; QUERY_KEY_ADDRESS: two UBIGINTs; 0: top_sql.h's alone */
	const char *pushed; /* the column that has its second half, as it is; NULL: none */
	const char *word; /* "function(columns, ": a UBIGINT of its bits (of an address the 32 of
			   * IPv4), or 1 above them for NULL, shifted as the last argument says; as
			   * `inner`, only faster; NULL: none */
	bool is_owned; /* known only of rows joined with their connections: query_owner.h */
	struct query_column columns[KEY_COLUMNS_MAX]; /* up to one without a name */
};

const struct query_key *query_key_find(const char *name, size_t len);
/* "r.alias IS NOT DISTINCT FROM w.alias": of a row and a winner. A key may be NULL, and then is equal
 * to NULL (frames without IP have no address). */
void query_key_same(struct sql_builder *b, const char *alias);
/* All names in a row, for messages: "src, dst, …". */
const char *query_key_names(void);

#endif
