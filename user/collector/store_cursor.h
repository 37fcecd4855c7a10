/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Where a reader of a series has come to, in the order of arrival: how many rows the newest hours'
 * tables had. Tables only grow, so what is behind it came later. Batches of two threads may arrive
 * around the full hour in either order: the last two hours are remembered.
 *
 *   "497222.1000,497223.20"   hour of arrival, rows
 */
#ifndef WT_STORE_CURSOR_H
#define WT_STORE_CURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "user/collector/store_schema.h"

#define STORE_CURSOR_HOURS 2
#define STORE_CURSOR_MAX 96 /* as text, with NUL */

struct store_reader;

struct store_cursor {
	size_t len; /* 0: before everything */
	struct {
		int64_t hour;
		uint64_t rows;
	} hours[STORE_CURSOR_HOURS]; /* oldest first */
};

/* Everything that the reader's snapshot has. 0 or -errno. */
int store_cursor_now(struct store_reader *r, enum store_series series, struct store_cursor *ret);

/*
 * As store_source(), of what came after the cursor: rows behind its rows in its hours, all rows of
 * later hours. A table with fewer rows than the cursor says is of another store: all of it is new.
 * -ESTALE: what is new is in a table that was sealed since, where rows have no order of arrival.
 */
int store_cursor_source(struct store_reader *r, enum store_series series,
			const struct store_cursor *after, char **ret);

/* 0 or -EINVAL. */
int store_cursor_parse(const char *text, struct store_cursor *ret);
const char *store_cursor_format(const struct store_cursor *c, char text[STORE_CURSOR_MAX]);

#endif
