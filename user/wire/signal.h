/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Connections, drops, latencies and host counts as user space handles them: what batch_encode()
 * takes and batch_decode() gives. Units as in proto/wiretally.proto; numbers mean what
 * kern/abi_signal.h says.
 */
#ifndef WT_SIGNAL_H
#define WT_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum connection_role { ROLE_UNKNOWN, ROLE_CLIENT, ROLE_SERVER, ROLES };

enum connection_end {
	END_OPEN,
	END_LOCAL_FIN,
	END_REMOTE_FIN,
	END_RST_SENT,
	END_RST_RECEIVED,
	END_TIMEOUT,
	END_FAILED,
	ENDS,
};

/* Points of the ledger that are the host's, not an interface's. */
#define SIGNAL_POINT_TCP 16 /* counts events */
#define SIGNAL_POINT_DROPS 17 /* counts packets and octets */
#define SIGNAL_POINT_LATENCIES 18 /* counts samples */
#define POINT_RECORDS 32 /* counts records of a flow exporter (user/exporters/flow_source.h) */

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17

/* "local_fin", "client"; NULL: no such number. */
static inline const char *connection_end_name(int64_t end)
{
	static const char *const names[ENDS] = { "open",     "local_fin",    "remote_fin",
						 "rst_sent", "rst_received", "timeout",
						 "failed" };

	return end >= 0 && end < ENDS ? names[end] : NULL;
}

static inline const char *connection_role_name(int64_t role)
{
	static const char *const names[ROLES] = { "unknown", "client", "server" };

	return role >= 0 && role < ROLES ? names[role] : NULL;
}

#define CONNECTION_STARTED 0x01
#define CONNECTION_ESTABLISHED 0x02
#define CONNECTION_ACCEPTED 0x04
#define CONNECTION_ENDED 0x08
#define CONNECTION_SAMPLED 0x10
#define CONNECTION_SYN_RESENT 0x20

#define CONNECTION_COMM_MAX 16 /* with NUL */
#define CONNECTION_CGROUP_MAX 192 /* path, with NUL; a longer one keeps its end */
#define CONNECTION_UID_UNKNOWN UINT32_MAX

struct connection {
	uint64_t id;
	uint64_t events;
	uint8_t local[16];
	uint8_t remote[16];
	uint16_t local_port;
	uint16_t remote_port;
	uint32_t netns;
	uint8_t protocol; /* 6; or 17, a UDP socket: it has ends and an owner, nothing else */
	uint8_t role; /* enum connection_role */
	uint8_t end; /* enum connection_end */
	uint8_t state; /* the kernel's TCP_* */
	uint16_t happened; /* CONNECTION_* */
	uint16_t error; /* errno */
	int64_t start_us; /* wall clock */
	int64_t last_us;
	int64_t end_us; /* 0: lives */
	uint64_t connect_ns;
	uint64_t accept_ns;
	uint64_t octets_acked;
	uint64_t octets_received;
	uint64_t retransmit_octets;
	uint64_t pacing_rate;
	uint64_t delivery_rate;
	uint64_t cgroup;
	uint32_t segments_out;
	uint32_t retransmits;
	uint32_t retransmits_rto;
	uint32_t retransmits_fast;
	uint32_t retransmits_syn;
	uint32_t retransmits_synack;
	uint32_t srtt_us;
	uint32_t rttvar_us;
	uint32_t min_rtt_us;
	uint32_t cwnd;
	uint32_t reordering;
	uint32_t lost;
	uint32_t unacked;
	uint32_t pid;
	uint32_t uid;
	char comm[CONNECTION_COMM_MAX];
	char cgroup_path[CONNECTION_CGROUP_MAX];
};

#define DROP_REASON_MAX 48 /* with NUL: "NO_SOCKET" */
#define DROP_LOCATION_MAX 64 /* with NUL: "tcp_v4_rcv+0x7b" */

struct drop {
	bool has_tuple;
	bool purged;
	uint8_t src[16];
	uint8_t dst[16];
	uint16_t src_port;
	uint16_t dst_port;
	uint16_t ethertype;
	uint8_t proto;
	uint32_t ifindex;
	uint32_t netns;
	uint64_t packets;
	uint64_t octets;
	int64_t start_us;
	int64_t end_us;
	char reason[DROP_REASON_MAX]; /* "" : this kernel gives none */
	char location[DROP_LOCATION_MAX]; /* "" unknown */
};

enum latency_kind { LATENCY_CONNECT, LATENCY_RTT, LATENCY_KINDS };

#define LATENCY_BUCKETS 32
#define LATENCY_SHIFT 10 /* bucket i: at most 2^(10 + i) ns; the last one has no upper end */

struct latency {
	uint8_t remote[16];
	uint32_t netns;
	uint16_t port; /* the service's */
	uint8_t kind; /* enum latency_kind */
	uint8_t role; /* enum connection_role */
	uint64_t count;
	uint64_t sum_ns;
	int64_t start_us; /* wall clock */
	int64_t end_us;
	uint32_t buckets[LATENCY_BUCKETS];
};

#define HOST_COUNT_NAME_MAX 48 /* with NUL; printable ASCII */

/* "sockets/ipv4/ESTABLISHED", "tcp/listen_overflows" */
struct host_count {
	uint64_t value; /* gauge: at the interval's end; else what the interval added */
	uint32_t netns; /* 0: of the whole host */
	bool is_gauge;
	char name[HOST_COUNT_NAME_MAX];
};

#endif
