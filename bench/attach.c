/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * attach PROGRAM DEV [MEMORY]: a candidate at DEV's tcx ingress, or as its native XDP program. Says
 * "ready"; on SIGTERM prints its run count and time (kernel.bpf_stats) as JSON and is gone. Ours
 * has its lanes emptied and its epochs flipped meanwhile, as the agent would, and tells how many
 * packets got a row, were spilled or folded.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <poll.h>
#include <time.h>

#include "bench/lib/candidate.h"
#include "user/agent/tables.h"

#define LANE_MS 1
#define FLIP_MS 5000
#define GRACE_MS 50 /* longer than any run of a program */

struct totals {
	uint64_t spilled, folded, seen;
};

/* What the agent's drain thread does with lanes, without keeping the records. */
static void empty_lanes(struct tables *t, struct totals *sum)
{
	for (uint32_t row = 0; row < t->geometry.rows; row++) {
		struct wt_lane_head *h = &t->heads[row];
		uint64_t head = __atomic_load_n(&h->head, __ATOMIC_ACQUIRE);

		sum->spilled += head - h->tail;
		__atomic_store_n(&h->tail, head, __ATOMIC_RELEASE);
	}
}

/* Programs write to the other half; once none is left in the idle one, it is cleared. */
static void flip(struct tables *t)
{
	uint32_t idle = t->control->epoch;
	const struct timespec grace = { .tv_nsec = GRACE_MS * 1000000 };

	__atomic_store_n(&t->control->epoch, !idle, __ATOMIC_SEQ_CST);
	nanosleep(&grace, NULL);
	tables_zero(t, idle, 0, t->geometry.sets);
}

static void count_ledgers(const struct tables *t, struct totals *sum)
{
	for (uint32_t i = 0; i < t->geometry.cpus * 2 * t->geometry.slots * t->geometry.points;
	     i++) {
		sum->seen += t->ledgers[i].seen.packets;
		sum->folded += t->ledgers[i].fold_lane_full.packets;
		sum->folded += t->ledgers[i].fold_no_row.packets;
	}
}

static void serve(struct candidate *c, int signal_fd, struct totals *sum)
{
	struct pollfd p = { .fd = signal_fd, .events = POLLIN };

	for (uint32_t ms = 0; poll(&p, 1, c->tables ? LANE_MS : -1) == 0; ms += LANE_MS) {
		empty_lanes(c->tables, sum);
		if (ms % FLIP_MS == FLIP_MS - 1)
			flip(c->tables);
	}
	if (c->tables)
		count_ledgers(c->tables, sum);
}

static int report(const struct candidate *c, const struct totals *sum)
{
	struct bpf_prog_info info = {};
	uint32_t bytes = sizeof(info);
	int err = bpf_prog_get_info_by_fd(c->prog_fd, &info, &bytes);

	if (err)
		return err;
	printf("{\"program\": \"%s\", \"hook\": \"%s\", \"runs\": %" PRIu64 ", \"run_ns\": %" PRIu64
	       ", \"seen\": %" PRIu64 ", \"spilled\": %" PRIu64 ", \"folded\": %" PRIu64 "}\n",
	       c->name, c->xdp ? "xdp" : "tc", (uint64_t)info.run_cnt, (uint64_t)info.run_time_ns,
	       sum->seen, sum->spilled, sum->folded);
	return 0;
}

static int attach_candidate(const struct candidate *c, int ifindex)
{
	int fd;

	if (c->xdp)
		return bpf_xdp_attach(ifindex, c->prog_fd, XDP_FLAGS_DRV_MODE, NULL);
	fd = bpf_link_create(c->prog_fd, ifindex, BPF_TCX_INGRESS, NULL);
	return fd < 0 ? -errno : 0; /* the link goes with the process */
}

static int block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	AUTO(candidate_close) struct candidate *c = NULL;
	struct totals sum = {};
	uint64_t memory = 64 << 20;
	int ifindex, signal_fd, err;

	if (argc < 3) {
		fprintf(stderr, "usage: attach PROGRAM DEV [MEMORY-BYTES]\n");
		return 2;
	}
	if (argc > 3)
		memory = strtoull(argv[3], NULL, 0);
	ifindex = if_nametoindex(argv[2]);
	signal_fd = block_signals();
	libbpf_set_print(NULL);
	if (!ifindex || signal_fd < 0 || bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		return 1;
	if (candidate_open(argv[1], memory, ifindex, &c))
		return 1;
	err = attach_candidate(c, ifindex);
	if (err) {
		fprintf(stderr, "attach '%s' to '%s': %s\n", argv[1], argv[2], strerror(-err));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	serve(c, signal_fd, &sum);
	if (c->xdp)
		bpf_xdp_detach(ifindex, XDP_FLAGS_DRV_MODE, NULL);
	return report(c, &sum) ? 1 : 0;
}
