/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The arithmetic of the crash record: what a batch or a ledger settles, what was seen. */
#ifndef WT_CRASH_SUM_H
#define WT_CRASH_SUM_H

#include "user/agent/crash_file.h"
#include "user/agent/spool.h"

struct crash_point *crash_find(struct crash_bank *b, uint32_t ifindex, uint32_t netns,
			       uint32_t point);
void crash_add(struct crash_count *to, const struct wt_count *more);

/*
 * What a ledger names when it arrives: all that became no row, or whose row was dropped. Rows are
 * settled by arriving themselves.
 */
struct crash_count crash_named(const struct agent_ledger *l);

/* What an entry settles of point p: its rows, and what its ledgers name. */
struct crash_count crash_of_entry(const struct spool_entry *e, const struct crash_point *p);

/* Of the kernel's ledgers as l describes them: slot's point in the epochs of the mask. */
struct crash_count crash_sum(const struct crash_ledgers *l, const uint8_t *base, uint32_t epochs,
			     uint32_t slot, uint32_t point);

#endif
