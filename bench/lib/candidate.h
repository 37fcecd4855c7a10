/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * A program to be measured, by name: one of baseline.bpf.c ("empty_tc", "percpu_xdp", …), ours as
 * the agent loads it ("ours_tc", "ours_xdp"), or anybody's as "file.o:program".
 */
#ifndef WT_BENCH_CANDIDATE_H
#define WT_BENCH_CANDIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/cleanup.h"

struct bpf_object;
struct kernel;
struct tables;

struct candidate {
	const char *name;
	bool xdp;
	int prog_fd; /* borrowed */
	struct bpf_object *obj; /* NULL for ours */
	struct kernel *kernel; /* ours */
	struct tables *tables;
};

/*
 * memory_bytes: our budget. netns-independent; ifindex: the interface ours shall know. 0 or
 * -errno after a message.
 */
int candidate_open(const char *name, uint64_t memory_bytes, uint32_t ifindex,
		   struct candidate **ret);
void candidate_close(struct candidate *c);
DEFINE_AUTO(candidate_close, struct candidate *);

#endif
