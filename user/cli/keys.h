/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Grouped rows of the API as table columns: the members of a row in front of its first measure are
 * what is grouped by.
 */
#ifndef WT_KEYS_H
#define WT_KEYS_H

#include <stddef.h>

#include <jansson.h>

struct table;

/* How many columns the keys take; row may be NULL: none. */
size_t keys_count(json_t *row, const char *measure);

/* The next columns of t: "DST PORT". */
void keys_titles(struct table *t, json_t *row, const char *measure);

/* The next cells of t; "-" for what is not known. */
void keys_cells(struct table *t, json_t *row, const char *measure);

#endif
