/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flow tally: maps, load-time constants, and the steps that the hooks of flow.bpf.c name.
 * Everything per packet lives on the stack in struct observation.
 */
#ifndef WIRETALLY_FLOW_BPF_H
#define WIRETALLY_FLOW_BPF_H

#include "kern/abi.h"
#include "kern/bpf.h"
#include "kern/parse.bpf.h"
#include "kern/tally.bpf.h"

/* ---- maps; user space sets max_entries before it loads ------------------------------------- */

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

/*
 * What the careful path works on. In a map and not on the stack: 512 bytes are too few, and the
 * verifier forgets what it knows of a map's contents, so that the parser's many ways through
 * come together again. Safe because runs on one CPU do not nest, or enter() turns them away.
 */
struct careful {
	__u8 bytes[WT_COPY_ROOM];
	struct wt_pkt pkt;
	struct wt_pkt inner;
	__u32 refusal; /* enum wt_refusal */
	__u32 inner_refusal; /* likewise, or WT_NO_INNER */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct careful);
} wt_carefuls SEC(".maps");

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
const volatile bool wt_fine_clock = false; /* before 5.11 there is no coarse one */

static const struct tally flow_table = {
	.table = &wt_flow_table,
	.lanes = &wt_flow_lanes,
	.heads = &wt_flow_heads,
	.record_bytes = sizeof(struct wt_flow),
	.key_words = WT_KEY_WORDS,
};

/* ---- one observation ----------------------------------------------------------------------- */

struct observation {
	struct wt_ledger *ledger;
	struct wt_count size; /* what this packet adds: wire packets, L2 bytes */
	__u64 l3_bytes;
	__u32 cpu;
	__u32 epoch;
	__u32 point;
	__u32 ifindex; /* 0: not in the table of interfaces */
	__u32 slot;
	__u32 sampling;
	__u32 frame_len;
	__u32 copied; /* bytes of the careful path's copy; 0: could not be read */
	__u32 segments; /* gso_segs */
	__u32 segment_bytes; /* gso_size */
	__u16 vlan_metadata; /* WT_VLAN_PRESENT | id when the tag travels beside the frame */
	__u8 metadata_bytes; /* 4 with such a tag: it is on the wire all the same */
	__u8 link;
	__u8 iface_flags;
	__u8 mark;
};

static __always_inline void count_add(struct wt_count *count, const struct wt_count *size)
{
	count->packets += size->packets;
	count->l2_bytes += size->l2_bytes;
}

static __always_inline __u64 coarse_now(void)
{
	return wt_fine_clock ? bpf_ktime_get_ns() : bpf_ktime_get_coarse_ns();
}

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

static __always_inline struct wt_ledger *ledger_row(const struct observation *o, __u32 point)
{
	__u32 index = ((o->cpu * 2 + o->epoch) * wt_slots + o->slot) * wt_points + point;

	return bpf_map_lookup_elem(&wt_ledgers, &index);
}

/*
 * Counted at the first watched point on the host: ingress on a watched interface, or egress of
 * what came in nowhere that we watch.
 */
static __always_inline bool is_counted(const struct observation *o, __u32 ingress_ifindex)
{
	struct wt_if *in;

	if (o->point == WT_POINT_INGRESS)
		return !(o->iface_flags & WT_IF_UNCOUNTED_IN);
	if (o->iface_flags & WT_IF_UNCOUNTED_OUT)
		return false;
	if (!ingress_ifindex)
		return true;
	in = interface_find(ingress_ifindex);
	return !in || !(in->watched & WT_WATCH_INGRESS);
}

/* Which interface, which half, which ledger row. Non-zero only if the maps are not as promised. */
static __always_inline int observation_begin(struct observation *o, __u32 point, __u32 ifindex,
					     __u32 ingress_ifindex)
{
	__u32 zero = 0;
	struct wt_control *control = bpf_map_lookup_elem(&wt_controls, &zero);
	struct wt_if *iface = interface_find(ifindex);

	if (!control)
		return -1;
	o->cpu = bpf_get_smp_processor_id();
	o->epoch = READ_ONCE(control->epoch) & 1; /* once: all of this packet goes to one half */
	o->point = point;
	if (iface) { /* else slot 0, "other": attached, but not yet or no longer listed */
		o->ifindex = ifindex;
		o->slot = iface->slot;
		o->link = iface->link;
		o->iface_flags = iface->flags;
		o->sampling = iface->sampling;
	}
	if (point == WT_POINT_EGRESS)
		o->mark = WT_MARK_EGRESS;
	if (is_counted(o, ingress_ifindex))
		o->mark |= WT_MARK_COUNTED;
	o->ledger = ledger_row(o, point);
	return o->ledger ? 0 : -1;
}

static __always_inline int observe_skb(struct observation *o, struct __sk_buff *skb, __u32 point)
{
	__u32 from = point == WT_POINT_EGRESS ? skb->ingress_ifindex : 0;

	if (observation_begin(o, point, skb->ifindex, from))
		return -1;
	o->frame_len = skb->len; /* never data_end - data: the rest may not be linear */
	o->segments = skb->gso_segs;
	o->segment_bytes = skb->gso_size;
	if (skb->vlan_present) {
		o->vlan_metadata = WT_VLAN_PRESENT | (skb->vlan_tci & 0xfff);
		o->metadata_bytes = 4;
	}
	return 0;
}

static __always_inline int observe_xdp(struct observation *o, struct xdp_md *xdp)
{
	if (observation_begin(o, WT_POINT_INGRESS, xdp->ingress_ifindex, 0))
		return -1;
	o->frame_len = bpf_xdp_get_buff_len(xdp); /* a frame may be in pieces */
	return 0;
}

/* ---- lengths ------------------------------------------------------------------------------- */

static __always_inline __u32 wire_packets(const struct observation *o, __u32 headers)
{
	if (o->segments)
		return o->segments;
	if (o->segment_bytes && o->frame_len > headers) /* tap, virtio: gso_segs is not filled in */
		return (o->frame_len - headers + o->segment_bytes - 1) / o->segment_bytes;
	return 1;
}

/*
 * What was on the wire. headers: what each segment of a super-packet repeats, 0 when unknown;
 * l2_headers: what comes before the network header; l3_len: by IP's own header, 0 when it says
 * nothing.
 */
static __always_inline void measure(struct observation *o, __u32 headers, __u32 l2_headers,
				    __u32 l3_len)
{
	__u64 packets = 1, l2 = o->frame_len + o->metadata_bytes;

	o->l3_bytes = o->frame_len - l2_headers;
	if (o->segments | o->segment_bytes) {
		packets = wire_packets(o, headers);
		l2 += (packets - 1) * (headers + o->metadata_bytes);
		o->l3_bytes += (packets - 1) * (headers - l2_headers);
	}
	if (packets == 1 && l3_len && l3_len < o->l3_bytes) /* Ethernet's padding is not IP's */
		o->l3_bytes = l3_len;
	o->size.packets = packets;
	o->size.l2_bytes = l2;
}

/*
 * The inner packet's share: what is left of each wire packet from the inner frame's start on.
 * Also for one that was refused.
 */
static __always_inline void measure_inner(struct observation *o, const struct wt_pkt *inner)
{
	__u64 packets = o->size.packets;
	__u64 outside = packets * ((__u64)inner->l2_off + o->metadata_bytes);
	__u64 l2_headers = packets * (__u64)(inner->l3_off - inner->l2_off);

	o->size.l2_bytes = o->size.l2_bytes > outside ? o->size.l2_bytes - outside : 0;
	o->l3_bytes = o->size.l2_bytes > l2_headers ? o->size.l2_bytes - l2_headers : 0;
	if (packets == 1 && inner->l3_len && inner->l3_len < o->l3_bytes)
		o->l3_bytes = inner->l3_len;
}

/* ---- bytes that are not linear ------------------------------------------------------------- */

static __always_inline struct careful *careful_buffer(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wt_carefuls, &zero);
}

/*
 * How many bytes to copy: 1 … WT_COPY_BYTES, in a form that kernels before 6.18 see, to which
 * "not 0" says nothing about the smallest value. An empty frame's copy fails: unreadable.
 */
static __always_inline __u32 copy_len(const struct observation *o)
{
	__u32 len = o->frame_len < WT_COPY_BYTES ? o->frame_len : WT_COPY_BYTES;

	len--;
	barrier_var(len);
	return (len & (WT_COPY_BYTES - 1)) + 1;
}

/* ---- filter and sample --------------------------------------------------------------------- */

static __always_inline __u32 cidr_verdict(__u32 slot, const __u8 *addr)
{
	struct wt_cidr_key key = { .prefixlen = 32 + 128, .slot = slot };
	__u32 *verdict;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	verdict = bpf_map_lookup_elem(&wt_cidrs, &key);
	return verdict ? *verdict : 0;
}

/* Either end denied refuses; with an allow list one end must be on it. */
static __always_inline bool cidr_refuses(const struct observation *o, const struct wt_flow_key *key)
{
	__u32 src, dst;

	if (key->ethertype != 0x0800 && key->ethertype != 0x86dd)
		return o->iface_flags & WT_IF_ALLOWLIST;
	src = cidr_verdict(o->slot, key->src);
	dst = cidr_verdict(o->slot, key->dst);
	if (src == WT_CIDR_DENY || dst == WT_CIDR_DENY)
		return true;
	return (o->iface_flags & WT_IF_ALLOWLIST) && src != WT_CIDR_ALLOW && dst != WT_CIDR_ALLOW;
}

static __always_inline bool sampled_in(__u32 one_of)
{
	return ((__u64)bpf_get_prandom_u32() * one_of) >> 32 == 0;
}

/* ---- tally --------------------------------------------------------------------------------- */

static __always_inline enum wt_fold_class fold_class(const struct wt_flow_key *key)
{
	if (key->ethertype != 0x0800 && key->ethertype != 0x86dd)
		return WT_FOLD_NOT_IP;
	switch (key->proto) {
	case 6:
		return WT_FOLD_TCP;
	case 17:
		return WT_FOLD_UDP;
	case 1:
	case 58:
		return WT_FOLD_ICMP;
	}
	return WT_FOLD_OTHER_IP;
}

static __always_inline void flow_fold(struct observation *o, const struct wt_flow_key *key,
				      enum tally_miss miss, __u64 now)
{
	bool counted = key->mark & WT_MARK_COUNTED;
	struct wt_fold *fold = &o->ledger->fold[counted][fold_class(key)];

	if (!fold->packets)
		fold->first_ns = now;
	fold->last_ns = now;
	fold->packets += o->size.packets;
	fold->l2_bytes += o->size.l2_bytes;
	fold->l3_bytes += o->l3_bytes;
	count_add(miss == TALLY_NO_ROW ? &o->ledger->fold_no_row : &o->ledger->fold_lane_full,
		  &o->size);
}

static __always_inline void flow_start(const struct observation *o, const struct wt_pkt *pkt,
				       struct wt_flow *flow, __u32 hash, __u64 now)
{
	flow->first_ns = now;
	flow->hash = hash;
	flow->sampling = o->sampling > 1 ? o->sampling : 1;
	flow->dscp = pkt->dscp;
	flow->ttl_min = pkt->ttl;
	flow->epoch = o->epoch;
}

static __always_inline void flow_tally(struct observation *o, const struct wt_pkt *pkt)
{
	const __u64 *key = (const __u64 *)&pkt->key;
	__u32 hash = tally_hash(key, WT_KEY_WORDS);
	__u64 now = coarse_now();
	enum tally_miss miss;
	struct wt_flow *flow;
	bool found;

	flow = tally_row(&flow_table, o->cpu, o->epoch, wt_set_mask, wt_lane_mask, key, hash,
			 &found, &miss);
	if (!flow) {
		flow_fold(o, &pkt->key, miss, now);
		return;
	}
	if (!found)
		flow_start(o, pkt, flow, hash, now);
	flow->packets += o->size.packets;
	flow->l2_bytes += o->size.l2_bytes;
	flow->l3_bytes += o->l3_bytes;
	flow->last_ns = now;
	flow->tcp_flags |= pkt->tcp_flags;
	if (pkt->ttl < flow->ttl_min)
		flow->ttl_min = pkt->ttl;
	if (pkt->ttl > flow->ttl_max)
		flow->ttl_max = pkt->ttl;
}

/* ---- nesting (PREEMPT_RT) ------------------------------------------------------------------ */

/*
 * True when this run has interrupted another one on its CPU: then it was counted here, atomically
 * and apart, and must touch nothing else. Plain stores do for the busy word: a run that
 * interrupts us has left again before we go on.
 */
static __always_inline bool enter(struct observation *o)
{
	struct wt_lane_head *head;
	struct wt_fold *nested;
	__u32 cpu = o->cpu; /* a copy: o itself must stay in registers */

	if (!wt_may_nest)
		return false;
	head = bpf_map_lookup_elem(&wt_flow_heads, &cpu);
	if (!head || !READ_ONCE(head->busy)) {
		if (head)
			head->busy = 1;
		barrier();
		return false;
	}
	measure(o, 0, 0, 0);
	nested = &o->ledger->nested[!!(o->mark & WT_MARK_COUNTED)];
	__sync_fetch_and_add(&nested->packets, o->size.packets);
	__sync_fetch_and_add(&nested->l2_bytes, o->size.l2_bytes);
	__sync_fetch_and_add(&nested->l3_bytes, o->l3_bytes);
	return true;
}

static __always_inline void leave(const struct observation *o)
{
	struct wt_lane_head *head;
	__u32 cpu = o->cpu;

	if (!wt_may_nest)
		return;
	barrier();
	head = bpf_map_lookup_elem(&wt_flow_heads, &cpu);
	if (head)
		head->busy = 0;
}

#endif
