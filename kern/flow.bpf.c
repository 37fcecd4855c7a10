// SPDX-License-Identifier: GPL-2.0
/*
 * The hooks. A packet comes in, one row of the flow tally and the ledger change, the packet goes
 * on: an observer never drops, never redirects, never changes. Reads like the path:
 * parse -> measure -> count seen -> put, or filter -> sample -> tally.
 *
 * Twice: the fast path reads the common headers where they lie, with all its state on the stack.
 * What it does not know goes the careful way: a global function, so that the verifier looks at it
 * apart, which parses a copy of the first bytes (headers are often not linear, and
 * bpf_skb_pull_data() would change the packet).
 */
#include "kern/flow_observe.bpf.h"
#include "kern/flow_tally.bpf.h"

char LICENSE[] SEC("license") = "GPL";

static __always_inline void key_complete(const struct observation *o, struct wt_flow_key *key)
{
	key->ifindex = o->ifindex;
	key->netns = wt_netns;
	key->mark |= o->mark;
}

static __always_inline void account_rest(const struct observation *o, struct careful *c,
					 const struct wt_pkt *pkt)
{
	struct sighting *s = &c->sighting;

	s->key = pkt->key;
	s->size = o->size;
	s->l3_bytes = o->l3_bytes;
	s->cpu = o->cpu;
	s->epoch = o->epoch;
	s->tcp_flags = pkt->tcp_flags;
	s->dscp = pkt->dscp;
	s->ttl = pkt->ttl;
	flow_account(s, o->ledger);
}

/*
 * Each return has put the packet into exactly one counter or row, of the same size as it was seen
 * with. seen comes first; only the wire length is found out before it.
 */
static __always_inline void account(struct observation *o, struct careful *c, struct wt_pkt *pkt,
				    __u32 refusal)
{
	count_add(&o->ledger->seen, &o->size);
	if (refusal) {
		if (refusal < WT_REFUSALS) /* as it is; the verifier has lost sight of it */
			count_add(&o->ledger->refused[refusal], &o->size);
		return;
	}
	key_complete(o, &pkt->key);
	account_rest(o, c, pkt);
}

/* The same for what the fast path has parsed. */
static __always_inline void account_fast(struct observation *o, struct wt_pkt *pkt, bool is_ipv4)
{
	bool is_plain = !(o->iface_flags & WT_IF_FILTER) && o->sampling <= 1;
	struct careful *c;

	count_add(&o->ledger->seen, &o->size);
	key_complete(o, &pkt->key);
	if (is_plain && flow_put(pkt, is_ipv4, o->cpu, o->epoch, &o->size, o->l3_bytes))
		return;
	c = careful_buffer();
	if (c)
		account_rest(o, c, pkt);
}

/* The packet inside a tunnel is an observation of its own, with a ledger row of its own. */
static __always_inline void account_inner(struct observation *o, struct careful *c)
{
	o->ledger = ledger_row(o, o->point + WT_POINT_INNER_INGRESS);
	if (!o->ledger)
		return;
	o->mark &= ~WT_MARK_COUNTED;
	measure_inner(o, &c->inner);
	account(o, c, &c->inner, c->inner_refusal);
}

/* The copy is in c->bytes: parse it, and count what it is. */
static __always_inline void observe_copy(struct observation *o, struct careful *c)
{
	struct wt_view view = { .data = c->bytes, .copy_len = o->copied };
	__u32 headers = 0;

	c->pkt = (struct wt_pkt){ .key.vlan_outer = o->vlan_metadata };
	c->inner = (struct wt_pkt){};
	c->inner_refusal = WT_NO_INNER;
	c->refusal = o->copied ? wt_parse(&view, o->link, true, &c->pkt) : WT_UNREADABLE;
	if (!c->refusal && c->pkt.inner_kind && (wt_inner || o->segment_bytes))
		c->inner_refusal = wt_parse_inner(&view, true, &c->pkt, &c->inner);
	if (!c->refusal) /* a tunnel's segments repeat the inner headers too */
		headers = c->inner_refusal ? c->pkt.payload_off : c->inner.payload_off;
	measure(o, headers, c->pkt.l3_off, c->pkt.l3_len);
	account(o, c, &c->pkt, c->refusal);
	if (wt_inner && !c->refusal && c->inner_refusal != WT_NO_INNER)
		account_inner(o, c);
}

__noinline int wt_careful_skb(struct __sk_buff *skb, __u32 point)
{
	struct observation o = {};
	struct careful *c = careful_buffer();
	__u32 len;

	if (!c || point > WT_POINT_EGRESS || observe_skb(&o, skb, point) || enter(&o))
		return 0;
	len = copy_len(&o);
	if (len && !bpf_skb_load_bytes(skb, 0, c->bytes, len))
		o.copied = len;
	observe_copy(&o, c);
	leave(&o);
	return 0;
}

__noinline int wt_careful_xdp(struct xdp_md *xdp)
{
	struct observation o = {};
	struct careful *c = careful_buffer();
	__u32 len;

	if (!c || observe_xdp(&o, xdp) || enter(&o))
		return 0;
	len = copy_len(&o);
	if (len && !bpf_xdp_load_bytes(xdp, 0, c->bytes, len))
		o.copied = len;
	observe_copy(&o, c);
	leave(&o);
	return 0;
}

static __always_inline bool observe_parsed(struct observation *o, struct wt_pkt *pkt, bool is_ipv4)
{
	pkt->key.vlan_outer = o->vlan_metadata;
	if (enter(o))
		return true;
	measure(o, pkt->payload_off, pkt->l3_off, pkt->l3_len);
	account_fast(o, pkt, is_ipv4);
	leave(o);
	return true;
}

/*
 * True when the fast path has counted the packet. The two families part early and do not meet
 * again: what is constant in an IPv4 key then costs nothing.
 */
static __always_inline bool observe_fast(struct observation *o, void *data, void *data_end)
{
	struct wt_view view = { .data = data, .data_end = data_end };
	struct wt_pkt pkt4 = {}, pkt6 = {};

	if (o->link != WT_LINK_ETHERNET)
		return false;
	if (wt_is_fast_ipv4(&view))
		return wt_fast_ipv4(data, &pkt4) && observe_parsed(o, &pkt4, true);
	return wt_is_fast_ipv6(&view) && wt_fast_ipv6(data, &pkt6) &&
	       observe_parsed(o, &pkt6, false);
}

SEC("tc")
int wt_tc_ingress(struct __sk_buff *skb)
{
	struct observation o = {};

	if (!observe_skb(&o, skb, WT_POINT_INGRESS) &&
	    !observe_fast(&o, (void *)(long)skb->data, (void *)(long)skb->data_end))
		wt_careful_skb(skb, WT_POINT_INGRESS);
	return TCX_NEXT; /* = TC_ACT_UNSPEC: whoever is behind us decides */
}

SEC("tc")
int wt_tc_egress(struct __sk_buff *skb)
{
	struct observation o = {};

	if (!observe_skb(&o, skb, WT_POINT_EGRESS) &&
	    !observe_fast(&o, (void *)(long)skb->data, (void *)(long)skb->data_end))
		wt_careful_skb(skb, WT_POINT_EGRESS);
	return TCX_NEXT;
}

SEC("xdp.frags")
int wt_xdp(struct xdp_md *xdp)
{
	struct observation o = {};

	if (!observe_xdp(&o, xdp) &&
	    !observe_fast(&o, (void *)(long)xdp->data, (void *)(long)xdp->data_end))
		wt_careful_xdp(xdp);
	return XDP_PASS;
}
