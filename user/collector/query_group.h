/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* by=reason,interface: the words that rows are grouped by, and the reply's columns they make. */
#ifndef WT_QUERY_GROUP_H
#define WT_QUERY_GROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "user/collector/query_columns.h"

struct api_request;
struct api_reply;
struct sql_builder;

#define GROUP_KEYS_MAX 8 /* words in one by= */
#define GROUP_COLUMNS_MAX 5 /* of one word */

/* One word. What the SQL of a column says is grouped by, and read as the column's kind reads it. */
struct group_key {
	const char *word;
	struct {
		struct query_column column;
		const char *sql;
	} columns[GROUP_COLUMNS_MAX]; /* ends with sql NULL, or is full */
	bool is_owned; /* known only of rows joined with their connections: query_owner.h */
};

struct group {
	const struct group_key *keys[GROUP_KEYS_MAX];
	size_t len;
};

/* by=, the first word of all when absent. 0; 1 when the reply is made (400); -errno. */
int group_arg(const struct api_request *req, struct api_reply *reply, const struct group_key *all,
	      size_t all_len, struct group *ret);

/* "a, b, c" of all columns of all keys. */
void group_add(const struct group *g, struct sql_builder *b);

/* Does one of the words need the owner? */
bool group_is_owned(const struct group *g);

/* The reply's columns, into `to` of at least GROUP_KEYS_MAX * GROUP_COLUMNS_MAX. How many. */
size_t group_columns(const struct group *g, struct query_column *to);

#endif
