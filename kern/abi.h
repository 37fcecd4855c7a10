/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * What the BPF programs and user space share: keys, values, ledger, configuration.
 *
 * Everything here lives in mmapped maps and, when pinned, outlives the process that made it, so a
 * change of any layout or meaning is a new WT_ABI_VERSION: tables pinned by another version are
 * not adopted. Integers are in host order unless typed __be*. Octets are bytes.
 */
#ifndef WIRETALLY_ABI_H
#define WIRETALLY_ABI_H

#include <linux/types.h>

#define WT_ABI_VERSION 3

/* How a watched interface frames its packets (ARPHRD_* decides, user space fills it in). */
enum wt_link {
	WT_LINK_ETHERNET = 0,
	WT_LINK_RAW_IP = 1, /* tun, wireguard, ppp: the packet starts with its IP header */
	WT_LINK_MAX,
};

/*
 * struct wt_flow_key.mark: what distinguishes two observations of the same addresses.
 * A packet is seen once per watched interface and direction; exactly one of these observations is
 * WT_MARK_COUNTED (docs/ledger.md, "Counted once").
 */
#define WT_MARK_EGRESS 0x01
#define WT_MARK_COUNTED 0x02
#define WT_MARK_LATER_FRAGMENT 0x04 /* no ports: the first fragment had them */
#define WT_MARK_INNER 0x08 /* the packet inside a tunnel, a second observation (--inner) */
#define WT_MARK_TUNNEL_SHIFT 4 /* high nibble: enum wt_tunnel */
#define WT_MARK_TUNNEL_MASK 0xf0

/* With WT_MARK_INNER: what the inner packet was carried in. Without: what the packet carries. */
enum wt_tunnel {
	WT_TUNNEL_NONE = 0,
	WT_TUNNEL_GRE, /* RFC 2784/2890; tunnel_id = key, or 0 */
	WT_TUNNEL_IPIP, /* IPv4 in IP, protocol 4 */
	WT_TUNNEL_6IN4, /* IPv6 in IP, protocol 41 */
	WT_TUNNEL_VXLAN, /* RFC 7348; tunnel_id = VNI */
	WT_TUNNEL_GENEVE, /* RFC 8926; tunnel_id = VNI */
	WT_TUNNEL_MAX,
};

#define WT_VLAN_PRESENT 0x1000 /* vlan fields: 0 = untagged, else this bit | 12-bit VLAN id */

/*
 * IPv4 addresses are v4-mapped IPv6 (RFC 4291 section 2.5.5.2), so there is one key. For frames
 * that are not IP, addresses and ports are zero and ethertype tells what they are (802.3 frames
 * with a length field: ethertype = 0). ICMP and ICMPv6: src_port = type, dst_port = code.
 */
struct wt_flow_key {
	__u8 src[16];
	__u8 dst[16];
	__u32 ifindex;
	__u32 netns; /* inode number of the network namespace */
	__u16 src_port;
	__u16 dst_port;
	__u16 ethertype; /* of the innermost frame layer parsed: 0x0800, 0x86dd, 0x0806, … */
	__u8 proto; /* IP protocol; the last one reached after IPv6 extension headers */
	__u8 mark; /* WT_MARK_* */
	__u16 vlan_outer;
	__u16 vlan_inner;
	__u32 tunnel_id;
};
#define WT_KEY_WORDS 7 /* u64 words of the key: the hash and the compare walk them */

/* One row of the flow tally, one entry of a spill lane: two cache lines. */
struct wt_flow {
	struct wt_flow_key key; /* 56 */
	__u64 packets; /* on the wire: a GSO/GRO super-packet counts its segments; 0 = free */
	__u64 l2_bytes; /* frames without FCS and preamble, VLAN tags included */
	__u64 l3_bytes; /* from the network header on; non-IP: the frame's payload */
	__u64 first_ns; /* CLOCK_MONOTONIC, coarse */
	__u64 last_ns;
	__u32 hash;
	__u32 sampling; /* 1 of N packets was taken; 1 = all */
	__u16 tcp_flags; /* OR of all seen: 12 bits, NS…FIN as in RFC 9293 plus AE/NS (bit 8) */
	__u8 dscp; /* of the first packet */
	__u8 ttl_min; /* TTL or hop limit */
	__u8 ttl_max;
	__u8 epoch; /* which half it was tallied in: 0 or 1 */
	__u8 pad[18];
};

/*
 * Which flows the two ways of a set hold, apart from the rows: a packet that neither can be of is
 * known by one word that is in the cache. Some bits of the key's hash, never 0; 0 = free.
 */
struct wt_tags {
	__u32 way[2];
};

/* What a packet folds into when it gets no row of its own: totals stay exact. */
enum wt_fold_class {
	WT_FOLD_TCP = 0,
	WT_FOLD_UDP,
	WT_FOLD_ICMP, /* and ICMPv6 */
	WT_FOLD_OTHER_IP,
	WT_FOLD_NOT_IP,
	WT_FOLD_CLASSES,
};

struct wt_fold {
	__u64 packets;
	__u64 l2_bytes;
	__u64 l3_bytes;
	__u64 first_ns;
	__u64 last_ns;
};

/* Why a packet could not be parsed. Names for people: wt_refusal_name(), kern/refusal.h. */
enum wt_refusal {
	WT_REFUSED_NONE = 0, /* parsed */
	WT_TRUNCATED_ETHERNET,
	WT_TRUNCATED_VLAN,
	WT_TOO_MANY_VLANS, /* more than WT_VLAN_DEPTH tags */
	WT_TRUNCATED_MPLS,
	WT_TOO_MANY_MPLS, /* no bottom of stack within WT_MPLS_DEPTH labels */
	WT_TRUNCATED_IPV4,
	WT_BAD_IP_VERSION,
	WT_BAD_IHL,
	WT_BAD_IPV4_LENGTH, /* total length below the header's */
	WT_TRUNCATED_IPV6,
	WT_TRUNCATED_EXTENSION,
	WT_TOO_MANY_EXTENSIONS, /* more than WT_EXTENSION_DEPTH */
	WT_BAD_JUMBOGRAM,
	WT_TRUNCATED_TCP,
	WT_BAD_TCP_OFFSET,
	WT_TRUNCATED_UDP,
	WT_TRUNCATED_SCTP,
	WT_TRUNCATED_ICMP,
	WT_TRUNCATED_GRE,
	WT_TRUNCATED_VXLAN,
	WT_TRUNCATED_GENEVE,
	WT_UNREADABLE, /* the helper that copies non-linear headers failed */
	WT_REFUSALS,
};

#define WT_VLAN_DEPTH 4
#define WT_MPLS_DEPTH 8
#define WT_EXTENSION_DEPTH 8

struct wt_count {
	__u64 packets;
	__u64 l2_bytes;
};

/* Directions of an observation point: ingress, egress, and the same for inner packets. */
enum wt_point {
	WT_POINT_INGRESS = 0,
	WT_POINT_EGRESS,
	WT_POINT_INNER_INGRESS,
	WT_POINT_INNER_EGRESS,
	WT_POINTS,
};

/*
 * The ledger of one CPU, epoch, interface slot and point. Per interval and point:
 *   seen = recorded + folded + unparsed + filtered + sampled_out + missed_nested
 * where `recorded` is not here: it is the sum of the rows harvested.
 */
struct wt_ledger {
	struct wt_count seen;
	struct wt_count filtered;
	struct wt_count sampled_out;
	/* Why packets were folded; the two add up to fold[][]. */
	struct wt_count fold_lane_full;
	struct wt_count fold_no_row;
	struct wt_count refused[WT_REFUSALS];
	struct wt_fold fold[2][WT_FOLD_CLASSES]; /* [counted][class] */
	/*
	 * Packets of runs that interrupted another run on this CPU (tracing hooks, PREEMPT_RT):
	 * added atomically, and only here: user space adds them to seen and to folded.
	 */
	struct wt_fold nested[2]; /* [counted]; first_ns and last_ns unused */
	__u64 pad[4];
};

/* A spill lane: one producer (the CPU), one consumer. Indices run free; slot = index & mask. */
struct wt_lane_head {
	__u64 head; /* written by the CPU, released by one atomic add */
	__u64 busy; /* a run is inside this CPU's rows (only where runs can nest) */
	__u64 pad0[6];
	__u64 tail; /* written by user space */
	__u64 pad1[7];
};

/* Interfaces by ifindex: open addressing, written by user space only. */
#define WT_IF_BUCKETS 4096
#define WT_IF_PROBES 8
#define WT_IF_FILTER 0x01 /* look addresses up in the CIDR lists */
#define WT_IF_ALLOWLIST 0x02 /* what no list names is filtered (else it passes) */
#define WT_IF_UNCOUNTED_IN 0x04 /* ingress here was counted elsewhere: loopback, bridges, VLANs */
#define WT_IF_UNCOUNTED_OUT 0x08 /* egress here is counted on the device below */

struct wt_if {
	__u32 ifindex; /* 0 = free */
	__u16 slot; /* row of the ledger */
	__u8 link; /* enum wt_link */
	__u8 flags; /* WT_IF_* */
	__u32 sampling; /* 1 of N; 0 and 1 = all */
	__u32 watched; /* WT_WATCH_* : which directions have our hook */
};
#define WT_WATCH_INGRESS 0x01
#define WT_WATCH_EGRESS 0x02

/* CIDR lists: longest prefix wins, per interface slot. Value: WT_CIDR_*. */
struct wt_cidr_key {
	__u32 prefixlen; /* 32 + bits of the v4-mapped address */
	__u32 slot;
	__u8 addr[16];
};
#define WT_CIDR_ALLOW 1
#define WT_CIDR_DENY 2
#define WT_CIDR_MAX 65536 /* entries over all interfaces */

/* The one word user space flips. A page of its own. */
struct wt_control {
	__u32 epoch; /* 0 or 1: the half the programs write to */
	__u32 pad[15];
};

_Static_assert(sizeof(struct wt_flow_key) == 8 * WT_KEY_WORDS, "key is hashed as u64 words");
_Static_assert(sizeof(struct wt_flow) == 128, "a row is two cache lines");
_Static_assert(sizeof(struct wt_tags) == 8, "eight sets are a cache line");
_Static_assert(sizeof(struct wt_fold) == 40, "wt_fold has no holes");
_Static_assert(sizeof(struct wt_ledger) % 64 == 0, "rows do not share cache lines");
_Static_assert(sizeof(struct wt_lane_head) == 128, "head and tail on lines of their own");
_Static_assert(sizeof(struct wt_if) == 16, "wt_if has no holes");
_Static_assert(sizeof(struct wt_cidr_key) == 24, "LPM key has no holes");
_Static_assert(sizeof(struct wt_control) == 64, "one line");

#endif
