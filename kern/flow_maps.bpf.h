/* SPDX-License-Identifier: GPL-2.0 */
/* The flow tally's maps and load-time constants. User space sets max_entries before it loads. */
#ifndef WIRETALLY_FLOW_MAPS_BPF_H
#define WIRETALLY_FLOW_MAPS_BPF_H

#include "kern/abi.h"
#include "kern/bpf.h"
#include "kern/parse.bpf.h"
#include "kern/tally.bpf.h"

struct flow_set {
	struct wt_flow way[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_set);
} wt_flow_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_tags);
} wt_flow_tags SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_flow);
} wt_flow_lanes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_lane_head);
} wt_flow_heads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_ledger);
} wt_ledgers SEC(".maps"); /* [cpu][epoch][slot][point] */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WT_IF_BUCKETS);
	__type(key, __u32);
	__type(value, struct wt_if);
} wt_interfaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_control);
} wt_controls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, WT_CIDR_MAX);
	__type(key, struct wt_cidr_key);
	__type(value, __u32);
} wt_cidrs SEC(".maps");

/* A packet that the fast path did not tally, as flow_account() takes it. */
struct sighting {
	struct wt_flow_key key;
	struct wt_count size;
	__u64 l3_bytes;
	__u32 cpu;
	__u32 epoch;
	__u16 tcp_flags;
	__u8 dscp;
	__u8 ttl;
	__u32 pad;
};

/*
 * What the careful path works on. In a map and not on the stack: 512 bytes are too few, and the
 * verifier forgets what it knows of a map's contents, so that the parser's many ways through
 * come together again. Safe because runs on one CPU do not nest, or enter() turns them away.
 */
struct careful {
	__u8 bytes[WT_COPY_ROOM];
	struct wt_pkt pkt;
	struct wt_pkt inner;
	struct sighting sighting;
	__u32 refusal; /* enum wt_refusal */
	__u32 inner_refusal; /* likewise, or WT_NO_INNER */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct careful);
} wt_carefuls SEC(".maps");

static __always_inline struct careful *careful_buffer(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wt_carefuls, &zero);
}

/* ---- load-time constants ------------------------------------------------------------------- */

const volatile __u32 wt_rows = 1;
const volatile __u64 wt_nh_key[WT_KEY_WORDS] = {};
const volatile __u64 wt_nh_mul = 1;
const volatile __u32 wt_set_mask = 0;
const volatile __u32 wt_lane_mask = 0;
const volatile __u32 wt_slots = 1; /* interface slots of the ledger */
const volatile __u32 wt_points = 2; /* 2, or WT_POINTS with inner packets */
const volatile __u32 wt_netns = 0;
const volatile bool wt_inner = false;
const volatile bool wt_may_nest = false; /* PREEMPT_RT: runs can interrupt each other */
const volatile __u64 wt_tick_ns = 0; /* of the coarse clock; 0: read the fine one instead */
const volatile __u64 wt_tick_base_ns = 0; /* CLOCK_MONOTONIC when jiffies were 0, wraps */

static const struct tally flow_table = {
	.table = &wt_flow_table,
	.lanes = &wt_flow_lanes,
	.heads = &wt_flow_heads,
	.tags = &wt_flow_tags,
	.record_bytes = sizeof(struct wt_flow),
	.key_words = WT_KEY_WORDS,
};

static __always_inline struct wt_if *interface_find(__u32 ifindex)
{
	for (__u32 probe = 0; probe < WT_IF_PROBES; probe++) {
		__u32 bucket = (ifindex + probe) & (WT_IF_BUCKETS - 1);
		struct wt_if *iface = bpf_map_lookup_elem(&wt_interfaces, &bucket);

		if (iface && iface->ifindex == ifindex)
			return iface;
	}
	return NULL;
}

#endif
