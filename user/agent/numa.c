// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A list of memory nodes in, a memory policy out. */
#include "user/agent/numa.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/lib/cleanup.h"
#include "user/lib/log.h"

#define BITS (8 * sizeof(unsigned long))

int numa_parse(const char *list, unsigned long mask[NUMA_NODES_MAX / BITS])
{
	const char *at = list;
	int nodes = 0;

	memset(mask, 0, NUMA_NODES_MAX / 8);
	while (*at && *at != '\n') {
		char *end;
		unsigned long first = strtoul(at, &end, 10), last = first;

		if (end == at || *at == '-' || *at == '+')
			return 0;
		if (*end == '-') {
			at = end + 1;
			last = strtoul(at, &end, 10);
			if (end == at || *at == '-')
				return 0;
		}
		if (last >= NUMA_NODES_MAX || first > last)
			return 0;
		for (; first <= last; first++, nodes++)
			mask[first / BITS] |= 1ul << first % BITS;
		at = end + (*end == ',');
	}
	return nodes;
}

void numa_interleave_begin(void)
{
	AUTO_FILE FILE *f = fopen("/sys/devices/system/node/has_memory", "re");
	unsigned long mask[NUMA_NODES_MAX / BITS];
	char list[256] = "";

	if (!f || !fgets(list, sizeof(list), f) || numa_parse(list, mask) < 2)
		return;
	if (syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, mask, NUMA_NODES_MAX))
		log_warn("tables are not spread over memory nodes: %s", strerror(errno));
}

void numa_interleave_end(void)
{
	if (syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0) && errno != ENOSYS)
		log_debug("memory policy: %s", strerror(errno));
}
