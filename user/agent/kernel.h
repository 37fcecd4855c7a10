/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The kernel half, loaded: maps of the size asked for, programs with their constants. */
#ifndef WT_KERNEL_H
#define WT_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "user/agent/geometry.h"
#include "user/agent/tables.h"
#include "user/lib/cleanup.h"

enum kernel_prog { PROG_TC_INGRESS, PROG_TC_EGRESS, PROG_XDP, PROGS };

extern const char *const kernel_prog_names[PROGS];

struct kernel_options {
	struct geometry geometry;
	uint32_t netns; /* inode number */
	bool inner;
	bool with_xdp; /* load wt_xdp too (tests; the agent attaches it through libxdp) */
};

struct flow_bpf;

struct kernel {
	struct flow_bpf *skel; /* NULL when adopted from pins */
	struct kernel_options options;
	int maps[MAPS];
	int progs[PROGS]; /* -1: not loaded */
	uint8_t instance[16];
	uint64_t secret[WT_KEY_WORDS + 1];
};

/*
 * Loads everything new; the state map is initialised. 0 or -errno, having logged what libbpf says.
 * Interface slot 0 exists from the start.
 */
int kernel_load(const struct kernel_options *options, struct kernel **ret);
void kernel_free(struct kernel *k);
DEFINE_AUTO(kernel_free, struct kernel *);

/*
 * A second object with wt_xdp alone on the same maps and constants, opened but not loaded: libxdp
 * loads it against its dispatcher.
 */
int kernel_open_xdp(const struct kernel *k, struct flow_bpf **ret);
void kernel_close_xdp(struct flow_bpf *skel);
struct bpf_object *kernel_xdp_object(struct flow_bpf *skel);

/* The inode number of this process's network namespace; 0 when unknown. */
uint32_t kernel_netns(void);

#endif
