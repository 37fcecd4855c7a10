// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Pairs of jiffies and nanoseconds in, the length of a tick out. */
#include "user/agent/tick.h"

#include <errno.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "skel/tick.skel.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"

#define SPAN_NS 60000000ull
#define EDGES_MAX 256
#define EDGES_MIN 3
#define LATE_PART 12 /* edges seen later than a 12th of the span say nothing */

/* CONFIG_HZ of every architecture we run on, and a few more. */
static const uint32_t rates_hz[] = { 100, 128, 200, 250, 256, 300, 500, 1000, 1024 };

/* How far apart the earliest and the latest edge are if ticks have this length. */
static uint64_t spread(const struct tick_edge *edges, size_t len, uint64_t tick_ns,
		       int64_t *earliest)
{
	int64_t least = 0, most = 0;

	for (size_t i = 1; i < len; i++) {
		uint64_t ticks_ns = (edges[i].jiffies - edges[0].jiffies) * tick_ns;
		int64_t late = (int64_t)(edges[i].now_ns - edges[0].now_ns - ticks_ns);

		least = late < least ? late : least;
		most = late > most ? late : most;
	}
	*earliest = least;
	return most - least;
}

int tick_fit(const struct tick_edge *edges, size_t len, struct tick *ret)
{
	uint64_t best = UINT64_MAX;
	struct tick tick = { 0 };

	if (len < EDGES_MIN)
		return -ERANGE;
	for (size_t i = 0; i < ARRAY_LEN(rates_hz); i++) {
		uint64_t tick_ns = (1000000000 + rates_hz[i] / 2) / rates_hz[i]; /* TICK_NSEC */
		int64_t earliest;
		uint64_t apart = spread(edges, len, tick_ns, &earliest);

		if (apart >= best)
			continue;
		best = apart;
		tick.tick_ns = tick_ns;
		tick.base_ns = edges[0].now_ns + earliest - edges[0].jiffies * tick_ns;
	}
	if (best > (edges[len - 1].now_ns - edges[0].now_ns) / LATE_PART)
		return -ERANGE;
	*ret = tick;
	return 0;
}

static size_t watch(struct tick_bpf *skel, struct tick_edge edges[EDGES_MAX])
{
	static const uint8_t frame[64]; /* the least that a test run takes is 14 */
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = 1);
	uint64_t before = 0;
	size_t len = 0;

	while (len < EDGES_MAX) {
		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.wt_tick), &run))
			return 0;
		if (before && skel->bss->wt_jiffies != before) {
			edges[len].jiffies = skel->bss->wt_jiffies;
			edges[len++].now_ns = skel->bss->wt_now_ns;
		}
		before = skel->bss->wt_jiffies;
		if (len && skel->bss->wt_now_ns - edges[0].now_ns > SPAN_NS)
			break;
	}
	return len;
}

static struct tick measure(void)
{
	struct tick_edge edges[EDGES_MAX];
	struct tick_bpf *skel = tick_bpf__open_and_load();
	struct tick tick = { 0 };

	if (!skel || tick_fit(edges, watch(skel, edges), &tick))
		log_warn(
			"the length of a tick was not found out: every packet reads the fine clock");
	tick_bpf__destroy(skel);
	log_debug("a tick is %llu ns", (unsigned long long)tick.tick_ns);
	return tick;
}

struct tick tick_get(void)
{
	static struct tick tick;
	static int is_measured;

	if (!is_measured)
		tick = measure();
	is_measured = 1;
	return tick;
}
