/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What tables there are, as rows: DDL and appenders both read them. */
#ifndef WT_STORE_SCHEMA_H
#define WT_STORE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include <duckdb.h>

#define STORE_SCHEMA 8 /* written into `meta`; a newer one is refused, an older one brought up */

struct store_column {
	const char *name;
	duckdb_type type;
};

/* In the order of their appenders' columns. */
enum flow_column {
	FLOW_EXPORTER_ID,
	FLOW_INTERVAL,
	FLOW_START_US,
	FLOW_END_US,
	FLOW_SRC_HI,
	FLOW_SRC_LO,
	FLOW_DST_HI,
	FLOW_DST_LO,
	FLOW_SRC_PORT,
	FLOW_DST_PORT,
	FLOW_ETHERTYPE,
	FLOW_PROTO,
	FLOW_FLAGS,
	FLOW_KIND,
	FLOW_IFINDEX,
	FLOW_NETNS,
	FLOW_VLAN_OUTER,
	FLOW_VLAN_INNER,
	FLOW_TUNNEL_ID,
	FLOW_PACKETS,
	FLOW_L2_OCTETS,
	FLOW_L3_OCTETS,
	FLOW_TCP_FLAGS,
	FLOW_DSCP,
	FLOW_TTL_MIN,
	FLOW_TTL_MAX,
	FLOW_SAMPLING,
	FLOW_SRC_AS,
	FLOW_DST_AS,
	FLOW_PEER_IFINDEX,
	FLOW_COLUMNS,
	FLOW_RECORDS =
		FLOW_COLUMNS, /* of the coarse tiers alone: how many records a row stands for */
	TIER_COLUMNS,
};
extern const struct store_column store_flow_columns[TIER_COLUMNS];

enum ledger_column {
	LEDGER_EXPORTER_ID,
	LEDGER_INTERVAL,
	LEDGER_START_US,
	LEDGER_END_US,
	LEDGER_IFINDEX,
	LEDGER_NETNS,
	LEDGER_POINT,
	LEDGER_NAME,
	LEDGER_PACKETS,
	LEDGER_OCTETS,
	LEDGER_ARRIVED_US,
	LEDGER_COLUMNS,
};
extern const struct store_column store_ledger_columns[LEDGER_COLUMNS];

/* As in struct connection, user/wire/signal.h; addresses in halves. */
enum connection_column {
	CONNECTION_EXPORTER_ID,
	CONNECTION_INTERVAL,
	CONNECTION_ID,
	CONNECTION_LOCAL_HI,
	CONNECTION_LOCAL_LO,
	CONNECTION_REMOTE_HI,
	CONNECTION_REMOTE_LO,
	CONNECTION_LOCAL_PORT,
	CONNECTION_REMOTE_PORT,
	CONNECTION_NETNS,
	CONNECTION_ROLE,
	CONNECTION_END,
	CONNECTION_STATE,
	CONNECTION_HAPPENED,
	CONNECTION_ERROR,
	CONNECTION_START_US,
	CONNECTION_LAST_US,
	CONNECTION_END_US,
	CONNECTION_CONNECT_NS,
	CONNECTION_ACCEPT_NS,
	CONNECTION_OCTETS_ACKED,
	CONNECTION_OCTETS_RECEIVED,
	CONNECTION_RETRANSMIT_OCTETS,
	CONNECTION_PACING_RATE,
	CONNECTION_DELIVERY_RATE,
	CONNECTION_CGROUP,
	CONNECTION_SEGMENTS_OUT,
	CONNECTION_RETRANSMITS,
	CONNECTION_RETRANSMITS_RTO,
	CONNECTION_RETRANSMITS_FAST,
	CONNECTION_RETRANSMITS_SYN,
	CONNECTION_RETRANSMITS_SYNACK,
	CONNECTION_SRTT_US,
	CONNECTION_RTTVAR_US,
	CONNECTION_MIN_RTT_US,
	CONNECTION_CWND,
	CONNECTION_REORDERING,
	CONNECTION_LOST,
	CONNECTION_UNACKED,
	CONNECTION_PID,
	CONNECTION_UID,
	CONNECTION_COMM,
	CONNECTION_CGROUP_PATH,
	CONNECTION_EVENTS,
	CONNECTION_COLUMNS,
};
extern const struct store_column store_connection_columns[CONNECTION_COLUMNS];

/* As in struct drop. */
enum drop_column {
	DROP_EXPORTER_ID,
	DROP_INTERVAL,
	DROP_START_US,
	DROP_END_US,
	DROP_HAS_TUPLE,
	DROP_SRC_HI,
	DROP_SRC_LO,
	DROP_DST_HI,
	DROP_DST_LO,
	DROP_SRC_PORT,
	DROP_DST_PORT,
	DROP_ETHERTYPE,
	DROP_PROTO,
	DROP_IFINDEX,
	DROP_NETNS,
	DROP_PURGED,
	DROP_REASON,
	DROP_LOCATION,
	DROP_PACKETS,
	DROP_OCTETS,
	DROP_COLUMNS,
};
extern const struct store_column store_drop_columns[DROP_COLUMNS];

/* UDP sockets: of struct connection what they have (user/wire/signal.h). */
enum socket_column {
	SOCKET_EXPORTER_ID,
	SOCKET_INTERVAL,
	SOCKET_ID,
	SOCKET_LOCAL_HI,
	SOCKET_LOCAL_LO,
	SOCKET_REMOTE_HI,
	SOCKET_REMOTE_LO,
	SOCKET_LOCAL_PORT,
	SOCKET_REMOTE_PORT,
	SOCKET_NETNS,
	SOCKET_IPV6_ONLY,
	SOCKET_START_US,
	SOCKET_LAST_US,
	SOCKET_END_US,
	SOCKET_CGROUP,
	SOCKET_PID,
	SOCKET_UID,
	SOCKET_COMM,
	SOCKET_CGROUP_PATH,
	SOCKET_EVENTS,
	SOCKET_COLUMNS,
};
extern const struct store_column store_socket_columns[SOCKET_COLUMNS];

/* As in struct host_count; at_us: when it arrived. */
enum host_column {
	HOST_EXPORTER_ID,
	HOST_INTERVAL,
	HOST_AT_US,
	HOST_NETNS,
	HOST_GAUGE,
	HOST_NAME,
	HOST_VALUE,
	HOST_COLUMNS,
};
extern const struct store_column store_host_columns[HOST_COLUMNS];

/* As in struct latency; its buckets are the last columns, "b00" … */
#define STORE_LATENCY_BUCKETS 32
enum latency_column {
	LATENCY_EXPORTER_ID,
	LATENCY_INTERVAL,
	LATENCY_START_US,
	LATENCY_END_US,
	LATENCY_REMOTE_HI,
	LATENCY_REMOTE_LO,
	LATENCY_PORT,
	LATENCY_NETNS,
	LATENCY_ROLE,
	LATENCY_KIND,
	LATENCY_COUNT,
	LATENCY_SUM_NS,
	LATENCY_BUCKET,
	LATENCY_COLUMNS = LATENCY_BUCKET + STORE_LATENCY_BUCKETS,
};
extern const struct store_column store_latency_columns[LATENCY_COLUMNS];

/*
 * Tables that are kept by the time of arrival: "<name>_<number>", number = time / period. The
 * coarse tiers of flows have tables of their own, made from finer ones (store_rollup.h).
 */
enum store_series {
	SERIES_FLOWS,
	SERIES_CONNECTIONS,
	SERIES_DROPS,
	SERIES_HOST_COUNTS,
	SERIES_LATENCIES,
	SERIES_SOCKETS,
	SERIES_MINUTES,
	SERIES_HOURS,
	STORE_SERIES,
};

enum store_tier {
	TIER_RAW, /* records as they came */
	TIER_MINUTE,
	TIER_HOUR,
	STORE_TIERS,
};

/* What some row of a segment may be; all that are none of it need not be looked at for it. */
enum store_trait {
	TRAIT_SAMPLED = 1, /* sampling > 1 */
	TRAIT_FOLD = 2, /* kind 1 (user/wire/flow.h) */
	TRAIT_UNCOUNTED = 4, /* not FLOW_COUNTED, or FLOW_INNER */
	TRAIT_IPV6 = 8, /* of IP, with an address that is not IPv4's */
	TRAIT_LONG = 16, /* lasting STORE_LONG_US or longer */
	TRAIT_NOT_IP = 32, /* ethertype neither IPv4's nor IPv6's */
	TRAIT_ALL = 63,
};
#define STORE_LONG_US (INT64_C(300) * 1000000)

struct store_table {
	const char *name;
	const struct store_column *columns;
	size_t len;
	int64_t period_us; /* of arrival, in one table */
	enum store_tier kept_as; /* whose age limit it has */
};
extern const struct store_table store_series[STORE_SERIES];

/* "CREATE TABLE IF NOT EXISTS <name> (…)" into sql. 0, or -E2BIG when it does not fit. */
int store_ddl(const char *name, const struct store_column *columns, size_t len, char *sql,
	      size_t size);

/* Makes what is missing and checks the schema's version. 0 or -errno; has logged why. */
int store_schema_init(duckdb_connection connection);

#endif
