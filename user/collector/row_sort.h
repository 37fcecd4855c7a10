/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Rows of flows in the order that files have: by source, destination, destination port and start.
 * Up to half a million at a time, by digits, in memory that has a limit; DuckDB's sort carries
 * whole rows, takes ten times as long and has to spill an hour of a busy gateway to disk.
 */
#ifndef WT_ROW_SORT_H
#define WT_ROW_SORT_H

#include <stdint.h>

#include "user/collector/store_block.h"

#define SORT_ROWS_MAX (1u << 19)
#define SORT_ROWS_MIN (4 * BLOCK_ROWS)
#define SORT_ROW_BYTES 138 /* that a row may take */

struct row_sort;

/*
 * Of runs of up to rows_max, which is at least BLOCK_ROWS. NULL: no memory. Reused for one run
 * after the other.
 */
struct row_sort *row_sort_new(uint32_t rows_max);
void row_sort_free(struct row_sort *s);

void row_sort_clear(struct row_sort *s);
/*
 * A block's rows (its head was checked) are part of the run. 0; -ENOBUFS: there is no room, and
 * nothing was taken; -ENOMEM.
 */
int row_sort_add(struct row_sort *s, const uint8_t *block);
/* All are there. */
void row_sort_finish(struct row_sort *s);

uint32_t row_sort_len(const struct row_sort *s);
/* Rows [first, first + len) of the sorted run, of one column, in its own type. */
void row_sort_get(const struct row_sort *s, size_t column, uint32_t first, uint32_t len, void *to);

#endif
