// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A budget in bytes in, table sizes out: half to the tables, a quarter to lanes, the rest to the
 * spool. Powers of two where the kernel half masks an index. */
#include "user/agent/geometry.h"

#include <errno.h>

#include "kern/abi.h"

#define PAGE 4096u
#define SPOOL_MIN (1u << 20)

static uint64_t power_of_two_below(uint64_t n)
{
	uint64_t power = 1;

	while (power * 2 <= n)
		power *= 2;
	return power;
}

static uint64_t at_most(uint64_t n, uint64_t limit)
{
	return n < limit ? n : limit;
}

int geometry_fit(uint64_t budget_bytes, uint32_t cpus, uint32_t rows, uint32_t slots, bool inner,
		 struct geometry *ret)
{
	struct geometry g = { .cpus = cpus, .rows = rows, .slots = slots };
	uint64_t budget = budget_bytes, used;

	if (cpus > GEOMETRY_CPUS_MAX || rows > cpus || slots > GEOMETRY_SLOTS_MAX)
		return -E2BIG;
	g.points = inner ? WT_POINTS : WT_POINT_EGRESS + 1;
	g.ledgers_bytes = (uint64_t)cpus * 2 * slots * g.points * sizeof(struct wt_ledger);
	g.sets = power_of_two_below(at_most(budget / 2, GEOMETRY_MAP_MAX - 1) /
				    (2ull * rows * 2 * sizeof(struct wt_flow)));
	g.lane_len = power_of_two_below(at_most(budget / 4, GEOMETRY_MAP_MAX - 1) /
					(rows * sizeof(struct wt_flow)));
	g.table_bytes = 2ull * rows * g.sets * 2 * sizeof(struct wt_flow);
	g.tags_bytes = 2ull * rows * g.sets * sizeof(struct wt_tags);
	g.lanes_bytes = (uint64_t)rows * g.lane_len * sizeof(struct wt_flow);
	used = g.table_bytes + g.tags_bytes + g.lanes_bytes + g.ledgers_bytes;
	if (budget < GEOMETRY_BUDGET_MIN || budget < used + SPOOL_MIN)
		return -ENOSPC;
	g.spool_bytes = at_most(budget - used, 1u << 30) / PAGE * PAGE;
	*ret = g;
	return 0;
}

void geometry_print(const struct geometry *g, FILE *to)
{
	const double mib = 1 << 20;

	fprintf(to, "flow table: 2 × %u slots × %u CPUs × %zu B = %.4g MiB, and %.4g MiB of tags\n",
		g->sets * 2, g->rows, sizeof(struct wt_flow), g->table_bytes / mib,
		g->tags_bytes / mib);
	fprintf(to, "spill lanes: %u records × %u CPUs × %zu B = %.4g MiB\n", g->lane_len, g->rows,
		sizeof(struct wt_flow), g->lanes_bytes / mib);
	fprintf(to, "ledgers: %u interfaces × %u points × 2 × %u CPUs × %zu B = %.3g MiB\n",
		g->slots, g->points, g->cpus, sizeof(struct wt_ledger), g->ledgers_bytes / mib);
	fprintf(to, "batch spool: %.4g MiB\n", g->spool_bytes / mib);
	if (g->sets * 2 < GEOMETRY_SLOTS_WARN)
		fprintf(to,
			"warning: fewer than %d flow slots a CPU: expect spills; raise --memory\n",
			GEOMETRY_SLOTS_WARN);
}
