/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/*
 * TCP connections and drops: what the tracing programs and user space share. Rows of two more
 * tallies (tally.bpf.h), on the flow tally's epochs. As with abi.h, a change is a new ABI version.
 */
#ifndef WIRETALLY_ABI_SIGNAL_H
#define WIRETALLY_ABI_SIGNAL_H

#include <linux/types.h>

enum wt_conn_role {
	WT_ROLE_UNKNOWN = 0, /* older than the agent: found by the sweep or by a retransmit */
	WT_ROLE_CLIENT,
	WT_ROLE_SERVER,
};

/* Who ended a connection, and how. */
enum wt_conn_end {
	WT_END_OPEN = 0, /* it lives */
	WT_END_LOCAL_FIN, /* this side closed first */
	WT_END_REMOTE_FIN,
	WT_END_RST_SENT, /* closed with data unread, or with linger 0 */
	WT_END_RST_RECEIVED,
	WT_END_TIMEOUT,
	WT_END_FAILED, /* never established: wt_conn.error says why; 0: the application gave up */
	WT_ENDS,
};

/* struct wt_conn.happened: what this row reports; ORed when rows are merged. */
#define WT_CONN_STARTED 0x01 /* SYN sent, or connect() failed before one */
#define WT_CONN_ESTABLISHED 0x02
#define WT_CONN_ACCEPTED 0x04
#define WT_CONN_ENDED 0x08 /* end, error and end_ns are set */
#define WT_CONN_SAMPLED 0x10 /* gauges (srtt_us …) are set */
#define WT_CONN_SYN_RESENT 0x20 /* SYN or SYN-ACK; connect_ns holds that wait too */

/*
 * A UDP socket has a row of this kind as well, for its owner: it starts when it gets its port and
 * ends when it gives it back. remote_port 0: it is not connected; local all zeros (as IPv6), or
 * 0.0.0.0: it takes every address; state 1: IPv6 alone. It has no counters and no gauges.
 */

/*
 * One connection over one interval, as far as one CPU saw it: counters are what was added in the
 * interval, gauges the last known (0: unknown), times CLOCK_MONOTONIC. Rows of one id are merged
 * by adding counters, ORing happened, taking the gauges of the later last_ns.
 */
struct wt_conn {
	__u64 id; /* keyed hash of the socket and its start: unique on this host while it runs */
	__u64 events; /* state changes, retransmits, samples reported here; 0 = free row */
	__u8 local[16]; /* v4-mapped as in struct wt_flow_key */
	__u8 remote[16];
	__u16 local_port;
	__u16 remote_port;
	__u32 netns;
	__u8 role; /* enum wt_conn_role */
	__u8 end; /* enum wt_conn_end */
	__u8 state; /* TCP_ESTABLISHED … at last_ns */
	__u8 epoch;
	__u16 happened;
	__u16 error; /* errno, 0 = none */
	__u64 start_ns; /* client: first SYN; server: last ACK of the handshake */
	__u64 last_ns;
	__u64 connect_ns; /* client: SYN to established; server: a round trip; 0 unknown */
	__u64 accept_ns; /* server: established to accept() */
	__u64 end_ns;
	__u64 bytes_acked; /* added in the interval */
	__u64 bytes_received;
	__u64 retransmit_bytes;
	__u64 pacing_rate; /* octets/s, gauges from here */
	__u64 delivery_rate;
	__u64 cgroup; /* id; 0 unknown */
	__u32 segments_out; /* added in the interval */
	__u32 retransmits; /* segments, all kinds: RetransSegs without TCPRetransFail */
	__u32 retransmits_rto; /* after a timeout */
	__u32 retransmits_fast; /* in recovery */
	__u32 retransmits_syn; /* SYNs; SYN-ACKs in retransmits_synack */
	__u32 retransmits_synack;
	__u32 srtt_us; /* gauges */
	__u32 rttvar_us;
	__u32 min_rtt_us;
	__u32 cwnd; /* segments */
	__u32 reordering;
	__u32 lost;
	__u32 unacked;
	__u32 pid; /* thread group id; 0 unknown */
	__u32 uid; /* 0xffffffff unknown */
	__u8 protocol; /* IPPROTO_UDP: a UDP socket, see below; 0: TCP */
	__u8 pad0[3];
	char comm[16]; /* "" unknown */
	__u64 pad[3];
};
#define WT_CONN_KEY_WORDS 1

enum wt_drop_class {
	WT_DROP_LOST = 0, /* a packet that somebody will miss */
	WT_DROP_PURGED, /* freed with its socket or queue at close */
};

/* One row of the drop tally. Addresses are zero where the offsets did not hold ("no tuple"). */
struct wt_drop {
	__u8 src[16];
	__u8 dst[16];
	__u32 ifindex; /* skb_iif, else dev where no socket owns the skb; 0 unknown */
	__u32 netns; /* 0 unknown */
	__u16 src_port;
	__u16 dst_port;
	__u16 ethertype;
	__u8 proto;
	__u8 class; /* enum wt_drop_class */
	__u64 location; /* kernel address of the dropping instruction */
	__u32 reason; /* the running kernel's enum skb_drop_reason; 0: this kernel has none */
	__u32 pad0;
	/* 64 */
	__u64 packets; /* on the wire; 0 = free row */
	__u64 bytes; /* skb->len */
	__u64 first_ns;
	__u64 last_ns;
	__u8 epoch;
	__u8 pad[31];
};
#define WT_DROP_KEY_WORDS 8

enum wt_latency_kind {
	WT_LATENCY_CONNECT = 0, /* client: SYN to established */
	WT_LATENCY_RTT, /* smoothed, once per connection and interval, and at its end */
	WT_LATENCY_KINDS,
};

/*
 * One row of the latency tally: a log2 histogram per far end and service. Bucket i counts what
 * took at most 2^(WT_LATENCY_SHIFT + i) ns and more than half of that; the last one all longer.
 */
#define WT_LATENCY_BUCKETS 32
#define WT_LATENCY_SHIFT 10
struct wt_latency {
	__u8 remote[16];
	__u32 netns;
	__u16 port; /* the service's: remote of a client, local of a server, else the lower one */
	__u8 kind; /* enum wt_latency_kind */
	__u8 role; /* enum wt_conn_role */
	/* 24 */
	__u64 count; /* 0 = free row */
	__u64 sum_ns;
	__u64 first_ns;
	__u64 last_ns;
	__u8 epoch;
	__u8 pad[7];
	__u32 buckets[WT_LATENCY_BUCKETS];
};
#define WT_LATENCY_KEY_WORDS 3

/* The points of the ledger that are not interfaces: struct wt_signal_ledger, wire points 16 + n. */
enum wt_signal {
	WT_SIGNAL_TCP = 0, /* counts events */
	WT_SIGNAL_DROPS, /* counts packets and bytes */
	WT_SIGNAL_LATENCIES, /* counts samples */
	WT_SIGNALS,
};
#define WT_SIGNAL_POINT 16

struct wt_signal_count {
	__u64 events;
	__u64 bytes;
};

/*
 * One CPU, epoch and signal: seen = rows + lane_full + no_row + nested. The last four are lost as
 * records but named. All but nested are written by runs that hold the busy word of their table.
 */
struct wt_signal_ledger {
	struct wt_signal_count seen; /* without nested */
	struct wt_signal_count lane_full;
	struct wt_signal_count no_row; /* no CPU row; no entry left in the table of connections */
	struct wt_signal_count nested; /* atomically: a run interrupted another on its CPU */
};

/*
 * TCP sockets of one network namespace as the sweep counted them: by family of the socket (not of
 * its addresses) and state, the kernel's numbers. What waits as TIME_WAIT counts as what it stands
 * for, requests (NEW_SYN_RECV) as SYN_RECV: as ss has them.
 */
#define WT_SOCKET_STATES 16
struct wt_sockets {
	__u32 states[2][WT_SOCKET_STATES]; /* [0] IPv4, [1] IPv6 */
	__u32 queue_sum; /* connections that wait for accept(), over all listeners */
	__u32 queue_max; /* the longest queue, and its limit */
	__u32 queue_limit;
	__u32 queues_full; /* listeners that take no more */
};

_Static_assert(sizeof(struct wt_sockets) == 144, "no holes");
_Static_assert(sizeof(struct wt_conn) == 256, "four cache lines");
_Static_assert(sizeof(struct wt_drop) == 128, "two cache lines");
_Static_assert(sizeof(struct wt_latency) == 192, "three cache lines");
_Static_assert(sizeof(struct wt_signal_ledger) == 64, "one cache line");

#endif
