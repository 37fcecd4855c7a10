/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Which groups may be among the heaviest, before any is added up. Where nearly every row is a group
 * of its own, sums by key (key_sums.h) take two cache misses and fifty octets for each, and ten of
 * a million are wanted. So:
 *
 *   1. what rows are ordered by is added up in cells, by a hash of their key: no group of a cell
 *      has more than the cell;
 *   2. the heaviest cells are marked, and their rows alone are added up by key;
 *   3. when the last of the n heaviest groups has more than any cell without a mark, these are the
 *      n heaviest of all; else cells with as much as that one are marked, and it is so.
 *
 * The same marks, of a few groups' own cells, pick the rows of winners that are looked at again.
 *
 * A sift has a number, by which the aggregates of a statement find it: one that looks for it is
 * within a query of whoever has it.
 */
#ifndef WT_KEY_SIFT_H
#define WT_KEY_SIFT_H

#include <stddef.h>
#include <stdint.h>

#include "user/collector/key_sums.h"

#define SIFTS_MAX 64 /* at a time; numbers are 1 to this one */

struct key_cells;

/* For about so many rows, ordered by a count. 0: there is none to be had. */
unsigned int key_sift_new(uint64_t rows, enum key_sum order);
void key_sift_free(unsigned int number); /* 0 is fine */

/* One thread's cells. NULL: no memory (theirs is part of that of all sums, key_sums.h). */
struct key_cells *key_cells_new(unsigned int number);
void key_cells_free(struct key_cells *c); /* NULL is fine */
void key_cells_add(struct key_cells *c, const struct key_rows *rows, unsigned int words);
/* All of `from`, of the same sift, too. */
void key_cells_merge(struct key_cells *c, const struct key_cells *from);

/* The sift takes all rows' cells over; counts they add up to. */
void key_sift_set(unsigned int number, struct key_cells *cells);
void key_sift_total(unsigned int number, struct key_group *ret);

/*
 * Marks about `wanted` cells, the heaviest. *bound: no group without a mark has as much. 0, or
 * -ENOMEM.
 */
int key_sift_mark_heaviest(unsigned int number, size_t wanted, int64_t *bound);
/* Marks all cells of groups that may have as much as this. */
int key_sift_mark_least(unsigned int number, int64_t least);
/* Marks these groups' cells; cells are not needed. */
int key_sift_mark_groups(unsigned int number, const struct key_group *groups, size_t len,
			 unsigned int words);

/* The rows whose cells are marked, by number, in order; how many. */
size_t key_sift_pick(unsigned int number, const struct key_rows *rows, unsigned int words,
		     uint16_t picked[KEY_ROWS_MAX]);

#endif
