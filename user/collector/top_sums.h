/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * A top list that looks at its rows once: keys packed into words, added up by wt_sums
 * (store_functions.h), and the winners said as a statement's VALUES, so that they are named and
 * sorted as those of top_sql.h. Of files, what a place does not depend on (layer 3 octets, times)
 * is asked for the winners alone: fewer columns are read, and most row groups are not.
 */
#ifndef WT_TOP_SUMS_H
#define WT_TOP_SUMS_H

#include <stdbool.h>
#include <stddef.h>

#include "user/collector/key_sums.h"

#define TOP_SUMS_N_MAX 1000 /* winners: their statement is read and planned */

struct api_reply;
struct api_request;
struct sql_builder;
struct top;

/* The first is all groups together, and keys[0] how many they are. */
struct top_groups {
	struct key_group *at; /* NULL: none */
	size_t len;
	bool has_all; /* not counts alone */
};

void top_groups_done(struct top_groups *g);

/* Whether this list can be made so. */
bool top_sums_fit(const struct top *top);

/* 0, with *ret empty when there are too many groups; 1: a refusal is in *reply; -errno. */
int top_sums_ask(const struct api_request *req, struct api_reply *reply, const struct top *top,
		 struct top_groups *ret);

/* "SELECT …" of a brief list's groups: keys and their place, from 1 on. */
void top_sums_add_places(const struct top *top, const struct top_groups *g, struct sql_builder *b);

/* Rows as top_add_statement()'s. */
void top_sums_add_statement(const struct top *top, const struct top_groups *g,
			    struct sql_builder *b);

#endif
