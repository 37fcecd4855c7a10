/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* How one memory budget is shared out over tables, lanes, ledgers and spool. */
#ifndef WT_GEOMETRY_H
#define WT_GEOMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define GEOMETRY_CPUS_MAX 1024
#define GEOMETRY_SLOTS_MAX 256 /* interfaces of one agent, slot 0 ("other") included */
#define GEOMETRY_SLOTS_DEFAULT 64
#define GEOMETRY_BUDGET_MIN (8u << 20)
#define GEOMETRY_MAP_MAX ((uint64_t)4 << 30) /* a BPF array stays below 4 GiB */
#define GEOMETRY_SLOTS_WARN 4096 /* flow slots a CPU: below, expect spills */

struct geometry {
	uint32_t cpus; /* possible CPUs: ledgers */
	uint32_t rows; /* online CPUs: table and lanes */
	uint32_t sets; /* per row and epoch, two ways each; power of two */
	uint32_t lane_len; /* records per row; power of two */
	uint32_t slots; /* interface slots */
	uint32_t points; /* 2, or 4 with inner packets */
	uint64_t table_bytes;
	uint64_t tags_bytes;
	uint64_t lanes_bytes;
	uint64_t ledgers_bytes;
	uint64_t spool_bytes; /* whole pages */
};

/* 0; -ENOSPC when budget_bytes is too small for this many CPUs; -E2BIG for too many CPUs. */
int geometry_fit(uint64_t budget_bytes, uint32_t cpus, uint32_t rows, uint32_t slots, bool inner,
		 struct geometry *ret);

/* The lines printed at start: "flow table: 2 × 65536 slots × 2 CPUs × 128 B = 32 MiB", … */
void geometry_print(const struct geometry *g, FILE *to);

/* Slots of one CPU in one epoch. */
static inline uint32_t geometry_flow_slots(const struct geometry *g)
{
	return g->sets * 2;
}

#endif
