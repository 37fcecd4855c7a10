/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* What the parser's parts share: the bytes, the result, and reading one from the other. */
#ifndef WIRETALLY_PARSE_VIEW_BPF_H
#define WIRETALLY_PARSE_VIEW_BPF_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "kern/abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif

#define WT_COPY_BYTES 256 /* how far the parser looks */
#define WT_HEADER_MAX 64 /* more than any fixed part of a header that it reads at once */
#define WT_COPY_ROOM (WT_COPY_BYTES + WT_HEADER_MAX) /* size of the map value of a copy */

#define WT_ETH_IPV4 0x0800
#define WT_ETH_IPV6 0x86dd
#define WT_PROTO_TCP 6
#define WT_PROTO_UDP 17

/* Where the bytes are; see parse.bpf.h. */
struct wt_view {
	void *data;
	void *data_end; /* direct mode */
	__u32 copy_len; /* copied mode */
};

/* What the tunnel carries, for wt_parse_inner(). */
enum wt_inner_kind {
	WT_INNER_NONE = 0, /* no tunnel, or a payload that we do not parse (PPP, ERSPAN, …) */
	WT_INNER_ETHERNET,
	WT_INNER_IP,
	WT_INNER_MPLS,
};

struct wt_pkt {
	struct wt_flow_key key;
	__u32 l3_off; /* network header, from the frame's start; not IP: what follows ethertype */
	__u32 l3_len; /* by IP's own header; 0 when it says nothing: not IP, super-packets */
	__u32 payload_off; /* behind the last header: each GSO segment repeats what is before */
	__u32 l2_off; /* inner packets: where the inner frame begins */
	__u32 inner_off; /* what the tunnel carries */
	__u16 tcp_flags;
	__u8 dscp;
	__u8 ttl;
	__u8 inner_kind; /* enum wt_inner_kind */
	__u8 pad[7];
};

/* How far the parser is. */
struct wt_cursor {
	__u64 off;
	__u64 ip_off; /* by IP's own length, ip_room + 1 bytes follow here; 2^64 if it has none */
	__u64 ip_room;
	__u64 zero;
	__u16 type; /* ethertype of what is at off; network order */
	__u8 proto; /* IP protocol of what is at off */
};

/*
 * BPF loads words as they are: the verifier knows whether the machine minds. Byte-wise loads,
 * which clang would make of an aligned(1) type, cost four times as much. User space does not know
 * where its bytes lie.
 */
#ifdef __bpf__
typedef __u16 __attribute__((may_alias)) wt_u16;
typedef __u32 __attribute__((may_alias)) wt_u32;
typedef __u64 __attribute__((may_alias)) wt_u64;
#else
typedef __u16 __attribute__((may_alias, aligned(1))) wt_u16;
typedef __u32 __attribute__((may_alias, aligned(1))) wt_u32;
typedef __u64 __attribute__((may_alias, aligned(1))) wt_u64;
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WT_BE16(x) ((__u16)((((x) & 0xff) << 8) | (((x) >> 8) & 0xff)))
#define WT_BE32(x) __builtin_bswap32(x)
#define WT_MAPPED_IPV4 0xffff0000U /* bytes 8 … 11 of a v4-mapped address */
#else
#define WT_BE16(x) ((__u16)(x))
#define WT_BE32(x) (x)
#define WT_MAPPED_IPV4 0x0000ffffU
#endif

static __always_inline __u32 wt_be16(const __u8 *p)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return __builtin_bswap16(*(const wt_u16 *)p);
#else
	return *(const wt_u16 *)p;
#endif
}

static __always_inline __u32 wt_be32(const __u8 *p)
{
	return WT_BE32(*(const wt_u32 *)p);
}

/* Keeps clang from using a value that it computed before the check the verifier wants to see. */
#define WT_OPAQUE(x) __asm__ volatile("" : "+r"(x))

/*
 * True, and *ret, when there are need bytes at off. The mask is for the verifier: kernels before
 * 5.16 forget what the comparison said when clang keeps the offset on the stack, so a copy must
 * have room for WT_HEADER_MAX bytes at any masked offset.
 */
static __always_inline bool wt_at(const struct wt_view *v, bool copied, __u64 off, __u64 need,
				  const __u8 **ret)
{
	const __u8 *p = v->data;

	if (off > WT_COPY_BYTES - need)
		return false;
	if (copied && off + need > v->copy_len)
		return false;
	WT_OPAQUE(off);
	p += off & (WT_COPY_BYTES - 1);
	if (!copied) {
		WT_OPAQUE(p);
		if (p + need > (const __u8 *)v->data_end)
			return false;
	}
	*ret = p;
	return true;
}

/*
 * The verifier walks a path again for every offset that it knows to be different: the number of
 * VLAN tags times that of labels times that of extension headers, a million instructions. So it
 * is made to forget: c->zero is 0, but all it knows is a number below WT_COPY_BYTES. An offset
 * beyond becomes the last byte, where no header fits.
 */
static __always_inline void wt_cursor_init(struct wt_cursor *c, __u64 byte)
{
	__u64 next = byte + 1, even;

	WT_OPAQUE(next); /* n(n + 1) is even, which now neither clang nor the verifier knows */
	even = byte * next & 1;
	WT_OPAQUE(even);
	c->zero = even * (WT_COPY_BYTES - 1);
}

static __always_inline void wt_move_to(struct wt_cursor *c, __u64 off)
{
	if (off > WT_COPY_BYTES - 1)
		off = WT_COPY_BYTES - 1;
	c->off = (off + c->zero) & (WT_COPY_BYTES - 1);
}

/* Like wt_at(c->off), but by IP's own length it must also be inside of the packet. */
static __always_inline bool wt_at_ip(const struct wt_view *v, bool copied,
				     const struct wt_cursor *c, __u64 need, const __u8 **ret)
{
	if (c->off - c->ip_off + need - 1 > c->ip_room)
		return false;
	return wt_at(v, copied, c->off, need, ret);
}

#endif
