/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The programs' coarse clock: CLOCK_MONOTONIC as of the last tick is base_ns + jiffies * tick_ns.
 * The kernel counts jiffies by that clock (tick_do_update_jiffies64(), kernel/time/tick-sched.c),
 * so that the two never drift apart; only the tick's length and one offset have to be found out.
 */
#ifndef WT_TICK_H
#define WT_TICK_H

#include <stddef.h>
#include <stdint.h>

struct tick {
	uint64_t tick_ns; /* 0: could not be found out; programs read the fine clock */
	uint64_t base_ns; /* wraps */
};

/* Jiffies just after they changed. */
struct tick_edge {
	uint64_t jiffies;
	uint64_t now_ns;
};

/*
 * Edges, some seen late, to the tick's length, which is one that kernels are built with. 0, or
 * -ERANGE when none fits.
 */
int tick_fit(const struct tick_edge *edges, size_t len, struct tick *ret);

/* Measured at the first call (60 ms), by a BPF program; needs CAP_BPF. */
struct tick tick_get(void);

#endif
