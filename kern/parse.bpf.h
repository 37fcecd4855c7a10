/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * The packet parser: the first bytes of a frame in, its flow key, offsets and lengths out, or the
 * reason why not (enum wt_refusal). One piece of C for the BPF programs, pcap files and fuzzers.
 *
 *	struct wt_pkt pkt = {};			zero, but for key.vlan_outer: the tag that travels
 *	pkt.key.vlan_outer = …;			in metadata, if any; in-band tags then follow it
 *	refusal = wt_parse(&view, link, copied, &pkt);
 *	if (!refusal && pkt.inner_kind)
 *		refusal = wt_parse_inner(&view, copied, &pkt, &inner);	inner = {} before
 *
 * `copied` is a compile-time constant. false: view.data … view.data_end is packet memory (in user
 * space: any memory). true: view.data is a map value of at least WT_COPY_ROOM bytes, of which
 * copy_len, up to WT_COPY_BYTES, are the packet's. Either way nothing beyond WT_COPY_BYTES is
 * looked at, so that the answer does not depend on how much of a packet is linear. A refusal in
 * direct mode - wt_parse_inner()'s too - may just mean that headers are not linear: with more
 * bytes in the packet, ask again with a copy.
 *
 * The hooks call wt_parse_fast() where the packet lies and the rest on a copy, with pkt in a map
 * value. Direct mode with wt_parse_inner() behind it, and pkt on the stack, is beyond what the
 * verifiers before Linux 6.12 walk (a million instructions); each of the two alone is not.
 *
 * Not filled in: key.ifindex, key.netns, WT_MARK_EGRESS, WT_MARK_COUNTED.
 *
 * parse_link.bpf.h: Ethernet, VLAN, MPLS. parse_ip.bpf.h: IPv4, IPv6 and its extension headers.
 * parse_transport.bpf.h: TCP to Geneve. This file: the fast path and the order of things.
 */
#ifndef WIRETALLY_PARSE_BPF_H
#define WIRETALLY_PARSE_BPF_H

#include "kern/parse_view.bpf.h"
#include "kern/parse_link.bpf.h"
#include "kern/parse_ip.bpf.h"
#include "kern/parse_transport.bpf.h"

#define WT_FAST_IPV4_BYTES (14 + 20 + 20)
#define WT_FAST_IPV6_BYTES (14 + 40 + 20)

/* TCP or UDP of ip_payload bytes at off, a constant. False: the long way, which refuses. */
static __always_inline bool wt_fast_transport(const __u8 *frame, __u32 off, __u32 proto,
					      __u32 ip_payload, struct wt_pkt *pkt)
{
	if (proto == WT_PROTO_TCP) {
		__u32 offset_flags = wt_be16(frame + off + 12);

		if (offset_flags < 0x5000 || ip_payload < 20)
			return false;
		pkt->tcp_flags = offset_flags & 0x0fff;
		pkt->payload_off = off + (offset_flags >> 12) * 4;
	} else if (proto == WT_PROTO_UDP && ip_payload >= 8 &&
		   !wt_is_tunnel_port(*(const wt_u16 *)(frame + off + 2))) {
		pkt->payload_off = off + 8;
	} else {
		return false;
	}
	pkt->key.proto = proto;
	pkt->key.src_port = wt_be16(frame + off);
	pkt->key.dst_port = wt_be16(frame + off + 2);
	pkt->l3_off = 14;
	return true;
}

static __always_inline bool wt_fast_ipv4(const __u8 *frame, struct wt_pkt *pkt)
{
	__u32 total_len = wt_be16(frame + 16);

	/* No options, no fragment; lengths below IP's header go the long way, and are refused. */
	if (frame[14] != 0x45 || (*(const wt_u16 *)(frame + 20) & WT_BE16(0x3fff)) ||
	    total_len < 20 || !wt_fast_transport(frame, 34, frame[23], total_len - 20, pkt))
		return false;
	wt_key_ipv4(&pkt->key, frame + 14);
	pkt->key.ethertype = WT_ETH_IPV4;
	pkt->l3_len = total_len;
	pkt->dscp = frame[15] >> 2;
	pkt->ttl = frame[22];
	return true;
}

static __always_inline bool wt_fast_ipv6(const __u8 *frame, struct wt_pkt *pkt)
{
	__u32 payload_len = wt_be16(frame + 18);

	if (frame[14] >> 4 != 6 || !wt_fast_transport(frame, 54, frame[20], payload_len, pkt))
		return false;
	wt_key_ipv6(&pkt->key, frame + 14);
	pkt->key.ethertype = WT_ETH_IPV6;
	pkt->l3_len = 40 + payload_len;
	pkt->dscp = (wt_be16(frame + 14) >> 6) & 0x3f;
	pkt->ttl = frame[21];
	return true;
}

/*
 * Most packets there are: Ethernet, IPv4 without options or fragments or IPv6 without extension
 * headers, TCP or UDP. Constant offsets, one bounds check. False: the long way.
 */
static __always_inline bool wt_is_fast_ipv4(const struct wt_view *v)
{
	const __u8 *frame = v->data, *end = v->data_end;

	return frame + WT_FAST_IPV4_BYTES <= end &&
	       *(const wt_u16 *)(frame + 12) == WT_BE16(WT_ETH_IPV4);
}

static __always_inline bool wt_is_fast_ipv6(const struct wt_view *v)
{
	const __u8 *frame = v->data, *end = v->data_end;

	return frame + WT_FAST_IPV6_BYTES <= end &&
	       *(const wt_u16 *)(frame + 12) == WT_BE16(WT_ETH_IPV6);
}

static __always_inline bool wt_parse_fast(const struct wt_view *v, struct wt_pkt *pkt)
{
	if (wt_is_fast_ipv4(v))
		return wt_fast_ipv4(v->data, pkt);
	return wt_is_fast_ipv6(v) && wt_fast_ipv6(v->data, pkt);
}

/* From the network header at c->off on, whose ethertype is c->type. */
static __always_inline int wt_parse_network(const struct wt_view *v, bool copied, bool is_inner,
					    struct wt_cursor *c, struct wt_pkt *pkt)
{
	int refusal;

	pkt->l3_off = c->off;
	pkt->payload_off = c->off;
	if (c->type == WT_BE16(WT_ETH_IPV4))
		refusal = wt_parse_ipv4(v, copied, c, pkt);
	else if (c->type == WT_BE16(WT_ETH_IPV6))
		refusal = wt_parse_ipv6(v, copied, c, pkt);
	else
		return wt_key_not_ip(c, pkt);
	if (refusal)
		return refusal;
	pkt->payload_off = c->off;
	pkt->key.proto = c->proto;
	if (pkt->key.mark & WT_MARK_LATER_FRAGMENT)
		return WT_REFUSED_NONE;
	return wt_parse_transport(v, copied, is_inner, c, pkt);
}

static __always_inline int wt_parse(const struct wt_view *v, __u32 link, bool copied,
				    struct wt_pkt *pkt)
{
	struct wt_cursor c = {};
	int refusal;

	if (link == WT_LINK_RAW_IP) {
		refusal = wt_parse_raw(v, copied, &c);
	} else {
		if (!copied && wt_parse_fast(v, pkt))
			return WT_REFUSED_NONE;
		refusal = wt_parse_ethernet(v, copied, &c, pkt);
	}
	if (refusal)
		return refusal;
	return wt_parse_network(v, copied, false, &c, pkt);
}

/* What wt_parse_inner() says when the tunnel carries nothing that we parse. */
#define WT_NO_INNER WT_REFUSALS

/*
 * The packet inside outer's tunnel: WT_MARK_INNER, the tunnel's nibble and id. Offsets count from
 * the outer frame's start; inner->l2_off is where the inner frame begins (its IP header when it
 * has no Ethernet header).
 */
static __always_inline int wt_parse_inner(const struct wt_view *v, bool copied,
					  const struct wt_pkt *outer, struct wt_pkt *inner)
{
	struct wt_cursor c = { .off = outer->inner_off };
	int refusal;

	if (outer->inner_kind == WT_INNER_NONE)
		return WT_NO_INNER;
	inner->l2_off = outer->inner_off;
	inner->key.mark = WT_MARK_INNER | (outer->key.mark & WT_MARK_TUNNEL_MASK);
	inner->key.tunnel_id = outer->key.tunnel_id;
	if (outer->inner_kind == WT_INNER_ETHERNET)
		refusal = wt_parse_ethernet(v, copied, &c, inner);
	else if (outer->inner_kind == WT_INNER_MPLS)
		refusal = wt_parse_labels(v, copied, &c);
	else
		refusal = wt_parse_raw(v, copied, &c);
	if (refusal)
		return refusal;
	return wt_parse_network(v, copied, true, &c, inner);
}

#endif
