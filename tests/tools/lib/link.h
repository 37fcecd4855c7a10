/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* An interface's counters, in this network namespace or in one under /run/netns. */
#ifndef WT_TEST_LINK_H
#define WT_TEST_LINK_H

#include <stdint.h>

struct link_counters {
	uint64_t rx_packets, rx_bytes, rx_dropped;
	uint64_t tx_packets, tx_bytes, tx_dropped;
};

/* netns: a name under /run/netns, or NULL for our own. 0 or -errno. */
int link_counters_read(const char *netns, const char *dev, struct link_counters *ret);

#endif
