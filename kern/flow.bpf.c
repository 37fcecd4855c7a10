// SPDX-License-Identifier: GPL-2.0
/*
 * The hooks. A packet comes in, one row of the flow tally and the ledger change, the packet goes
 * on: an observer never drops, never redirects, never changes. Reads like the path:
 * measure -> count seen -> filter -> sample -> tally.
 */
#include "kern/flow.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * seen is counted once the packet's wire length is known and before anything can go another way:
 * from here on every return has put the packet into exactly one counter or row.
 */
static __always_inline void account(struct observation *o, struct wt_pkt *pkt, int refusal)
{
	struct wt_ledger *ledger = o->ledger;

	count_add(&ledger->seen, &o->size);
	if (refusal) {
		/* The mask only tells the verifier what wt_parse() promises. */
		count_add(&ledger->refused[refusal % WT_REFUSALS], &o->size);
		return;
	}
	pkt->key.ifindex = o->ifindex;
	pkt->key.netns = wt_netns;
	pkt->key.mark |= o->mark;
	if ((o->iface_flags & WT_IF_FILTER) && cidr_refuses(o, &pkt->key))
		count_add(&ledger->filtered, &o->size);
	else if (o->sampling > 1 && !sampled_in(o->sampling))
		count_add(&ledger->sampled_out, &o->size);
	else
		flow_tally(o, pkt);
}

/* The packet inside a tunnel is an observation of its own, with a ledger row of its own. */
static __always_inline void account_inner(const struct wt_view *view, bool copied,
					  const struct observation *outer, const struct wt_pkt *pkt)
{
	struct observation o = *outer;
	struct wt_pkt inner = {};
	int refusal;

	if (!wt_inner || !(pkt->key.mark & WT_MARK_TUNNEL_MASK))
		return;
	o.ledger = ledger_row(o.epoch, o.slot, o.point + WT_POINT_INNER_INGRESS);
	if (!o.ledger)
		return;
	o.mark &= ~WT_MARK_COUNTED;
	refusal = wt_parse_inner(view, copied, pkt, &inner);
	if (refusal == WT_NO_INNER)
		return;
	if (!refusal)
		measure_inner(&o, pkt, &inner);
	account(&o, &inner, refusal);
}

/* Direct first; a copy of the first bytes when the headers are not linear. Returns a refusal. */
static __always_inline int observe_view(struct observation *o, const struct wt_view *view,
					bool copied, struct wt_pkt *pkt)
{
	int refusal = wt_parse(view, o->link, copied, pkt);

	if (refusal && !copied && o->frame_len > o->linear_len)
		return refusal;
	if (refusal)
		measure_unparsed(o);
	else
		measure(o, view, copied, pkt);
	if (wt_may_nest && tally_is_busy(o))
		return count_nested(o);
	account(o, pkt, refusal);
	if (!refusal)
		account_inner(view, copied, o, pkt);
	if (wt_may_nest)
		tally_leave(o);
	return 0;
}

/*
 * The slow path, verified apart from the fast one: an AF_PACKET jumbo frame has 14 linear bytes,
 * and bpf_skb_pull_data() would change the packet.
 */
static __noinline int observe_copy_skb(struct __sk_buff *skb, struct observation *o)
{
	struct wt_pkt pkt = {};
	struct wt_view view;

	if (!o)
		return 0;
	pkt.key.vlan_outer = o->vlan_metadata;
	if (view_copy_skb(skb, o, &view))
		return observe_unreadable(o);
	return observe_view(o, &view, true, &pkt);
}

static __noinline int observe_copy_xdp(struct xdp_md *xdp, struct observation *o)
{
	struct wt_pkt pkt = {};
	struct wt_view view;

	if (!o)
		return 0;
	if (view_copy_xdp(xdp, o, &view))
		return observe_unreadable(o);
	return observe_view(o, &view, true, &pkt);
}

static __always_inline void observe_skb(struct __sk_buff *skb, enum wt_point point)
{
	struct observation o = {};
	struct wt_pkt pkt = {};
	struct wt_view view = {
		.data = (void *)(long)skb->data,
		.data_end = (void *)(long)skb->data_end,
	};

	if (observation_begin(&o, point, skb->ifindex, point ? skb->ingress_ifindex : 0))
		return;
	o.frame_len = skb->len;
	o.linear_len = view.data_end - view.data;
	o.segments = skb->gso_segs;
	o.segment_bytes = skb->gso_size;
	if (skb->vlan_present) {
		o.vlan_metadata = WT_VLAN_PRESENT | (skb->vlan_tci & 0xfff);
		o.metadata_bytes = 4;
	}
	pkt.key.vlan_outer = o.vlan_metadata;
	if (observe_view(&o, &view, false, &pkt))
		observe_copy_skb(skb, &o);
}

SEC("tc")
int wt_tc_ingress(struct __sk_buff *skb)
{
	observe_skb(skb, WT_POINT_INGRESS);
	return TCX_NEXT; /* = TC_ACT_UNSPEC: whoever is behind us decides */
}

SEC("tc")
int wt_tc_egress(struct __sk_buff *skb)
{
	observe_skb(skb, WT_POINT_EGRESS);
	return TCX_NEXT;
}

SEC("xdp.frags")
int wt_xdp(struct xdp_md *xdp)
{
	struct observation o = {};
	struct wt_pkt pkt = {};
	struct wt_view view = {
		.data = (void *)(long)xdp->data,
		.data_end = (void *)(long)xdp->data_end,
	};

	if (observation_begin(&o, WT_POINT_INGRESS, xdp->ingress_ifindex, 0))
		return XDP_PASS;
	o.linear_len = view.data_end - view.data;
	o.frame_len = wt_xdp_frags ? bpf_xdp_get_buff_len(xdp) : o.linear_len;
	if (observe_view(&o, &view, false, &pkt))
		observe_copy_xdp(xdp, &o);
	return XDP_PASS;
}
