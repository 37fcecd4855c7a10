// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Lists of nodes as the kernel prints them, and as it never would. */
#include "user/agent/numa.h"

#include <criterion/criterion.h>
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct row {
	const char *list;
	int nodes;
	unsigned long first; /* word of the mask */
} rows[] = {
	{ "0\n", 1, 0x1 },	  { "0-1\n", 2, 0x3 }, { "0,2\n", 2, 0x5 },
	{ "0-1,4-5\n", 4, 0x33 }, { "", 0, 0 },	       { "\n", 0, 0 },
	{ "x\n", 0, 0 },	  { "-1\n", 0, 0 },    { "1-0\n", 0, 0 },
	{ "0-1024\n", 0, 0 },	  { "0-\n", 0, 0 },    { "99999999999999999999\n", 0, 0 },
};

Test(numa, lists)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned long mask[NUMA_NODES_MAX / (8 * sizeof(long))];
		int nodes = numa_parse(rows[i].list, mask);

		cr_expect_eq(nodes, rows[i].nodes, "'%s': %d nodes", rows[i].list, nodes);
		if (nodes)
			cr_expect_eq(mask[0], rows[i].first, "'%s': %lx", rows[i].list, mask[0]);
	}
}

/* On this machine's nodes, however many: what is allocated afterwards is no longer spread out. */
Test(numa, policy_is_the_default_again)
{
	int mode = -1;

	numa_interleave_begin();
	numa_interleave_end();
	cr_assert_eq(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0), 0);
	cr_expect_eq(mode, MPOL_DEFAULT);
}
