/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What flood's two halves share: the program in flood.bpf.c and the driver in flood.c. */
#ifndef WT_TEST_FLOOD_H
#define WT_TEST_FLOOD_H

#include <linux/types.h>

#define FLOOD_CPUS 64

/* One flow, host order. IPv6 uses the addresses as the low 32 bits under a fixed /96. */
struct flood_tuple {
	__u32 src;
	__u32 dst;
	__u16 src_port;
	__u16 dst_port;
	__u32 sum; /* of the address words: what the IPv4 checksum adds for this flow */
};

/* One generating CPU: where it is and what it has sent. */
struct flood_state {
	__u32 next; /* tuple, or sample when samples choose the tuple */
	__u32 until_elephant; /* packets of noise before the next one */
	__u32 elephant; /* which is next */
	__u32 pad;
	__u64 random;
	__u64 packets; /* redirected */
	__u64 refused; /* the frame was not what we were loaded for: none, or a bug */
	__u64 pad1[11];
};

#endif
