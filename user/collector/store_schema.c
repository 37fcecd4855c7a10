// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Column tables in, DDL out; and the version that says who may read the file. */
#include "user/collector/store_schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/collector/store_write.h"
#include "user/lib/log.h"

#define U8 DUCKDB_TYPE_UTINYINT
#define U16 DUCKDB_TYPE_USMALLINT
#define U32 DUCKDB_TYPE_UINTEGER
#define U64 DUCKDB_TYPE_UBIGINT
#define I64 DUCKDB_TYPE_BIGINT
#define TEXT DUCKDB_TYPE_VARCHAR

const struct store_column store_flow_columns[TIER_COLUMNS] = {
	[FLOW_EXPORTER_ID] = { "exporter_id", U32 },
	[FLOW_INTERVAL] = { "interval", U64 },
	[FLOW_START_US] = { "start_us", I64 },
	[FLOW_END_US] = { "end_us", I64 },
	/* two halves: UHUGEINT groups 25 × slower on v4-mapped values */
	[FLOW_SRC_HI] = { "src_hi", U64 },
	[FLOW_SRC_LO] = { "src_lo", U64 },
	[FLOW_DST_HI] = { "dst_hi", U64 },
	[FLOW_DST_LO] = { "dst_lo", U64 },
	[FLOW_SRC_PORT] = { "src_port", U16 },
	[FLOW_DST_PORT] = { "dst_port", U16 },
	[FLOW_ETHERTYPE] = { "ethertype", U16 },
	[FLOW_PROTO] = { "proto", U8 },
	[FLOW_FLAGS] = { "flags", U8 },
	[FLOW_KIND] = { "kind", U8 },
	[FLOW_IFINDEX] = { "ifindex", U32 },
	[FLOW_NETNS] = { "netns", U32 },
	[FLOW_VLAN_OUTER] = { "vlan_outer", U16 },
	[FLOW_VLAN_INNER] = { "vlan_inner", U16 },
	[FLOW_TUNNEL_ID] = { "tunnel_id", U32 },
	[FLOW_PACKETS] = { "packets", U64 },
	[FLOW_L2_OCTETS] = { "l2_octets", U64 },
	[FLOW_L3_OCTETS] = { "l3_octets", U64 },
	[FLOW_TCP_FLAGS] = { "tcp_flags", U16 },
	[FLOW_DSCP] = { "dscp", U8 },
	[FLOW_TTL_MIN] = { "ttl_min", U8 },
	[FLOW_TTL_MAX] = { "ttl_max", U8 },
	[FLOW_SAMPLING] = { "sampling", U32 },
	[FLOW_SRC_AS] = { "src_as", U32 },
	[FLOW_DST_AS] = { "dst_as", U32 },
	[FLOW_PEER_IFINDEX] = { "peer_ifindex", U32 },
	[FLOW_RECORDS] = { "records", U32 },
};

const struct store_column store_ledger_columns[LEDGER_COLUMNS] = {
	[LEDGER_EXPORTER_ID] = { "exporter_id", U32 },
	[LEDGER_INTERVAL] = { "interval", U64 },
	[LEDGER_START_US] = { "start_us", I64 },
	[LEDGER_END_US] = { "end_us", I64 },
	[LEDGER_IFINDEX] = { "ifindex", U32 },
	[LEDGER_NETNS] = { "netns", U32 },
	[LEDGER_POINT] = { "point", U8 },
	[LEDGER_NAME] = { "name", TEXT },
	[LEDGER_PACKETS] = { "packets", U64 },
	[LEDGER_OCTETS] = { "octets", U64 },
	[LEDGER_ARRIVED_US] = { "arrived_us", I64 },
};

const struct store_column store_connection_columns[CONNECTION_COLUMNS] = {
	[CONNECTION_EXPORTER_ID] = { "exporter_id", U32 },
	[CONNECTION_INTERVAL] = { "interval", U64 },
	[CONNECTION_ID] = { "id", U64 },
	[CONNECTION_LOCAL_HI] = { "local_hi", U64 },
	[CONNECTION_LOCAL_LO] = { "local_lo", U64 },
	[CONNECTION_REMOTE_HI] = { "remote_hi", U64 },
	[CONNECTION_REMOTE_LO] = { "remote_lo", U64 },
	[CONNECTION_LOCAL_PORT] = { "local_port", U16 },
	[CONNECTION_REMOTE_PORT] = { "remote_port", U16 },
	[CONNECTION_NETNS] = { "netns", U32 },
	[CONNECTION_ROLE] = { "role", U8 },
	[CONNECTION_END] = { "end", U8 },
	[CONNECTION_STATE] = { "state", U8 },
	[CONNECTION_HAPPENED] = { "happened", U16 },
	[CONNECTION_ERROR] = { "error", U16 },
	[CONNECTION_START_US] = { "start_us", I64 },
	[CONNECTION_LAST_US] = { "last_us", I64 },
	[CONNECTION_END_US] = { "end_us", I64 },
	[CONNECTION_CONNECT_NS] = { "connect_ns", U64 },
	[CONNECTION_ACCEPT_NS] = { "accept_ns", U64 },
	[CONNECTION_OCTETS_ACKED] = { "octets_acked", U64 },
	[CONNECTION_OCTETS_RECEIVED] = { "octets_received", U64 },
	[CONNECTION_RETRANSMIT_OCTETS] = { "retransmit_octets", U64 },
	[CONNECTION_PACING_RATE] = { "pacing_rate", U64 },
	[CONNECTION_DELIVERY_RATE] = { "delivery_rate", U64 },
	[CONNECTION_CGROUP] = { "cgroup", U64 },
	[CONNECTION_SEGMENTS_OUT] = { "segments_out", U32 },
	[CONNECTION_RETRANSMITS] = { "retransmits", U32 },
	[CONNECTION_RETRANSMITS_RTO] = { "retransmits_rto", U32 },
	[CONNECTION_RETRANSMITS_FAST] = { "retransmits_fast", U32 },
	[CONNECTION_RETRANSMITS_SYN] = { "retransmits_syn", U32 },
	[CONNECTION_RETRANSMITS_SYNACK] = { "retransmits_synack", U32 },
	[CONNECTION_SRTT_US] = { "srtt_us", U32 },
	[CONNECTION_RTTVAR_US] = { "rttvar_us", U32 },
	[CONNECTION_MIN_RTT_US] = { "min_rtt_us", U32 },
	[CONNECTION_CWND] = { "cwnd", U32 },
	[CONNECTION_REORDERING] = { "reordering", U32 },
	[CONNECTION_LOST] = { "lost", U32 },
	[CONNECTION_UNACKED] = { "unacked", U32 },
	[CONNECTION_PID] = { "pid", U32 },
	[CONNECTION_UID] = { "uid", U32 },
	[CONNECTION_COMM] = { "comm", TEXT },
	[CONNECTION_CGROUP_PATH] = { "cgroup_path", TEXT },
	[CONNECTION_EVENTS] = { "events", U64 },
};

const struct store_column store_drop_columns[DROP_COLUMNS] = {
	[DROP_EXPORTER_ID] = { "exporter_id", U32 },
	[DROP_INTERVAL] = { "interval", U64 },
	[DROP_START_US] = { "start_us", I64 },
	[DROP_END_US] = { "end_us", I64 },
	[DROP_HAS_TUPLE] = { "has_tuple", U8 },
	[DROP_SRC_HI] = { "src_hi", U64 },
	[DROP_SRC_LO] = { "src_lo", U64 },
	[DROP_DST_HI] = { "dst_hi", U64 },
	[DROP_DST_LO] = { "dst_lo", U64 },
	[DROP_SRC_PORT] = { "src_port", U16 },
	[DROP_DST_PORT] = { "dst_port", U16 },
	[DROP_ETHERTYPE] = { "ethertype", U16 },
	[DROP_PROTO] = { "proto", U8 },
	[DROP_IFINDEX] = { "ifindex", U32 },
	[DROP_NETNS] = { "netns", U32 },
	[DROP_PURGED] = { "purged", U8 },
	[DROP_REASON] = { "reason", TEXT },
	[DROP_LOCATION] = { "location", TEXT },
	[DROP_PACKETS] = { "packets", U64 },
	[DROP_OCTETS] = { "octets", U64 },
};

const struct store_column store_socket_columns[SOCKET_COLUMNS] = {
	[SOCKET_EXPORTER_ID] = { "exporter_id", U32 },
	[SOCKET_INTERVAL] = { "interval", U64 },
	[SOCKET_ID] = { "id", U64 },
	[SOCKET_LOCAL_HI] = { "local_hi", U64 },
	[SOCKET_LOCAL_LO] = { "local_lo", U64 },
	[SOCKET_REMOTE_HI] = { "remote_hi", U64 },
	[SOCKET_REMOTE_LO] = { "remote_lo", U64 },
	[SOCKET_LOCAL_PORT] = { "local_port", U16 },
	[SOCKET_REMOTE_PORT] = { "remote_port", U16 },
	[SOCKET_NETNS] = { "netns", U32 },
	[SOCKET_IPV6_ONLY] = { "ipv6_only", U8 },
	[SOCKET_START_US] = { "start_us", I64 },
	[SOCKET_LAST_US] = { "last_us", I64 },
	[SOCKET_END_US] = { "end_us", I64 },
	[SOCKET_CGROUP] = { "cgroup", U64 },
	[SOCKET_PID] = { "pid", U32 },
	[SOCKET_UID] = { "uid", U32 },
	[SOCKET_COMM] = { "comm", TEXT },
	[SOCKET_CGROUP_PATH] = { "cgroup_path", TEXT },
	[SOCKET_EVENTS] = { "events", U64 },
};

const struct store_column store_host_columns[HOST_COLUMNS] = {
	[HOST_EXPORTER_ID] = { "exporter_id", U32 },
	[HOST_INTERVAL] = { "interval", U64 },
	[HOST_AT_US] = { "at_us", I64 },
	[HOST_NETNS] = { "netns", U32 },
	[HOST_GAUGE] = { "gauge", U8 },
	[HOST_NAME] = { "name", TEXT },
	[HOST_VALUE] = { "value", U64 },
};

const struct store_column store_latency_columns[LATENCY_COLUMNS] = {
	[LATENCY_EXPORTER_ID] = { "exporter_id", U32 },
	[LATENCY_INTERVAL] = { "interval", U64 },
	[LATENCY_START_US] = { "start_us", I64 },
	[LATENCY_END_US] = { "end_us", I64 },
	[LATENCY_REMOTE_HI] = { "remote_hi", U64 },
	[LATENCY_REMOTE_LO] = { "remote_lo", U64 },
	[LATENCY_PORT] = { "port", U16 },
	[LATENCY_NETNS] = { "netns", U32 },
	[LATENCY_ROLE] = { "role", U8 },
	[LATENCY_KIND] = { "kind", U8 },
	[LATENCY_COUNT] = { "count", U64 },
	[LATENCY_SUM_NS] = { "sum_ns", U64 },
	[LATENCY_BUCKET + 0] = { "b00", U32 },
	[LATENCY_BUCKET + 1] = { "b01", U32 },
	[LATENCY_BUCKET + 2] = { "b02", U32 },
	[LATENCY_BUCKET + 3] = { "b03", U32 },
	[LATENCY_BUCKET + 4] = { "b04", U32 },
	[LATENCY_BUCKET + 5] = { "b05", U32 },
	[LATENCY_BUCKET + 6] = { "b06", U32 },
	[LATENCY_BUCKET + 7] = { "b07", U32 },
	[LATENCY_BUCKET + 8] = { "b08", U32 },
	[LATENCY_BUCKET + 9] = { "b09", U32 },
	[LATENCY_BUCKET + 10] = { "b10", U32 },
	[LATENCY_BUCKET + 11] = { "b11", U32 },
	[LATENCY_BUCKET + 12] = { "b12", U32 },
	[LATENCY_BUCKET + 13] = { "b13", U32 },
	[LATENCY_BUCKET + 14] = { "b14", U32 },
	[LATENCY_BUCKET + 15] = { "b15", U32 },
	[LATENCY_BUCKET + 16] = { "b16", U32 },
	[LATENCY_BUCKET + 17] = { "b17", U32 },
	[LATENCY_BUCKET + 18] = { "b18", U32 },
	[LATENCY_BUCKET + 19] = { "b19", U32 },
	[LATENCY_BUCKET + 20] = { "b20", U32 },
	[LATENCY_BUCKET + 21] = { "b21", U32 },
	[LATENCY_BUCKET + 22] = { "b22", U32 },
	[LATENCY_BUCKET + 23] = { "b23", U32 },
	[LATENCY_BUCKET + 24] = { "b24", U32 },
	[LATENCY_BUCKET + 25] = { "b25", U32 },
	[LATENCY_BUCKET + 26] = { "b26", U32 },
	[LATENCY_BUCKET + 27] = { "b27", U32 },
	[LATENCY_BUCKET + 28] = { "b28", U32 },
	[LATENCY_BUCKET + 29] = { "b29", U32 },
	[LATENCY_BUCKET + 30] = { "b30", U32 },
	[LATENCY_BUCKET + 31] = { "b31", U32 },
};

#define HOUR (INT64_C(3600) * 1000000)
const struct store_table store_series[STORE_SERIES] = {
	[SERIES_FLOWS] = { "flows", store_flow_columns, FLOW_COLUMNS, HOUR, TIER_RAW },
	[SERIES_CONNECTIONS] = { "connections", store_connection_columns, CONNECTION_COLUMNS, HOUR,
				 TIER_MINUTE },
	[SERIES_DROPS] = { "drops", store_drop_columns, DROP_COLUMNS, HOUR, TIER_MINUTE },
	[SERIES_HOST_COUNTS] = { "host_counts", store_host_columns, HOST_COLUMNS, HOUR,
				 TIER_MINUTE },
	[SERIES_LATENCIES] = { "latencies", store_latency_columns, LATENCY_COLUMNS, HOUR,
			       TIER_MINUTE },
	[SERIES_SOCKETS] = { "sockets", store_socket_columns, SOCKET_COLUMNS, HOUR, TIER_MINUTE },
	[SERIES_MINUTES] = { "minutes", store_flow_columns, TIER_COLUMNS, HOUR, TIER_MINUTE },
	[SERIES_HOURS] = { "hours", store_flow_columns, TIER_COLUMNS, 24 * HOUR, TIER_HOUR },
};

/*
 * An address as text, from its halves: IPv4 out of v4-mapped, IPv6 as RFC 5952 has it. RUN(n, …): n
 * groups of zeros become "::"; the longest run is tried first.
 */
#define GROUP(half, shift) "(" half " >> " shift ") & 65535"
#define GROUPS(half) \
	GROUP(half, "48") ", " GROUP(half, "32") ", " GROUP(half, "16") ", " GROUP(half, "0")
#define ZEROS(n) "'(^|:)0(:0){" n "}(:|$)'"
#define RUN(n) "WHEN regexp_matches(t, " ZEROS(n) ") THEN regexp_replace(t, " ZEROS(n) ", '::') "
static const char macros[] = "CREATE MACRO IF NOT EXISTS wt_ip6(t) AS CASE " RUN("7") RUN("6") RUN(
	"5") RUN("4") RUN("3") RUN("2")
	RUN("1") "ELSE t END;"
		 "CREATE MACRO IF NOT EXISTS wt_ip(hi, lo) AS CASE WHEN hi = 0 AND lo >> 32 = 65535 THEN "
		 "concat_ws('.', (lo >> 24) & 255, (lo >> 16) & 255, (lo >> 8) & 255, lo & 255) ELSE "
		 "wt_ip6(format('{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}', " GROUPS(
			 "hi") ", " GROUPS("lo") ")) END;";

static const char small_tables[] =
	"CREATE TABLE IF NOT EXISTS meta (key VARCHAR, value UBIGINT);"
	"CREATE TABLE IF NOT EXISTS segments (name VARCHAR, min_start_us BIGINT, max_end_us BIGINT,"
	" rows UBIGINT, file VARCHAR DEFAULT '', bytes UBIGINT DEFAULT 0, crc UINTEGER DEFAULT 0,"
	" hours UINTEGER DEFAULT 0, sampled UTINYINT DEFAULT 1);"
	"CREATE TABLE IF NOT EXISTS stored (exporter_id UINTEGER, \"interval\" UBIGINT,"
	" ifindex UINTEGER, netns UINTEGER, point UTINYINT, name VARCHAR, packets BIGINT,"
	" octets BIGINT, arrived_us BIGINT);"
	"CREATE TABLE IF NOT EXISTS exporters (id UINTEGER, agent VARCHAR, instance BLOB,"
	" host VARCHAR, exporter VARCHAR, high_water UBIGINT, first_us BIGINT, last_us BIGINT,"
	" gaps UBIGINT, expired_interval UBIGINT);"
	"CREATE TABLE IF NOT EXISTS interfaces (agent VARCHAR, ifindex UINTEGER, netns UINTEGER,"
	" name VARCHAR, hook VARCHAR, last_us BIGINT);"
	"CREATE TABLE IF NOT EXISTS addresses (agent VARCHAR, hi UBIGINT, lo UBIGINT);"
	"CREATE TABLE IF NOT EXISTS log_position (segment UBIGINT, bytes UBIGINT);"
	"INSERT INTO log_position SELECT 0, 0 WHERE (SELECT count(*) FROM log_position) = 0;"
	"INSERT INTO meta SELECT 'schema', 7 WHERE (SELECT count(*) FROM meta) = 0;";
_Static_assert(STORE_SCHEMA == 7, "the last line above writes it");

/*
 * From any older version: what it had is read as it is (store_source.c fills up columns by name
 * where files may be 'narrow'), new tables are made with the others.
 */
static const char bring_up[] =
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS file VARCHAR DEFAULT '';"
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS bytes UBIGINT DEFAULT 0;"
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS crc UINTEGER DEFAULT 0;"
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS hours UINTEGER DEFAULT 0;"
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS sampled UTINYINT DEFAULT 1;"
	"DROP TABLE IF EXISTS flows_none; DROP TABLE IF EXISTS minutes_none;"
	"DROP TABLE IF EXISTS hours_none;"
	"INSERT INTO meta SELECT 'narrow', 1 WHERE (SELECT value FROM meta WHERE key = 'schema') < 5 AND"
	" NOT EXISTS (SELECT 1 FROM meta WHERE key = 'narrow');"
	"UPDATE meta SET value = 7 WHERE key = 'schema';";

/* What is still written to must have every column: new ones are the last of flows. */
static const char grow[] =
	"SELECT 'ALTER TABLE ' || name || ' ADD COLUMN IF NOT EXISTS src_as UINTEGER DEFAULT 0;"
	" ALTER TABLE ' || name || ' ADD COLUMN IF NOT EXISTS dst_as UINTEGER DEFAULT 0;"
	" ALTER TABLE ' || name || ' ADD COLUMN IF NOT EXISTS peer_ifindex UINTEGER DEFAULT 0;'"
	" FROM segments WHERE file = '' AND regexp_matches(name, '^(flows|hours)_')";

static const char *type_name(duckdb_type type)
{
	switch (type) {
	case DUCKDB_TYPE_UTINYINT:
		return "UTINYINT";
	case DUCKDB_TYPE_USMALLINT:
		return "USMALLINT";
	case DUCKDB_TYPE_UINTEGER:
		return "UINTEGER";
	case DUCKDB_TYPE_UBIGINT:
		return "UBIGINT";
	case DUCKDB_TYPE_BIGINT:
		return "BIGINT";
	default:
		return "VARCHAR";
	}
}

int store_ddl(const char *name, const struct store_column *columns, size_t len, char *sql,
	      size_t size)
{
	int n = snprintf(sql, size, "CREATE TABLE IF NOT EXISTS %s (", name);

	for (size_t i = 0; i < len && n < (int)size; i++)
		n += snprintf(sql + n, size - (size_t)n, "%s\"%s\" %s", i ? ", " : "",
			      columns[i].name, type_name(columns[i].type));
	if (n < (int)size)
		n += snprintf(sql + n, size - (size_t)n, ")");
	return n < (int)size ? 0 : -E2BIG;
}

static int run(duckdb_connection connection, const char *sql)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};

	if (duckdb_query(connection, sql, &result) == DuckDBSuccess)
		return 0;
	log_error("store: make tables: %s", duckdb_result_error(&result));
	return -EIO;
}

static int grow_tables(duckdb_connection connection)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};
	int err = 0;

	if (duckdb_query(connection, grow, &result) != DuckDBSuccess)
		return -EIO;
	for (idx_t i = 0; !err && i < duckdb_row_count(&result); i++) {
		char *sql = duckdb_value_varchar(&result, 0, i);

		err = run(connection, sql);
		duckdb_free(sql);
	}
	return err;
}

static int bring_up_from_before(duckdb_connection connection)
{
	int err = run(connection, bring_up);

	return err ? err : grow_tables(connection);
}

static int check_version(duckdb_connection connection)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};
	uint64_t found;

	if (duckdb_query(connection, "SELECT value FROM meta WHERE key = 'schema'", &result) !=
	    DuckDBSuccess)
		return -EIO;
	found = duckdb_row_count(&result) == 1 ? duckdb_value_uint64(&result, 0, 0) : 0;
	if (found == STORE_SCHEMA)
		return 0;
	/* 1 had flows alone, 2 no host counts nor latencies, 3 no files, 4 no exporters' fields,
	 * 5 not which segments have sampled rows, 6 every open hour as a table */
	if (found >= 1 && found < STORE_SCHEMA)
		return bring_up_from_before(connection);
	log_error("store: its schema is version %llu, this program knows %d",
		  (unsigned long long)found, STORE_SCHEMA);
	return -EPROTONOSUPPORT;
}

int store_schema_init(duckdb_connection connection)
{
	char sql[2048], none[32];
	int err = run(connection, small_tables);

	if (!err)
		err = check_version(connection);
	if (!err)
		err = run(connection, macros);
	if (!err)
		err = store_ddl("ledger", store_ledger_columns, LEDGER_COLUMNS, sql, sizeof(sql));
	if (!err)
		err = run(connection, sql);
	for (size_t i = 0; i < STORE_SERIES && !err; i++) {
		const struct store_table *t = &store_series[i];

		snprintf(none, sizeof(none), "%s_none", t->name);
		err = store_ddl(none, t->columns, t->len, sql, sizeof(sql));
		if (!err)
			err = run(connection, sql);
	}
	return err;
}
