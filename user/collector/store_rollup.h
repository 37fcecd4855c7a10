/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Flows of one hour in, flows of a coarser tier out. Per exporter and slot (minute, hour) the
 * conversations with the most octets keep a row; the rest is folded by protocol class, as the
 * kernel folds what got no row (kind 1), so that totals stay exact. Of a conversation's two ports
 * the lower one is kept, which is the service's; the other is 0. `records` says how many records a
 * row stands for, `interval` the hour of arrival. start_us and end_us are those of the first and
 * last record: a row is in the slot of its start.
 */
#ifndef WT_STORE_ROLLUP_H
#define WT_STORE_ROLLUP_H

#include <stdint.h>
#include <stdio.h>

#define ROLLUP_MINUTE_US (INT64_C(60) * 1000000)
#define ROLLUP_HOUR_US (INT64_C(3600) * 1000000)
#define ROLLUP_MINUTE_TOP 1000 /* conversations an exporter and slot */
#define ROLLUP_HOUR_TOP 5000

/*
 * The SELECT over `source`, a table or subquery with the columns of flows and `records`; the
 * columns of a coarse tier come out, in order of start. It spills, and takes any number;
 * rollup_slice.h makes minutes of what fits, the same ones.
 */
void store_rollup_sql(const char *source, int64_t slot_us, unsigned int top, int64_t hour,
		      FILE *out);

#endif
