/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TCP connections: maps, load-time constants, and an entry per live connection. Hooks of any
 * family (tcp_*.bpf.c) call what tcp_event.bpf.h promises; what an entry has gathered goes into
 * the tally's rows by tcp_report.bpf.h.
 */
#ifndef WIRETALLY_TCP_BPF_H
#define WIRETALLY_TCP_BPF_H

#include "kern/abi_signal.h"
#include "kern/bpf.h"
#include "kern/core.bpf.h"
#include "kern/tally.bpf.h"

#include <bpf/bpf_core_read.h>

/*
 * A connection from its SYN to its end. Written under the socket's lock (state changes,
 * retransmits, the sweep), but for the owner's fields and accept_ns of a server, which its accept()
 * alone writes, and connected_ns.
 */
struct conn {
	struct wt_conn row; /* what no row has yet: counters and events since the last report */
	__u64 sk;
	__u64 established_ns;
	__u64 connected_ns; /* when connect() returned, by that alone */
	__u64 bytes_acked; /* of tcp_sock, at the last sample */
	__u64 bytes_received;
	__u32 segments_out;
	__u32 total_retrans; /* of tcp_sock, when the last retransmit was counted */
	__u32 accepted; /* by accept(), once */
	__u32 accept_told;
};

/* The two ends and the namespace of a handshake that has no socket of its own yet. */
struct tuple {
	__u8 local[16];
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 netns;
};

/* A connect() under way in one thread; or (udp) any call that binds that UDP socket. */
struct call {
	__u64 sk; /* the socket that has sent its SYN; 0: none yet */
	__u64 start_ns;
	struct tuple to; /* remote end and namespace; local end is not known */
	__u32 ended; /* the socket was closed, its errno is to come */
	__u32 udp;
};

/* ---- maps; user space sets max_entries before it loads ------------------------------------- */

struct conn_set {
	struct wt_conn way[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct conn_set);
} wt_conn_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_conn);
} wt_conn_lanes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_lane_head);
} wt_conn_heads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_signal_ledger);
} wt_signal_ledgers SEC(".maps"); /* [cpu][epoch][signal] */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_control);
} wt_controls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64); /* address of the struct sock */
	__type(value, struct conn);
} wt_conns SEC(".maps");

/* Ended, but no row could be had (lane full, nested run): the sweep tries again. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64); /* id */
	__type(value, struct conn);
} wt_ended SEC(".maps");

/* Handshakes whose SYN-ACK was resent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct tuple);
	__type(value, struct conn);
} wt_requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64); /* pid_tgid */
	__type(value, struct call);
} wt_calls SEC(".maps");

/* ---- load-time constants ------------------------------------------------------------------- */

const volatile __u32 wt_rows = 1;
const volatile __u64 wt_nh_key[WT_LATENCY_KEY_WORDS] = {}; /* the longest key of ours */
const volatile __u64 wt_nh_mul = 1;
const volatile __u64 wt_id_key[2] = {}; /* secrets of the ids */
const volatile __u32 wt_set_mask = 0;
const volatile __u32 wt_lane_mask = 0;
const volatile bool wt_unswept = false; /* no sweep to be had: report at each event */

static const struct tally conn_table = {
	.table = &wt_conn_table,
	.lanes = &wt_conn_lanes,
	.heads = &wt_conn_heads,
	.record_bytes = sizeof(struct wt_conn),
	.key_words = WT_CONN_KEY_WORDS,
};

/* What a new entry is made from: too large for the stack. */
static const struct conn conn_blank = { .row = { .uid = 0xffffffff } };

/* ---- reading the kernel's memory ----------------------------------------------------------- */

/* The address goes through a variable: within the macro every access would be CO-RE's. */
#define core_read_as(type, address, ...)             \
	({                                           \
		type *as_ = (void *)(long)(address); \
		BPF_CORE_READ(as_, __VA_ARGS__);     \
	})
#define tcp_read(sk, ...) core_read_as(struct tcp_sock, sk, __VA_ARGS__)
#define sock_read(sk, ...) core_read_as(struct sock, sk, __VA_ARGS__)
#define common_read(skc, ...) core_read_as(struct sock_common, skc, __VA_ARGS__)

static __always_inline void map_v4(__u8 *to, __be32 addr)
{
	__u32 *word = (__u32 *)to;

	word[0] = 0;
	word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	word[3] = addr;
}

static __always_inline __u32 netns_of(__u64 sk)
{
	return sock_read(sk, __sk_common.skc_net.net, ns.inum);
}

/* Addresses and the remote port of a socket or a request: all that struct sock_common holds. */
static __always_inline void read_ends(__u64 sk, __u8 *local, __u8 *remote, __u16 *remote_port)
{
	struct sock_common *skc = (void *)(long)sk;

	if (common_read(sk, skc_family) == WT_AF_INET) {
		map_v4(local, common_read(sk, skc_rcv_saddr));
		map_v4(remote, common_read(sk, skc_daddr));
	} else {
		bpf_core_read(local, 16, &skc->skc_v6_rcv_saddr);
		bpf_core_read(remote, 16, &skc->skc_v6_daddr);
	}
	*remote_port = bpf_ntohs(common_read(sk, skc_dport));
}

static __always_inline bool is_tcp(__u64 sk)
{
	__u16 family = sock_read(sk, __sk_common.skc_family);

	return (family == WT_AF_INET || family == WT_AF_INET6) &&
	       sock_read(sk, sk_protocol) == WT_IPPROTO_TCP;
}

#endif
