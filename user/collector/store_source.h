/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What a query reads: a time range in, SQL that yields each row of it exactly once out, from
 * tables and files. A snapshot's list of segments decides (store_segments.h).
 *
 * Flows have tiers, and what arrived in one hour is in several of them: each hour is read from the
 * finest tier that is wanted and there, else from the next coarser one, else from a finer one. So
 * every answer is complete, and the tier only says how finely.
 */
#ifndef WT_STORE_SOURCE_H
#define WT_STORE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/collector/store_schema.h"

struct store_reader;

/* More rows than this are read from a coarser tier, when it is left to the store. */
#define STORE_TIER_ROWS UINT64_C(1000000)

struct store_tiers {
	uint64_t rows[STORE_TIERS]; /* that are read from each, before any filter */
	int64_t first_us; /* no row starts before */
	unsigned int may_have; /* what rows may be: enum store_trait */
	bool is_open; /* rows of other times may come with those asked for */
	bool has_files; /* not all of them are tables */
};

/*
 * "(SELECT * FROM flows_1 UNION ALL …)" over the segments that overlap [from_us, to_us), or a
 * subquery with no rows. Of flows, only rows that start within; of others, all. Flows have a column
 * `records` more than their tables: how many records a row stands for. malloc'd into *ret. 0 or
 * -errno.
 */
int store_source(struct store_reader *r, enum store_series series, int64_t from_us, int64_t to_us,
		 char **ret);

/* Of flows, from this tier where it is there. STORE_TIERS: whichever is fast. */
int store_source_flows(struct store_reader *r, enum store_tier wanted, int64_t from_us,
		       int64_t to_us, char **ret, struct store_tiers *tiers);

/* Rows that are still in tables, whatever their time: what the ledger has no sums of yet. */
int store_source_open(struct store_reader *r, enum store_series series, char **ret);

#endif
