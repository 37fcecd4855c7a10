/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Which column of the schema's Flows is which member of struct flow, and back. `source`,
 * `destination`, `kind`, `start` and `duration` are not here: they are computed.
 */
#ifndef WT_BATCH_COLUMNS_H
#define WT_BATCH_COLUMNS_H

#include <stddef.h>

#include "proto/wiretally.pb-c.h"

struct flow;

#define BATCH_COLUMNS 20

/*
 * Enter rows[0 … len) into the columns of to. Values go to block, which holds at least
 * BATCH_COLUMNS × len × 8 bytes and must live as long as to; columns of zeros are left out.
 */
void batch_columns_fill(Wiretally__V1__Flows *to, const struct flow *rows, size_t len, void *block);

/* The way back, of rows[first … first + len), zeroed before. NULL, or what is wrong (static). */
const char *batch_columns_take(const Wiretally__V1__Flows *from, struct flow *rows, size_t first,
			       size_t len);

#endif
