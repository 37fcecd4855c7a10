// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The length of a tick, from edges that were seen late, early and not at all. */
#include "user/agent/tick.h"

#include <criterion/criterion.h>
#include <errno.h>

#define EDGES 64

static const struct row {
	const char *name;
	uint64_t tick_ns;
	uint64_t late_ns; /* of every third edge */
	uint64_t skip; /* edges between two that are seen */
	size_t edges;
	int want;
} rows[] = {
	{ "1000 Hz", 1000000, 0, 0, 60, 0 },
	{ "250 Hz", 4000000, 0, 0, 15, 0 },
	{ "300 Hz", 3333333, 0, 0, 18, 0 },
	{ "100 Hz", 10000000, 0, 0, 6, 0 },
	{ "250 Hz, seen late", 4000000, 3000000, 0, 15, 0 },
	{ "1000 Hz, most not seen", 1000000, 500000, 6, 9, 0 },
	{ "no rate that is known", 7000000, 0, 0, 9, -ERANGE },
	{ "far too late", 4000000, 30000000, 0, 15, -ERANGE },
	{ "two edges", 4000000, 0, 0, 2, -ERANGE },
	{ "none", 4000000, 0, 0, 0, -ERANGE },
};

Test(tick, fits)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		uint64_t base = 77, first = UINT64_MAX - 3; /* jiffies wrap early on some kernels */
		struct tick_edge edges[EDGES];
		struct tick got = { 0 };
		int err;

		for (size_t e = 0; e < r->edges; e++) {
			edges[e].jiffies = first + e * (r->skip + 1);
			edges[e].now_ns = base + edges[e].jiffies * r->tick_ns +
					  (e % 3 == 1 ? r->late_ns : 0);
		}
		err = tick_fit(edges, r->edges, &got);
		cr_expect_eq(err, r->want, "%s: %d", r->name, err);
		if (r->want)
			continue;
		cr_expect_eq(got.tick_ns, r->tick_ns, "%s: tick %lu", r->name, got.tick_ns);
		cr_expect_eq(got.base_ns, base, "%s: base %ld", r->name, (long)got.base_ns);
	}
}
