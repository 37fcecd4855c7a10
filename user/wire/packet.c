// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A captured packet to a flow row, by the kernel half's parser. */
#include "user/wire/packet.h"

#include <string.h>

#include "kern/parse.bpf.h"
#include "kern/refusal.h"

#define REFUSED_LINK (WT_REFUSALS + 1) /* WT_REFUSALS is WT_NO_INNER */

_Static_assert(WT_COPY_BYTES == PACKET_BYTES_NEEDED, "header tells how far the parser looks");
_Static_assert(REFUSED_LINK < PACKET_REFUSALS_MAX, "room for every refusal");

const char *packet_refusal_name(int refusal)
{
	return refusal == REFUSED_LINK ? "unknown link type" : wt_refusal_name(refusal);
}

/* Cooked captures are no link of the kernel half: here the parser starts behind Ethernet. */
static int parse_cooked(const struct wt_view *v, const struct packet *packet, struct wt_pkt *pkt)
{
	struct wt_cursor c = { .off = packet->cooked_bytes, .type = WT_BE16(packet->cooked_type) };
	int refusal;

	if (packet->captured < packet->cooked_bytes)
		return WT_TRUNCATED_ETHERNET;
	refusal = wt_parse_vlans(v, false, &c, pkt);
	if (!refusal && wt_is_mpls(c.type))
		refusal = wt_parse_mpls(v, false, &c);
	return refusal ? refusal : wt_parse_network(v, false, false, &c, pkt);
}

static int parse_outer(const struct wt_view *v, const struct packet *packet, struct wt_pkt *pkt)
{
	switch (packet->link) {
	case PACKET_ETHERNET:
		return wt_parse(v, WT_LINK_ETHERNET, false, pkt);
	case PACKET_RAW_IP:
		return wt_parse(v, WT_LINK_RAW_IP, false, pkt);
	case PACKET_COOKED:
		return parse_cooked(v, packet, pkt);
	default:
		return REFUSED_LINK;
	}
}

/*
 * By IP's own length, so that Ethernet's padding is not counted; by the frame's when that is
 * shorter (a cut or lying packet), or when IP says nothing.
 */
static uint64_t l3_octets(const struct wt_pkt *pkt, uint64_t wire_bytes)
{
	uint64_t behind = wire_bytes > pkt->l3_off ? wire_bytes - pkt->l3_off : 0;

	return pkt->l3_len && pkt->l3_len < behind ? pkt->l3_len : behind;
}

static void flow_from(const struct wt_pkt *pkt, const struct packet *packet, struct flow *flow)
{
	const struct wt_flow_key *key = &pkt->key;

	memcpy(flow->src, key->src, sizeof(flow->src));
	memcpy(flow->dst, key->dst, sizeof(flow->dst));
	flow->src_port = key->src_port;
	flow->dst_port = key->dst_port;
	flow->ethertype = key->ethertype;
	flow->proto = key->proto;
	flow->flags = key->mark;
	flow->vlan_outer = key->vlan_outer;
	flow->vlan_inner = key->vlan_inner;
	flow->tunnel_id = key->tunnel_id;
	flow->dscp = pkt->dscp;
	flow->ttl_min = flow->ttl_max = pkt->ttl;
	flow->tcp_flags = pkt->tcp_flags;
	flow->l3_octets = l3_octets(pkt, packet->wire_bytes);
}

static void flow_init(const struct packet *packet, struct flow *flow)
{
	*flow = (struct flow){ .ifindex = packet->interface,
			       .kind = FLOW_RECORD,
			       .sampling = 1,
			       .packets = 1,
			       .l2_octets = packet->wire_bytes,
			       .start_us = packet->time_us,
			       .end_us = packet->time_us };
}

static void parse_inner(const struct wt_view *v, const struct packet *packet,
			const struct wt_pkt *outer, struct packet_parsed *ret)
{
	struct wt_pkt inner = { 0 };
	int refusal = wt_parse_inner(v, false, outer, &inner);

	if (refusal == WT_NO_INNER)
		return;
	ret->has_inner = true;
	ret->inner_refusal = refusal;
	flow_init(packet, &ret->inner);
	ret->inner.l2_octets -=
		inner.l2_off < packet->wire_bytes ? inner.l2_off : packet->wire_bytes;
	if (!refusal)
		flow_from(&inner, packet, &ret->inner);
}

void packet_parse(const struct packet *packet, bool want_inner, struct packet_parsed *ret)
{
	struct wt_view v = { .data = (void *)packet->bytes,
			     .data_end = (void *)(packet->bytes + packet->captured) };
	struct wt_pkt pkt = { 0 };

	*ret = (struct packet_parsed){ 0 };
	flow_init(packet, &ret->outer);
	ret->refusal = parse_outer(&v, packet, &pkt);
	if (ret->refusal)
		return;
	flow_from(&pkt, packet, &ret->outer);
	ret->outer.flags |= FLOW_COUNTED;
	if (want_inner)
		parse_inner(&v, packet, &pkt, ret);
}
