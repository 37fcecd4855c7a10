/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A freed skb in, what its packet was out. Nothing here may fault or be believed too easily: an
 * skb can be freed with headers not yet written, already pulled off, or in a queue that uses its
 * fields for other things.
 */
#ifndef WIRETALLY_DROP_PACKET_BPF_H
#define WIRETALLY_DROP_PACKET_BPF_H

#include "kern/abi_signal.h"
#include "kern/bpf.h"
#include "kern/core_skb.bpf.h"

#include <bpf/bpf_core_read.h>
#include <linux/if_ether.h>
#include <linux/in.h>

#define DROP_EXT_HEADERS_MAX 6
#define PROTO_ICMPV6 58 /* linux/in.h has it not */
#define DROP_NO_HEADER 0xffff /* network_header that was never set */

#define IPV6_HOP 0
#define IPV6_ROUTING 43
#define IPV6_FRAGMENT 44
#define IPV6_AUTH 51
#define IPV6_OPTIONS 60

/*
 * A tracepoint's skb is a typed pointer: its fields, and what they point to, are plain loads that
 * cannot fault. Elsewhere each is a helper's call, and a drop has twenty of them.
 */
#ifdef DROP_TYPED_SKB
#define kernel_read(p, field) ((p)->field)
#define kernel_follow(p, pointer, field) ((p)->pointer->field)
#else
#define kernel_read(p, field) BPF_CORE_READ(p, field)
#define kernel_follow(p, pointer, field) BPF_CORE_READ(p, pointer, field)
#endif
#define skb_read(skb, field) kernel_read((struct sk_buff *)(skb), field)

struct ip4 {
	__u8 version_ihl;
	__u8 tos;
	__be16 total;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 proto;
	__be16 check;
	__be32 src;
	__be32 dst;
};

struct ip6 {
	__be32 version_class_label;
	__be16 payload;
	__u8 next;
	__u8 hops;
	__u8 src[16];
	__u8 dst[16];
};

/* The linear part from the network header on. */
struct drop_view {
	__u64 at;
	__u32 left;
};

static __always_inline bool view_read(struct drop_view *v, void *to, __u32 bytes, __u32 skip)
{
	if (v->left < bytes || v->left < skip ||
	    bpf_probe_read_kernel(to, bytes, (void *)(long)v->at))
		return false;
	v->at += skip;
	v->left -= skip;
	return true;
}

/* Ports, or ICMP's type and code as in flow keys. */
static __always_inline void read_ports(struct drop_view *v, struct wt_drop *d)
{
	__be16 ports[2];
	__u8 type_code[2];

	switch (d->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (!view_read(v, ports, sizeof(ports), 0))
			return;
		d->src_port = bpf_ntohs(ports[0]);
		d->dst_port = bpf_ntohs(ports[1]);
		break;
	case IPPROTO_ICMP:
	case PROTO_ICMPV6:
		if (!view_read(v, type_code, sizeof(type_code), 0))
			return;
		d->src_port = type_code[0];
		d->dst_port = type_code[1];
		break;
	default:
		break;
	}
}

static __always_inline void map_v4(__u8 *to, __be32 addr)
{
	__u32 *word = (__u32 *)to;

	word[2] = bpf_htonl(0xffff);
	word[3] = addr;
}

static __always_inline void read_ip4(struct drop_view *v, struct wt_drop *d)
{
	struct ip4 ip;
	__u32 ihl;

	if (!view_read(v, &ip, sizeof(ip), 0))
		return;
	ihl = (ip.version_ihl & 15) * 4;
	if (ip.version_ihl >> 4 != 4 || ihl < sizeof(ip) || bpf_ntohs(ip.total) < ihl)
		return;
	map_v4(d->src, ip.src);
	map_v4(d->dst, ip.dst);
	d->proto = ip.proto;
	if (v->left < ihl || ip.fragment & bpf_htons(0x1fff))
		return;
	v->at += ihl;
	v->left -= ihl;
	read_ports(v, d);
}

/* True when behind the extension header lies another header, not data. */
static __always_inline bool skip_extension(struct drop_view *v, __u8 *next)
{
	__u8 kind = *next, head[4];
	__u32 bytes;

	if (kind != IPV6_HOP && kind != IPV6_ROUTING && kind != IPV6_OPTIONS &&
	    kind != IPV6_FRAGMENT && kind != IPV6_AUTH)
		return false;
	if (!view_read(v, head, sizeof(head), 0))
		return false;
	*next = head[0];
	bytes = kind == IPV6_FRAGMENT ? 8
		: kind == IPV6_AUTH   ? (head[1] + 2) * 4
				      : (head[1] + 1) * 8;
	if (v->left < bytes)
		return false;
	v->at += bytes;
	v->left -= bytes;
	/* A later fragment has no ports. */
	return kind != IPV6_FRAGMENT || (!head[2] && !(head[3] & 0xf8));
}

static __always_inline bool is_extension(__u8 next)
{
	return next == IPV6_HOP || next == IPV6_ROUTING || next == IPV6_OPTIONS ||
	       next == IPV6_FRAGMENT || next == IPV6_AUTH;
}

static __always_inline void read_ip6(struct drop_view *v, struct wt_drop *d)
{
	bool is_whole = true;
	struct ip6 ip;
	__u8 next;

	if (!view_read(v, &ip, sizeof(ip), sizeof(ip)) ||
	    (bpf_ntohl(ip.version_class_label) >> 28) != 6)
		return;
	__builtin_memcpy(d->src, ip.src, 16);
	__builtin_memcpy(d->dst, ip.dst, 16);
	next = ip.next;
	for (int i = 0; i < DROP_EXT_HEADERS_MAX && is_whole && is_extension(next); i++)
		is_whole = skip_extension(v, &next);
	d->proto = next;
	if (is_whole && !is_extension(next))
		read_ports(v, d);
}

static __always_inline void drop_read_tuple(__u64 skb, struct wt_drop *d)
{
	__u32 offset = skb_read(skb, network_header), tail = skb_read(skb, tail);
	struct drop_view v;

	d->ethertype = bpf_ntohs(skb_read(skb, protocol));
	if (!offset || offset == DROP_NO_HEADER || offset >= tail || tail > skb_read(skb, end))
		return;
	v.at = (__u64)(long)skb_read(skb, head) + offset;
	v.left = tail - offset;
	if (d->ethertype == ETH_P_IP)
		read_ip4(&v, d);
	else if (d->ethertype == ETH_P_IPV6)
		read_ip6(&v, d);
}

/*
 * skb_iif is where it came in. dev is another field once a socket or a reassembly queue holds the
 * skb: it is believed without a socket only, and beside skb_iif only if both agree.
 */
static __always_inline void drop_read_place(__u64 skb, struct wt_drop *d)
{
	struct net_device *dev = skb_read(skb, dev);
	struct sock *sk = skb_read(skb, sk);
	__u32 dev_index;

	d->ifindex = skb_read(skb, skb_iif);
	if (sk) {
		d->netns = kernel_follow(sk, __sk_common.skc_net.net, ns.inum);
		return;
	}
	dev_index = dev ? kernel_read(dev, ifindex) : 0;
	if (!d->ifindex)
		d->ifindex = dev_index;
	if (dev_index && dev_index == d->ifindex)
		d->netns = kernel_follow(dev, nd_net.net, ns.inum);
}

/* Netlink and Unix sockets use skbs too: those are no packets. */
static __always_inline bool drop_is_packet(__u64 skb)
{
	struct sock *sk = skb_read(skb, sk);
	__u16 family = sk ? kernel_read(sk, __sk_common.skc_family) : 0;

	return skb_read(skb, skb_iif) || skb_read(skb, protocol) || family == WT_AF_INET ||
	       family == WT_AF_INET6;
}

static __always_inline __u32 drop_segments(__u64 skb)
{
	struct skb_shared_info *shared =
		(void *)((__u64)(long)skb_read(skb, head) + skb_read(skb, end));
	__u32 segments = BPF_CORE_READ(shared, gso_segs);

	return segments ? segments : 1;
}

#endif
