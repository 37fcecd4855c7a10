/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Rows of flows grouped, sorted and cut, as SQL: what /v1/top asks for in, one statement out.
 */
#ifndef WT_TOP_SQL_H
#define WT_TOP_SQL_H

#include "user/collector/key_sums.h"
#include "user/collector/query.h"
#include "user/collector/query_having.h"
#include "user/collector/query_keys.h"
#include "user/collector/query_owner.h"

struct sql_builder;

/* What a group is made of, besides its keys. */
enum top_sum {
	TOP_FLOWS = 1,
	TOP_PACKETS = 2,
	TOP_OCTETS = 4,
	TOP_L3_OCTETS = 8,
	TOP_FIRST_US = 16,
	TOP_LAST_US = 32,
	TOP_SAMPLING = 64,
	TOP_ALL_SUMS = 127,
};

struct top_order {
	const char *name;
	const char *column; /* of the groups */
	unsigned int sums; /* enum top_sum: what column needs */
	bool is_sum; /* and is no more than this one: */
	enum key_sum sum;
};

struct top {
	struct query_scope scope;
	struct owner_scope owner; /* where is_owned */
	const struct query_key *keys[KEYS_MAX + 1]; /* and the exporter an interface is of */
	size_t asked, keys_len; /* asked: without that one */
	bool is_named, is_owned, is_conversation;
	bool is_few, has_no_folds; /* query_estimate.h */
	bool is_brief; /* groups and their counts are all that is asked for */
	const struct top_order *order;
	struct having having;
	uint64_t n;
	bool is_csv;
};

/* NULL: there is none of this name. */
const struct top_order *top_order_find(const char *name);

bool top_has_key(const struct top *top, const char *name);

/*
 * Columns: the keys' `outer`, then flows, packets, octets, l3_octets, first_us, last_us,
 * is-sampled. The first row is of all groups together, within n or not, and its keys say nothing:
 * without any group its sums are 0. Then the groups.
 */
void top_add_statement(const struct top *top, struct sql_builder *b);

/* "octets DESC, k_a, …": ties are broken by the keys, so that the same groups win every time. */
void top_add_order(const struct top *top, struct sql_builder *b);

/*
 * One row: packets and octets folded; perhaps folded (the filter asks for what folds do not know);
 * is any of it sampled.
 */
void top_add_folds(const struct top *top, struct sql_builder *b);

#endif
