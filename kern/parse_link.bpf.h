/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What is below IP: a frame in; the network header's offset and ethertype, and VLAN ids out. */
#ifndef WIRETALLY_PARSE_LINK_BPF_H
#define WIRETALLY_PARSE_LINK_BPF_H

#include "kern/parse_view.bpf.h"

#define WT_ETHERTYPE_MIN 0x0600 /* below: IEEE 802.3's length field */
#define WT_MPLS_BOTTOM 0x01

static __always_inline bool wt_is_vlan(__u16 type)
{
	return type == WT_BE16(0x8100) || type == WT_BE16(0x88a8) || type == WT_BE16(0x9100);
}

static __always_inline bool wt_is_mpls(__u16 type)
{
	return type == WT_BE16(0x8847) || type == WT_BE16(0x8848);
}

/* Ids of the first two tags are kept; a tag in metadata was the first. */
static __always_inline int wt_parse_vlans(const struct wt_view *v, bool copied, struct wt_cursor *c,
					  struct wt_pkt *pkt)
{
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < WT_VLAN_DEPTH; i++) {
		const __u8 *tag;
		__u16 vlan;

		if (!wt_is_vlan(c->type))
			return WT_REFUSED_NONE;
		if (!wt_at(v, copied, c->off, 4, &tag))
			return WT_TRUNCATED_VLAN;
		vlan = WT_VLAN_PRESENT | (wt_be16(tag) & 0x0fff);
		if (!pkt->key.vlan_outer)
			pkt->key.vlan_outer = vlan;
		else if (!pkt->key.vlan_inner)
			pkt->key.vlan_inner = vlan;
		c->type = *(const wt_u16 *)(tag + 2);
		wt_move_to(c, c->off + 4);
	}
	return wt_is_vlan(c->type) ? WT_TOO_MANY_VLANS : WT_REFUSED_NONE;
}

/*
 * Labels do not say what they carry: the nibble behind the last one does (RFC 4928). What is
 * neither IPv4 nor IPv6 - a pseudowire - stays MPLS, and its labels are its payload.
 */
static __always_inline int wt_parse_mpls(const struct wt_view *v, bool copied, struct wt_cursor *c)
{
	struct wt_cursor at = *c;

#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < WT_MPLS_DEPTH; i++) {
		const __u8 *label;
		__u8 nibble;

		if (!wt_at(v, copied, at.off, 4 + 1, &label))
			return WT_TRUNCATED_MPLS;
		wt_move_to(&at, at.off + 4);
		if (!(label[2] & WT_MPLS_BOTTOM))
			continue;
		nibble = label[4] >> 4;
		if (nibble != 4 && nibble != 6)
			return WT_REFUSED_NONE;
		c->type = nibble == 4 ? WT_BE16(WT_ETH_IPV4) : WT_BE16(WT_ETH_IPV6);
		c->off = at.off;
		return WT_REFUSED_NONE;
	}
	return WT_TOO_MANY_MPLS;
}

static __always_inline int wt_parse_ethernet(const struct wt_view *v, bool copied,
					     struct wt_cursor *c, struct wt_pkt *pkt)
{
	const __u8 *frame;
	int refusal;

	if (!wt_at(v, copied, c->off, 14, &frame))
		return WT_TRUNCATED_ETHERNET;
	wt_cursor_init(c, frame[0]);
	c->type = *(const wt_u16 *)(frame + 12);
	wt_move_to(c, c->off + 14);
	refusal = wt_parse_vlans(v, copied, c, pkt);
	if (refusal)
		return refusal;
	return wt_is_mpls(c->type) ? wt_parse_mpls(v, copied, c) : WT_REFUSED_NONE;
}

/* Labels without a frame before them: MPLS in GRE (RFC 4023). */
static __always_inline int wt_parse_labels(const struct wt_view *v, bool copied,
					   struct wt_cursor *c)
{
	const __u8 *label;

	if (!wt_at(v, copied, c->off, 1, &label))
		return WT_TRUNCATED_MPLS;
	wt_cursor_init(c, label[0]);
	wt_move_to(c, c->off);
	c->type = WT_BE16(0x8847);
	return wt_parse_mpls(v, copied, c);
}

/* No link header: the IP version says what it is. */
static __always_inline int wt_parse_raw(const struct wt_view *v, bool copied, struct wt_cursor *c)
{
	const __u8 *ip;

	if (!wt_at(v, copied, c->off, 1, &ip))
		return WT_TRUNCATED_IPV4;
	wt_cursor_init(c, ip[0]);
	wt_move_to(c, c->off);
	if (ip[0] >> 4 == 4)
		c->type = WT_BE16(WT_ETH_IPV4);
	else if (ip[0] >> 4 == 6)
		c->type = WT_BE16(WT_ETH_IPV6);
	else
		return WT_BAD_IP_VERSION;
	return WT_REFUSED_NONE;
}

/* ARP, LLDP, IS-IS, …: counted by ethertype; frames with an 802.3 length count as 0. */
static __always_inline int wt_key_not_ip(const struct wt_cursor *c, struct wt_pkt *pkt)
{
	__u16 type = WT_BE16(c->type);

	pkt->key.ethertype = type < WT_ETHERTYPE_MIN ? 0 : type;
	return WT_REFUSED_NONE;
}

#endif
