/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Kernel tables over all memory nodes. BPF arrays are allocated by the policy of the process that
 * creates them (vm_area_alloc_pages(), mm/vmalloc.c): by default all on its own node, whose memory
 * the other nodes' CPUs would then go through for every packet.
 */
#ifndef WT_NUMA_H
#define WT_NUMA_H

#include <stdbool.h>

#define NUMA_NODES_MAX 1024

/* "0-1,4" of /sys/devices/system/node/has_memory to a bit mask; the number of nodes, 0: bad. */
int numa_parse(const char *list, unsigned long mask[NUMA_NODES_MAX / (8 * sizeof(long))]);

/* What is allocated from here on is spread out; end: as before. Nothing with a single node. */
void numa_interleave_begin(void);
void numa_interleave_end(void);

#endif
