/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What IP carries: the transport header's offset in; ports, flags, tunnel and the payload's
 * offset out. A protocol without ports is parsed as far as its number.
 */
#ifndef WIRETALLY_PARSE_TRANSPORT_BPF_H
#define WIRETALLY_PARSE_TRANSPORT_BPF_H

#include "kern/parse_ip.bpf.h"
#include "kern/parse_view.bpf.h"

#define WT_PROTO_ICMP 1
#define WT_PROTO_IPIP 4
#define WT_PROTO_IPV6 41
#define WT_PROTO_GRE 47
#define WT_PROTO_ICMPV6 58
#define WT_PROTO_SCTP 132
#define WT_PROTO_UDPLITE 136

#define WT_PORT_VXLAN 4789
#define WT_PORT_VXLAN_LINUX 8472 /* before IANA's, and flannel's to this day */
#define WT_PORT_GENEVE 6081

#define WT_GRE_CHECKSUM 0x8000
#define WT_GRE_ROUTING 0x4000 /* RFC 1701; deprecated, and its length is not in the header */
#define WT_GRE_KEY 0x2000
#define WT_GRE_SEQUENCE 0x1000
#define WT_GRE_VERSION 0x0007

static __always_inline bool wt_is_tunnel_port(__u16 port)
{
	return port == WT_BE16(WT_PORT_VXLAN) || port == WT_BE16(WT_PORT_VXLAN_LINUX) ||
	       port == WT_BE16(WT_PORT_GENEVE);
}

static __always_inline void wt_mark_tunnel(struct wt_pkt *pkt, __u32 tunnel, __u32 id,
					   __u32 inner_kind, __u64 inner_off)
{
	pkt->key.mark |= tunnel << WT_MARK_TUNNEL_SHIFT;
	pkt->key.tunnel_id = id;
	pkt->inner_kind = inner_kind;
	pkt->inner_off = inner_off;
}

static __always_inline __u32 wt_inner_kind_of(__u32 ethertype)
{
	switch (ethertype) {
	case WT_ETH_IPV4:
	case WT_ETH_IPV6:
		return WT_INNER_IP;
	case 0x6558: /* transparent Ethernet bridging */
		return WT_INNER_ETHERNET;
	case 0x8847:
	case 0x8848:
		return WT_INNER_MPLS;
	}
	return WT_INNER_NONE;
}

static __always_inline void wt_key_ports(struct wt_pkt *pkt, const __u8 *header)
{
	pkt->key.src_port = wt_be16(header);
	pkt->key.dst_port = wt_be16(header + 2);
}

static __always_inline int wt_parse_tcp(const struct wt_view *v, bool copied,
					const struct wt_cursor *c, struct wt_pkt *pkt)
{
	const __u8 *tcp;

	if (!wt_at_ip(v, copied, c, 20, &tcp))
		return WT_TRUNCATED_TCP;
	if (tcp[12] >> 4 < 5)
		return WT_BAD_TCP_OFFSET;
	wt_key_ports(pkt, tcp);
	pkt->tcp_flags = wt_be16(tcp + 12) & 0x0fff;
	pkt->payload_off = c->off + (tcp[12] >> 4) * 4;
	return WT_REFUSED_NONE;
}

/* VXLAN's and Geneve's 8 bytes are alike enough: both have the VNI in bytes 4 … 6. */
static __always_inline void wt_key_vni(struct wt_pkt *pkt, const __u8 *header, __u64 off)
{
	__u32 vni = wt_be32(header + 4) >> 8;

	if (pkt->key.dst_port != WT_PORT_GENEVE) {
		if (header[0] & 0x08) /* RFC 7348: the VNI is valid */
			wt_mark_tunnel(pkt, WT_TUNNEL_VXLAN, vni, WT_INNER_ETHERNET, off + 8);
	} else if (header[0] >> 6 == 0) {
		wt_mark_tunnel(pkt, WT_TUNNEL_GENEVE, vni, wt_inner_kind_of(wt_be16(header + 2)),
			       off + 8 + (header[0] & 0x3f) * 4);
	}
}

/*
 * The port is only a hint: a datagram without room for the header, or without the bits that every
 * such header has, is plain UDP. One that has the room, but not the bytes, is truncated.
 */
static __always_inline int wt_parse_udp_tunnel(const struct wt_view *v, bool copied,
					       const struct wt_cursor *c, __u32 udp_len,
					       struct wt_pkt *pkt)
{
	const __u8 *udp;

	if (udp_len && udp_len < 8 + 8)
		return WT_REFUSED_NONE;
	if (!wt_at_ip(v, copied, c, 8 + 8, &udp))
		return pkt->key.dst_port == WT_PORT_GENEVE ? WT_TRUNCATED_GENEVE
							   : WT_TRUNCATED_VXLAN;
	wt_key_vni(pkt, udp + 8, c->off + 8);
	return WT_REFUSED_NONE;
}

static __always_inline int wt_parse_udp(const struct wt_view *v, bool copied, bool is_inner,
					const struct wt_cursor *c, struct wt_pkt *pkt)
{
	const __u8 *udp;

	if (!wt_at_ip(v, copied, c, 8, &udp))
		return WT_TRUNCATED_UDP;
	wt_key_ports(pkt, udp);
	pkt->payload_off = c->off + 8;
	if (is_inner || c->proto != WT_PROTO_UDP || !wt_is_tunnel_port(*(const wt_u16 *)(udp + 2)))
		return WT_REFUSED_NONE;
	return wt_parse_udp_tunnel(v, copied, c, wt_be16(udp + 4), pkt);
}

static __always_inline int wt_parse_icmp(const struct wt_view *v, bool copied,
					 const struct wt_cursor *c, struct wt_pkt *pkt)
{
	const __u8 *icmp;

	if (!wt_at_ip(v, copied, c, 4, &icmp))
		return WT_TRUNCATED_ICMP;
	pkt->key.src_port = icmp[0];
	pkt->key.dst_port = icmp[1];
	pkt->payload_off = c->off + 4;
	return WT_REFUSED_NONE;
}

static __always_inline int wt_parse_sctp(const struct wt_view *v, bool copied,
					 const struct wt_cursor *c, struct wt_pkt *pkt)
{
	const __u8 *sctp;

	if (!wt_at_ip(v, copied, c, 12, &sctp))
		return WT_TRUNCATED_SCTP;
	wt_key_ports(pkt, sctp);
	pkt->payload_off = c->off + 12;
	return WT_REFUSED_NONE;
}

/*
 * RFC 2784 and 2890; version 1 is PPTP's (RFC 2637), where the key holds the payload's length and
 * the call id. Each optional field has 4 bytes: branch-free, or the verifier walks on 8 times.
 */
static __always_inline int wt_parse_gre(const struct wt_view *v, bool copied, struct wt_cursor *c,
					struct wt_pkt *pkt)
{
	__u32 flags, key = 0, kind = WT_INNER_NONE;
	const __u8 *gre;

	if (!wt_at_ip(v, copied, c, 4, &gre))
		return WT_TRUNCATED_GRE;
	flags = wt_be16(gre);
	if (!(flags & (WT_GRE_ROUTING | WT_GRE_VERSION)))
		kind = wt_inner_kind_of(wt_be16(gre + 2));
	wt_move_to(c, c->off + 4 + (flags >> 15) * 4);
	if ((flags & WT_GRE_KEY) && (flags & WT_GRE_VERSION) <= 1) {
		if (!wt_at_ip(v, copied, c, 4, &gre))
			return WT_TRUNCATED_GRE;
		key = wt_be32(gre);
		if (flags & WT_GRE_VERSION)
			key &= 0xffff;
	}
	wt_move_to(c, c->off + (flags >> 13 & 1) * 4 + (flags >> 12 & 1) * 4);
	pkt->payload_off = c->off;
	wt_mark_tunnel(pkt, WT_TUNNEL_GRE, key, kind, c->off);
	return WT_REFUSED_NONE;
}

static __always_inline int wt_parse_transport(const struct wt_view *v, bool copied, bool is_inner,
					      struct wt_cursor *c, struct wt_pkt *pkt)
{
	switch (c->proto) {
	case WT_PROTO_TCP:
		return wt_parse_tcp(v, copied, c, pkt);
	case WT_PROTO_UDP:
	case WT_PROTO_UDPLITE:
		return wt_parse_udp(v, copied, is_inner, c, pkt);
	case WT_PROTO_ICMP:
	case WT_PROTO_ICMPV6:
		return wt_parse_icmp(v, copied, c, pkt);
	case WT_PROTO_SCTP:
		return wt_parse_sctp(v, copied, c, pkt);
	}
	if (is_inner) /* tunnels in tunnels: the inner one is counted as what it is on its IP */
		return WT_REFUSED_NONE;
	switch (c->proto) {
	case WT_PROTO_GRE:
		return wt_parse_gre(v, copied, c, pkt);
	case WT_PROTO_IPIP:
		wt_mark_tunnel(pkt, WT_TUNNEL_IPIP, 0, WT_INNER_IP, c->off);
		break;
	case WT_PROTO_IPV6:
		wt_mark_tunnel(pkt, WT_TUNNEL_6IN4, 0, WT_INNER_IP, c->off);
		break;
	}
	return WT_REFUSED_NONE;
}

#endif
