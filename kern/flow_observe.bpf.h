/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One observation: a packet at a hook in; which interface, half, ledger row and mark it has, and
 * what it was on the wire out. It lives in registers and on the stack.
 */
#ifndef WIRETALLY_FLOW_OBSERVE_BPF_H
#define WIRETALLY_FLOW_OBSERVE_BPF_H

#include "kern/flow_maps.bpf.h"

#include <bpf/bpf_core_read.h>

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

struct xdp_buff {
	unsigned int flags;
} __attribute__((preserve_access_index));

enum xdp_buff_flags { XDP_FLAGS_HAS_FRAGS = 1 };

extern void *bpf_cast_to_kern_ctx(void *ctx) __weak __ksym; /* 6.2; an instruction, not a call */

/*
 * A frame may be in pieces. The helper that adds them up is a call, which costs up to 8 ns where
 * returns are mitigated: it is asked only when there are pieces, or when we cannot see whether.
 */
static __always_inline __u32 xdp_len(struct xdp_md *xdp)
{
	if (bpf_ksym_exists(bpf_cast_to_kern_ctx)) {
		struct xdp_buff *buff = bpf_cast_to_kern_ctx(xdp);

		if (!(buff->flags & bpf_core_enum_value(enum xdp_buff_flags, XDP_FLAGS_HAS_FRAGS)))
			return xdp->data_end - xdp->data;
	}
	return bpf_xdp_get_buff_len(xdp);
}

static __always_inline int observe_xdp(struct observation *o, struct xdp_md *xdp)
{
	if (observation_begin(o, WT_POINT_INGRESS, xdp->ingress_ifindex, 0))
		return -1;
	o->frame_len = xdp_len(xdp);
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
