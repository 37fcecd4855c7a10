// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A budget is kept, and what does not fit is refused. */
#include "user/agent/geometry.h"

#include <criterion/criterion.h>
#include <errno.h>

static const struct row {
	const char *name;
	uint64_t budget;
	uint32_t cpus, rows, slots;
	bool inner;
	int want;
} rows[] = {
	{ "two CPUs, 64 MiB", 64 << 20, 2, 2, 64, false, 0 },
	{ "two CPUs, 8 MiB", 8 << 20, 2, 2, 64, false, 0 },
	{ "inner packets double the ledgers", 64 << 20, 2, 2, 64, true, 0 },
	{ "128 CPUs, 1 GiB", 1ull << 30, 128, 128, 64, false, 0 },
	{ "more memory than a map can hold", 64ull << 30, 2, 2, 64, false, 0 },
	{ "some CPUs offline", 64 << 20, 8, 2, 64, false, 0 },
	{ "below the minimum", (8 << 20) - 1, 2, 2, 64, false, -ENOSPC },
	{ "ledgers alone are too large", 8 << 20, 64, 64, 256, true, -ENOSPC },
	{ "too many CPUs", 1ull << 30, GEOMETRY_CPUS_MAX + 1, 2, 64, false, -E2BIG },
	{ "more rows than CPUs", 64 << 20, 2, 3, 64, false, -E2BIG },
	{ "too many slots", 64 << 20, 2, 2, GEOMETRY_SLOTS_MAX + 1, false, -E2BIG },
};

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

Test(geometry, budget)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct geometry g = { 0 };
		uint64_t total;

		cr_expect_eq(
			geometry_fit(row->budget, row->cpus, row->rows, row->slots, row->inner, &g),
			row->want, "%s", row->name);
		if (row->want) {
			cr_expect_eq(g.table_bytes, 0, "%s: written on failure", row->name);
			continue;
		}
		total = g.table_bytes + g.lanes_bytes + g.ledgers_bytes + g.spool_bytes;
		cr_expect_leq(total, row->budget, "%s: %lu bytes", row->name, total);
		cr_expect(is_power_of_two(g.sets) && is_power_of_two(g.lane_len), "%s: masks",
			  row->name);
		cr_expect_lt(g.table_bytes, GEOMETRY_MAP_MAX, "%s: table", row->name);
		cr_expect_geq(g.spool_bytes, 1 << 20, "%s: spool", row->name);
		cr_expect_eq(g.table_bytes, 2ull * row->rows * g.sets * 2 * 128, "%s", row->name);
	}
}
