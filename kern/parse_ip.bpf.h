/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * IPv4, IPv6 and what may stand between them and the transport: the network header's offset in;
 * addresses, protocol, length, fragment mark and the transport header's offset out.
 */
#ifndef WIRETALLY_PARSE_IP_BPF_H
#define WIRETALLY_PARSE_IP_BPF_H

#include "kern/parse_view.bpf.h"

#define WT_PROTO_HOPOPT 0
#define WT_PROTO_ROUTING 43
#define WT_PROTO_FRAGMENT 44
#define WT_PROTO_AH 51
#define WT_PROTO_DSTOPTS 60

#define WT_JUMBO_OPTION 0xc2
#define WT_JUMBO_MIN 65536 /* RFC 2675 section 3: below it is an error */
#define WT_JUMBO_SCAN 4 /* hop-by-hop options that may stand before it */

/* Bits of the IPv6 next headers that have another header behind them. */
#define WT_EXTENSION_BITS                                                                 \
	(1ULL << WT_PROTO_HOPOPT | 1ULL << WT_PROTO_ROUTING | 1ULL << WT_PROTO_FRAGMENT | \
	 1ULL << WT_PROTO_AH | 1ULL << WT_PROTO_DSTOPTS)

static __always_inline void wt_key_ipv4(struct wt_flow_key *key, const __u8 *ip)
{
	wt_u32 *src = (wt_u32 *)key->src, *dst = (wt_u32 *)key->dst;

	*(wt_u64 *)key->src = 0;
	src[2] = WT_MAPPED_IPV4;
	src[3] = *(const wt_u32 *)(ip + 12);
	*(wt_u64 *)key->dst = 0;
	dst[2] = WT_MAPPED_IPV4;
	dst[3] = *(const wt_u32 *)(ip + 16);
}

static __always_inline void wt_key_ipv6(struct wt_flow_key *key, const __u8 *ip)
{
	for (int i = 0; i < 4; i++) {
		((wt_u32 *)key->src)[i] = ((const wt_u32 *)(ip + 8))[i];
		((wt_u32 *)key->dst)[i] = ((const wt_u32 *)(ip + 24))[i];
	}
}

/*
 * One extension header. Its length is computed without a branch: the verifier would follow both
 * ways in each round, 2^8 in all. n = 1 where the question's answer is yes, else 0.
 */
static __always_inline __u64 wt_extension_bytes(__u8 proto, __u8 len)
{
	__u64 not_ah = proto ^ WT_PROTO_AH, not_fragment = proto ^ WT_PROTO_FRAGMENT;
	__u64 is_ah, is_fragment, units;

	WT_OPAQUE(not_ah);
	WT_OPAQUE(not_fragment);
	is_ah = (not_ah - 1) >> 63;
	is_fragment = (not_fragment - 1) >> 63;
	WT_OPAQUE(is_ah);
	WT_OPAQUE(is_fragment);
	units = (len & (is_fragment - 1)) + 1 + is_ah; /* a fragment header's is reserved */
	return units * (8 - 4 * is_ah) & 0xfff;
}

/* RFC 8200 section 4.5. True when what follows is not the packet's beginning. */
static __always_inline bool wt_is_later_fragment(__u8 proto, const __u8 *header)
{
	return proto == WT_PROTO_FRAGMENT && (*(const wt_u16 *)(header + 2) & WT_BE16(0xfff8));
}

/* From c->off, which holds c->proto, to the first header that is none of these, or ends there. */
static __always_inline int wt_parse_extensions(const struct wt_view *v, bool copied, __u64 walk,
					       struct wt_cursor *c, struct wt_pkt *pkt)
{
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < WT_EXTENSION_DEPTH + 1; i++) {
		const __u8 *header;
		__u8 proto = c->proto;

		if (proto > 63 || !(walk >> proto & 1))
			return WT_REFUSED_NONE;
		if (!wt_at_ip(v, copied, c, 8, &header))
			return WT_TRUNCATED_EXTENSION;
		if (i == WT_EXTENSION_DEPTH)
			break;
		c->proto = header[0];
		if (wt_is_later_fragment(proto, header)) {
			pkt->key.mark |= WT_MARK_LATER_FRAGMENT;
			wt_move_to(c, c->off + 8);
			return WT_REFUSED_NONE;
		}
		wt_move_to(c, c->off + wt_extension_bytes(proto, header[1]));
	}
	return WT_TOO_MANY_EXTENSIONS;
}

static __always_inline int wt_parse_ipv4(const struct wt_view *v, bool copied, struct wt_cursor *c,
					 struct wt_pkt *pkt)
{
	const __u8 *ip, *options;
	__u32 header_len, fragment;

	if (!wt_at(v, copied, c->off, 20, &ip))
		return WT_TRUNCATED_IPV4;
	if (ip[0] >> 4 != 4)
		return WT_BAD_IP_VERSION;
	header_len = (ip[0] & 0x0f) * 4;
	if (header_len < 20)
		return WT_BAD_IHL;
	pkt->l3_len = wt_be16(ip + 2); /* 0: TSO and BIG TCP frames, too long for the field */
	if ((__u64)pkt->l3_len - 1 < header_len - 1)
		return WT_BAD_IPV4_LENGTH;
	pkt->key.ethertype = WT_ETH_IPV4;
	wt_key_ipv4(&pkt->key, ip);
	pkt->dscp = ip[1] >> 2;
	pkt->ttl = ip[8];
	fragment = wt_be16(ip + 6) & 0x1fff;
	c->proto = ip[9];
	c->ip_off = c->off;
	c->ip_room = (__u64)pkt->l3_len - 1;
	if (!wt_at(v, copied, c->off + header_len - 1, 1, &options))
		return WT_TRUNCATED_IPV4;
	wt_move_to(c, c->off + header_len);
	if (fragment) {
		pkt->key.mark |= WT_MARK_LATER_FRAGMENT;
		return WT_REFUSED_NONE;
	}
	return wt_parse_extensions(v, copied, 1ULL << WT_PROTO_AH, c, pkt);
}

/*
 * Payload length 0 with hop-by-hop options: the length of a jumbogram is one of them (RFC 2675).
 * Without that option the header says nothing: BIG TCP, or a packet that should not be.
 */
static __always_inline int wt_parse_jumbo(const struct wt_view *v, bool copied, struct wt_cursor *c,
					  struct wt_pkt *pkt)
{
	struct wt_cursor at = *c;
	const __u8 *header, *option;
	__u64 end;

	if (!wt_at(v, copied, c->off, 8, &header))
		return WT_TRUNCATED_EXTENSION;
	end = c->off + ((__u64)header[1] + 1) * 8;
	wt_move_to(&at, c->off + 2);
#ifdef __bpf__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < WT_JUMBO_SCAN && at.off + 6 <= end; i++) {
		if (!wt_at(v, copied, at.off, 6, &option))
			return WT_TRUNCATED_EXTENSION;
		if (option[0] == WT_JUMBO_OPTION) {
			__u32 len = wt_be32(option + 2);

			if (option[1] != 4 || len < WT_JUMBO_MIN)
				return WT_BAD_JUMBOGRAM;
			pkt->l3_len = 40 + len;
			c->ip_room = (__u64)len - 1;
			return WT_REFUSED_NONE;
		}
		wt_move_to(&at, at.off + (option[0] ? 2 + option[1] : 1)); /* 0: Pad1 */
	}
	return WT_REFUSED_NONE;
}

static __always_inline int wt_parse_ipv6(const struct wt_view *v, bool copied, struct wt_cursor *c,
					 struct wt_pkt *pkt)
{
	const __u8 *ip;
	__u32 payload_len;
	int refusal;

	if (!wt_at(v, copied, c->off, 40, &ip))
		return WT_TRUNCATED_IPV6;
	if (ip[0] >> 4 != 6)
		return WT_BAD_IP_VERSION;
	pkt->key.ethertype = WT_ETH_IPV6;
	wt_key_ipv6(&pkt->key, ip);
	pkt->dscp = (wt_be16(ip) >> 6) & 0x3f;
	pkt->ttl = ip[7];
	payload_len = wt_be16(ip + 4);
	pkt->l3_len = payload_len ? 40 + payload_len : 0;
	c->proto = ip[6];
	wt_move_to(c, c->off + 40);
	c->ip_off = c->off;
	c->ip_room = (__u64)payload_len - 1;
	if (!payload_len && c->proto == WT_PROTO_HOPOPT) {
		refusal = wt_parse_jumbo(v, copied, c, pkt);
		if (refusal)
			return refusal;
	}
	return wt_parse_extensions(v, copied, WT_EXTENSION_BITS, c, pkt);
}

#endif
