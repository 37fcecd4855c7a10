/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Latencies as Prometheus histograms, one of each kind for an agent: the kernel half's buckets
 * added up from the collector's start on. Far ends and ports are in the store, not in labels.
 */
#ifndef WT_METRICS_LATENCY_H
#define WT_METRICS_LATENCY_H

#include <stdio.h>

struct metrics_agent;
struct batch;

#define METRICS_LATENCY_AGENTS_MAX 4096 /* more are left out, and counted */

/* After the commit of a batch, by the committer. */
void metrics_latency_add(const struct metrics_agent *a, const struct batch *b);

/* Any thread. */
void metrics_latency_print(FILE *out);

#endif
