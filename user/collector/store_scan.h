/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * wt_rows(hour, bytes, skip, from_us, to_us), all BIGINT: the rows of the
 * hour's file that are within its first `bytes` (store_blocks.h), without the first `skip`, and
 * without blocks that have nothing of [from_us, to_us). Columns are those of flows. As many threads
 * as DuckDB gives read it, each a block at a time and of that what the query names.
 */
#ifndef WT_STORE_SCAN_H
#define WT_STORE_SCAN_H

#include <stdio.h>

#include <duckdb.h>

#include "user/collector/store_segments.h"

struct store_blocks;

/* To this database: 0 or -errno, logged. The blocks are borrowed. */
int store_scan_add(duckdb_connection connection, struct store_blocks *blocks);

/*
 * What stands behind FROM for a segment that is not sealed: its table's name, or the function with
 * its arguments. `skip` rows are passed over; those outside of the time may be.
 */
void store_scan_source(const struct store_segment *g, uint64_t skip, int64_t from_us, int64_t to_us,
		       FILE *out);
/* The same of a segment with rows, sorted as files are (store_scan_sorted.h). */
void store_scan_sorted_source(const struct store_segment *g, FILE *out);

#endif
