/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The minutes of a slice of an hour of flows (store_minutes.h), from the blocks of the hour's file:
 * rows as the statement of store_rollup.h makes them, in a fifth of its time. What there is no room
 * for is that statement's.
 */
#ifndef WT_ROLLUP_SLICE_H
#define WT_ROLLUP_SLICE_H

#include <stddef.h>
#include <stdint.h>

#include "user/collector/store_blocks.h"

#define ROLLED_MAX (1u << 18) /* rows of a slice: 38 MB */

/* What makes rows one in a coarser tier: columns of flows under their names, no bytes between. */
struct rolled_key {
	uint64_t slot; /* start / minute */
	uint64_t src_hi, src_lo, dst_hi, dst_lo;
	uint32_t exporter_id, ifindex, netns, tunnel_id, sampling;
	uint16_t src_port, dst_port, ethertype, vlan_outer, vlan_inner;
	uint8_t proto, flags, kind;
	uint8_t zero[7];
};

struct rolled {
	struct rolled_key key;
	int64_t start_us, end_us;
	uint64_t packets, l2_octets, l3_octets; /* at most INT64_MAX */
	uint32_t records, src_as, dst_as, peer_ifindex;
	uint16_t tcp_flags;
	uint8_t dscp, ttl_min, ttl_max;
	uint8_t zero[3];
};

struct minutes_slice;

/*
 * The rows of a slice, in no order, malloc'd into *ret. fd: the file of the hour, whose blocks
 * these are. 0; -ENOBUFS: there is no room for so many conversations; -EBADMSG: a block is damaged;
 * -errno.
 */
int rollup_slice(int fd, const struct block_entry *blocks, size_t blocks_len,
		 const struct minutes_slice *slice, struct rolled **ret, size_t *ret_len);

#endif
