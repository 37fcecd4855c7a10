/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What hosts count, what they dropped, and the ledgers of their signals, as series for /metrics. */
#ifndef WT_METRICS_HOST_H
#define WT_METRICS_HOST_H

#include <stdint.h>

struct metrics_agent;
struct batch;

/* After the commit of a batch that arrived at now_us, by the committer. */
void metrics_host_add(const struct metrics_agent *a, const struct batch *b, int64_t now_us);

#endif
