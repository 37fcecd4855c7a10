/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* wt_sorted(…), with the arguments of wt_rows: the same rows, sorted run by run (row_sort.h). */
#ifndef WT_STORE_SCAN_SORTED_H
#define WT_STORE_SCAN_SORTED_H

#include <duckdb.h>

struct store_blocks;

/* To this database: 0 or -errno, logged. The blocks are borrowed. */
int store_scan_sorted_add(duckdb_connection connection, struct store_blocks *blocks);

#endif
