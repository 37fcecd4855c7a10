/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The minutes of an hour of flows, made slice by slice of its time, so that what is in memory at
 * once does not grow with the hour: minutes do not depend on each other.
 */
#ifndef WT_STORE_MINUTES_H
#define WT_STORE_MINUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <duckdb.h>

#include "user/collector/store_blocks.h"
#include "user/collector/store_segments.h"

#define MINUTES_SLICE_ROWS UINT64_C(1000000) /* aimed at */

/* Of an hour's time of packets: the first has all before it, too, and the last all after. */
struct minutes_slice {
	int64_t from_us;
	int64_t to_us;
	uint64_t rows; /* at most so many */
};

/*
 * Slices of whole minutes for an hour, whose blocks these are: as many as its rows want, at most
 * 60. malloc'd into *ret; 0 or -ENOMEM.
 */
int store_minutes_slices(const struct store_segment *table, const struct block_entry *blocks,
			 size_t blocks_len, struct minutes_slice **ret, size_t *len);

/*
 * In the connection's transaction: the temporary table `rolled` has the segment's minutes.
 * is_careful: with what spills (store_rollup.h) throughout, not where there is no other way. 0 or
 * -errno, logged.
 */
int store_minutes_make(duckdb_connection c, struct store_blocks *blocks,
		       const struct store_segment *table, bool is_careful);

/* "SELECT …" of them, in the order of their file. */
void store_minutes_select(const struct store_segment *table, FILE *out);

#endif
