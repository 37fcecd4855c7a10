/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The store: DuckDB in DIR/wiretally.duckdb, and DIR/segments with what it has sealed. One writer
 * (the committer thread), any number of readers, each with a connection of its own. Rows, ledger,
 * high-water marks and the segment log's position change in one transaction.
 *
 * Tables (store_schema.c has the DDL):
 *   flows_<n>   rows of flows, n = hour of arrival since the epoch. Columns: exporter_id UINTEGER,
 *               interval UBIGINT, start_us BIGINT, end_us BIGINT, src_hi, src_lo, dst_hi, dst_lo
 *               UBIGINT (big-endian halves of the 16-byte address), src_port, dst_port, ethertype
 *               USMALLINT, proto, flags, kind UTINYINT, ifindex, netns UINTEGER, vlan_outer,
 *               vlan_inner USMALLINT, tunnel_id UINTEGER, packets, l2_octets, l3_octets UBIGINT,
 *               tcp_flags USMALLINT, dscp, ttl_min, ttl_max UTINYINT, sampling, src_as, dst_as,
 *               peer_ifindex UINTEGER.
 *               flags and kind as in user/wire/flow.h.
 *   connections_<n>, drops_<n>  the same for rows of struct connection and struct drop
 *               (user/wire/signal.h), column for column, addresses in halves.
 *   sockets_<n>  the same for UDP sockets (store_schema.h)
 *   host_counts_<n>  the same for struct host_count: exporter_id UINTEGER, interval UBIGINT,
 *               at_us BIGINT (arrival), netns UINTEGER, gauge UTINYINT, name VARCHAR, value UBIGINT
 *   latencies_<n>  the same for struct latency: start_us, end_us, remote_hi, remote_lo, port,
 *               netns, role, kind, count, sum_ns, and the buckets b00 … b31 UINTEGER
 *   minutes_<n>, hours_<n>  coarser tiers of flows (store_rollup.h), their columns and records
 *               UINTEGER; n of hours is a day. Minutes are only ever files.
 *   segments    (name VARCHAR, min_start_us BIGINT, max_end_us BIGINT, rows UBIGINT, file VARCHAR,
 *               bytes UBIGINT, crc UINTEGER, hours UINTEGER): the <series>_<n> tables and files
 *               there are (store_segments.h); queries read only what is listed here.
 *   stored      (exporter_id UINTEGER, interval UBIGINT, ifindex UINTEGER, netns UINTEGER,
 *               point UTINYINT, name VARCHAR, packets BIGINT, octets BIGINT, arrived_us BIGINT):
 *               sums of sealed tables for the ledger (store_sums.h)
 *   exporters   (id UINTEGER, agent VARCHAR, instance BLOB, host VARCHAR, exporter VARCHAR,
 *               high_water UBIGINT, first_us BIGINT, last_us BIGINT, gaps UBIGINT,
 *               expired_interval UBIGINT): one per (agent, instance, exporter); id is small and
 *               stable. first_us, last_us: arrival. Rows of intervals up to expired_interval are
 *               no longer all there.
 *   ledger      (exporter_id UINTEGER, interval UBIGINT, start_us BIGINT, end_us BIGINT,
 *               ifindex UINTEGER, netns UINTEGER, point UTINYINT, name VARCHAR, packets UBIGINT,
 *               octets UBIGINT, arrived_us BIGINT)
 *   interfaces  (agent VARCHAR, ifindex UINTEGER, netns UINTEGER, name VARCHAR, hook VARCHAR,
 *               last_us BIGINT)
 *   addresses   (agent VARCHAR, hi UBIGINT, lo UBIGINT): the reporting hosts' own addresses
 *   log_position (segment UBIGINT, bytes UBIGINT): one row; what is behind it in the segment log
 *               is not in the tables yet
 *   meta        (key VARCHAR, value UBIGINT): 'schema'
 */
#ifndef WT_STORE_H
#define WT_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <duckdb.h>

#include "user/collector/store_schema.h"
#include "user/collector/store_source.h"
#include "user/lib/cleanup.h"

struct store;
struct store_reader;

#define STORE_MEMORY_DEFAULT (UINT64_C(512) << 20)
/*
 * DuckDB's pool. With one, every connection works on the thread that asks, and queries of several
 * connections still run side by side. With two a large query takes half the time; a commit's CPU
 * seconds grow by 5 to 20 %.
 */
#define STORE_THREADS_DEFAULT 2

struct store_limits {
	uint64_t memory_bytes; /* DuckDB's, beyond which it spills */
	unsigned int threads;
};

/* Opens or creates DIR/wiretally.duckdb. 0 or -errno; has logged why. */
int store_open(const char *dir, struct store **ret);
int store_open_limited(const char *dir, const struct store_limits *limits, struct store **ret);
void store_close(struct store *s);
DEFINE_AUTO(store_close, struct store *);

/* Size of the database's files. Any thread. */
uint64_t store_file_bytes(const struct store *s);

/* A query has failed over one of its files since this was last asked. */
bool store_is_suspect(struct store *s);

/* A read connection, for one thread at a time. */
int store_reader_open(struct store *s, struct store_reader **ret);
void store_reader_close(struct store_reader *r);
DEFINE_AUTO(store_reader_close, struct store_reader *);

/*
 * One snapshot for all queries between begin and end: a table listed in `segments` stays readable
 * although retention drops it meanwhile. They share one deadline. The server does this around
 * every endpoint.
 */
int store_reader_begin(struct store_reader *r);
void store_reader_end(struct store_reader *r);

#define STORE_QUERY_DEADLINE_MS 10000
/* Of this snapshot, from now. */
void store_reader_extend(struct store_reader *r, int64_t deadline_ms);

/*
 * Run sql with bound parameters ($1…: values are borrowed, the caller destroys them). On 0 *ret
 * is a result the caller hands to duckdb_destroy_result(). -EINVAL with *error (malloc'd, caller
 * frees) for what DuckDB says, -ETIME past the deadline, -ENOMEM beyond store_limits.memory_bytes.
 */
int store_query(struct store_reader *r, const char *sql, duckdb_value *params, size_t params_len,
		duckdb_result *ret, char **error);

#endif
