/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Packets of one flow to one row: a table of fixed size. When it is full, all rows leave as they
 * are and it starts anew: later packets of the same flow make another, partial row.
 */
#ifndef WT_FLOWTABLE_H
#define WT_FLOWTABLE_H

#include <stddef.h>

#include "user/lib/cleanup.h"
#include "user/wire/flow.h"

struct flowtable;

/* Takes rows (borrowed), in order of arrival. 0 or -errno, which flowtable_add() passes on. */
typedef int flowtable_sink(void *context, const struct flow *rows, size_t len);

int flowtable_new(size_t max_rows, flowtable_sink *sink, void *context, struct flowtable **ret);
void flowtable_free(struct flowtable *t); /* rows that are still there are lost */
DEFINE_AUTO(flowtable_free, struct flowtable *);

/* Adds one's packets, octets, flags, times and TTLs to its flow's row. */
int flowtable_add(struct flowtable *t, const struct flow *one);

/* Hands all rows to the sink. */
int flowtable_flush(struct flowtable *t);

#endif
