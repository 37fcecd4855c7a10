// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * scrape AGENTS: histograms of so many agents as /metrics has them. A JSON line: how many series,
 * octets, and the time it takes to write them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "user/lib/clock.h"
#include "user/metrics/metrics_agent.h"
#include "user/metrics/metrics_latency.h"
#include "user/wire/batch.h"

static void tell(int agent)
{
	struct latency l[2] = { { .kind = LATENCY_CONNECT, .count = 1, .buckets = { 1 } },
				{ .kind = LATENCY_RTT, .count = 1, .buckets = { 1 } } };
	struct batch b = { .latencies = l, .latencies_len = 2 };
	struct metrics_agent of = { .name = b.head.agent };

	snprintf(b.head.agent, sizeof(b.head.agent), "agent-%d", agent);
	snprintf(b.head.host, sizeof(b.head.host), "host-%d.example", agent);
	metrics_latency_add(&of, &b);
}

int main(int argc, char **argv)
{
	int agents = argc > 1 ? atoi(argv[1]) : 1500;
	size_t len = 0, series = 0;
	char *text = NULL;
	int64_t ns;
	FILE *out;

	for (int i = 0; i < agents; i++)
		tell(i);
	ns = monotonic_ns();
	out = open_memstream(&text, &len);
	if (!out)
		return 1;
	metrics_latency_print(out);
	fclose(out);
	ns = monotonic_ns() - ns;
	for (size_t i = 0; i < len; i++)
		series += text[i] == '\n' && text[i + 1] != '#';
	free(text);
	printf("{\"bench\": \"scrape\", \"name\": \"%d agents\", \"series\": %zu, \"octets\": %zu, \"ms\": %.1f}\n",
	       agents, series, len, (double)ns / 1e6);
	return 0;
}
