/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The ledgers of live exporters as counters: wiretally_seen_packets_total, and
 * wiretally_packets_total by outcome, which sum up to it. They count from the collector's start
 * and never go back; retention does not touch them.
 */
#ifndef WT_METRICS_LEDGER_H
#define WT_METRICS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct metrics_agent;
struct batch;

#define METRICS_POINTS_MAX \
	4096 /* interface × direction of an agent; more are left out and counted */

/* After the commit of a batch, by the committer. */
void metrics_ledger_add(const struct metrics_agent *a, const struct batch *b);

/* What was seen at one point of an interface, from the collector's start. */
struct metrics_point {
	const char *agent, *host, *interface;
	uint32_t netns;
	bool is_egress, is_inner;
	uint64_t packets, octets;
};
typedef void metrics_point_fn(void *arg, const struct metrics_point *p);

/* Any thread. */
void metrics_ledger_each(metrics_point_fn *fn, void *arg);

/* Any thread. */
void metrics_ledger_print(FILE *out);

#endif
