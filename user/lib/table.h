/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Aligned tables for a terminal. Cells are copied; bytes that could steer a terminal are shown as
 * '?', since names in them come from the outside.
 */
#ifndef WT_TABLE_H
#define WT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "user/lib/cleanup.h"

#define TABLE_COLUMNS_MAX 32

/* How a table was laid out, for another that goes on below it. */
struct table_layout {
	size_t widths[TABLE_COLUMNS_MAX]; /* columns never get narrower */
	bool has_titles; /* they stand above already */
};

struct table;

/* columns is 1 to TABLE_COLUMNS_MAX. NULL: no memory. */
struct table *table_new(size_t columns);
void table_free(struct table *t);
DEFINE_AUTO(table_free, struct table *);

/* The title of the next column, and whether its cells are numbers (aligned to the right). */
void table_column(struct table *t, const char *title, bool right);

/* The next cell, row by row; NULL is an empty one. A failed malloc shows in table_print(). */
void table_cell(struct table *t, const char *text);

/* 0 or -ENOMEM. Titles are bold with colour; a table without titles has no title line. */
int table_print(const struct table *t, FILE *out, bool colour);

/* The same below what *layout says, which it brings up to date; all zero: nothing stands above. */
int table_print_on(const struct table *t, FILE *out, bool colour, struct table_layout *layout);

#endif
