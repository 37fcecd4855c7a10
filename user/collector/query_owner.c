// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Rows with a 5-tuple in, the same rows with the owner of their connection out.
 *
 * What fits a row: a connection with its addresses and ports, either way round, of the same agent
 * and network namespace, that lived while the row lasted, or ended or began OWNER_SLACK_US around
 * it. Of several the best is taken, by, in this order:
 *   1. its local end is where the direction says: the source of what leaves (egress), the
 *      destination of what arrives. On loopback both ends are here, and each owns its direction.
 *   2. it was reported by the same start of the agent
 *   3. it lived while the row lasted, and not only around it
 *   4. the longest time in common, else the shortest time between
 *   5. the later start
 * The row is ambiguous when the best is not alone as far as 3.
 *
 * UDP rows are joined with sockets the same way. What fits is, and after 1. the first of these:
 *   - a connected socket of these four ends
 *   - one that is bound to this address and port
 *   - one that is bound to this port on all addresses, if the address is the agent's own: what is
 *     only forwarded here has no owner here
 */
#include "user/collector/query_owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_sql.h"
#include "user/collector/store.h"

int owner_scope_init(const struct api_request *req, int64_t from_us, int64_t to_us, bool is_page,
		     struct owner_scope *ret)
{
	struct owner_scope scope = {
		.is_page = is_page,
		.from_us = from_us > OWNER_REPORTS_US ? from_us - OWNER_REPORTS_US : 0,
		.to_us =
			to_us < INT64_MAX - OWNER_REPORTS_US ? to_us + OWNER_REPORTS_US : INT64_MAX,
	};
	int err = store_source(req->reader, SERIES_CONNECTIONS, scope.from_us, scope.to_us,
			       &scope.source);

	if (!err)
		err = store_source(req->reader, SERIES_SOCKETS, scope.from_us, scope.to_us,
				   &scope.sockets);
	if (err)
		owner_scope_done(&scope);
	else
		*ret = scope;
	return err;
}

void owner_scope_done(struct owner_scope *scope)
{
	free(scope->source);
	free(scope->sockets);
	memset(scope, 0, sizeof(*scope));
}

void owner_begin(struct sql_builder *b)
{
	sql_add(b, "(WITH seen AS MATERIALIZED (SELECT row_number() OVER () AS n, * FROM (");
}

/* Rows that have ports, once for each way round. */
#define TUPLE "netns, local_hi, local_lo, local_port, remote_hi, remote_lo, remote_port"
#define WAYS_FROM " FROM seen WHERE proto IN (6, 17) AND flags & 4 = 0"
static const char ways[] =
	")), two_ways AS (SELECT n, exporter_id, netns, proto, start_us, end_us, flags & 1 = 1 AS is_near,"
	" src_hi AS local_hi, src_lo AS local_lo, src_port AS local_port,"
	" dst_hi AS remote_hi, dst_lo AS remote_lo, dst_port AS remote_port" WAYS_FROM
	" UNION ALL SELECT n, exporter_id, netns, proto, start_us, end_us, flags & 1 = 0,"
	" dst_hi, dst_lo, dst_port, src_hi, src_lo, src_port" WAYS_FROM "), "
	"ways AS (FROM two_ways WHERE proto = 6), ";

/* Connections of these tuples. Times are as wide as sums of what agents say may get. */
static const char heard[] =
	"heard AS (SELECT exporter_id, id, " TUPLE ", "
	"coalesce(min(start_us) FILTER (start_us > 0), 0)::HUGEINT AS since_us, "
	"if(max(end_us) > 0, max(end_us), 9223372036854775807)::HUGEINT AS until_us, "
	"arg_max(comm, last_us) FILTER (comm <> '') AS comm, "
	"arg_max(cgroup_path, last_us) FILTER (cgroup_path <> '') AS cgroup_path, "
	"arg_max(pid, last_us) FILTER (pid > 0) AS pid, "
	"arg_max(srtt_us, last_us) FILTER (srtt_us > 0) AS srtt_us, "
	"least(sum(retransmits), 9223372036854775807)::BIGINT AS retransmits, "
	"max(connect_ns) AS connect_ns FROM ";

static const char fits[] =
	"tcp_fits AS (SELECT w.n, 0 AS width, w.is_near, w.exporter_id = h.exporter_id AS is_same, "
	"least(w.end_us, h.until_us) - greatest(w.start_us, h.since_us) AS common_us, "
	"h.id, h.exporter_id, since_us, comm, cgroup_path, pid, srtt_us, retransmits, connect_ns "
	"FROM ways w JOIN heard h USING (" TUPLE ") JOIN exporters we ON we.id = w.exporter_id "
	"JOIN exporters he ON he.id = h.exporter_id AND he.agent = we.agent WHERE common_us >= ";

/* ::ffff:0.0.0.0 and 127.0.0.0/8 as halves are compared; :: is all zeros. */
#define IS_V4(prefix) prefix "_hi = 0 AND " prefix "_lo >> 32 = 65535"
#define IS_ALL(prefix) prefix "_hi = 0 AND " prefix "_lo IN (0, 281470681743360)"
#define IS_LOOPBACK "(local_hi = 0 AND (local_lo = 1 OR local_lo >> 24 = 16777087))"

#define NO_REMOTE "0::UBIGINT AS remote_hi, 0::UBIGINT AS remote_lo, 0::USMALLINT AS remote_port"

/*
 * Each way once for each width of what may hold its port: with a socket's own ends left out the
 * same, one hash join finds all.
 */
static const char udp_ways[] = "udp_two AS (SELECT *, " IS_V4(
	"local") " AS is_v4 FROM two_ways WHERE proto = 17), "
		 "udp_ways AS (SELECT *, 0 AS width FROM udp_two UNION ALL "
		 "SELECT * REPLACE (" NO_REMOTE "), 1 FROM udp_two "
		 "UNION ALL SELECT * REPLACE (0 AS local_hi, 0 AS local_lo, 0 AS remote_hi, 0 AS remote_lo, "
		 "0 AS remote_port), 2 FROM udp_two b WHERE " IS_LOOPBACK
		 " OR EXISTS (SELECT 1 FROM "
		 "addresses a JOIN exporters e ON e.agent = a.agent WHERE e.id = b.exporter_id AND "
		 "a.hi = b.local_hi AND a.lo = b.local_lo)), ";

static const char sockets_before[] =
	"sockets AS (SELECT exporter_id, id, netns, local_port, "
	"arg_max(local_hi, last_us) AS local_hi, arg_max(local_lo, last_us) AS local_lo, "
	"arg_max(remote_hi, last_us) AS remote_hi, arg_max(remote_lo, last_us) AS remote_lo, "
	"arg_max(remote_port, last_us) AS remote_port, max(ipv6_only) AS ipv6_only, "
	"coalesce(min(start_us) FILTER (start_us > 0), 0)::HUGEINT AS since_us, "
	"if(max(end_us) > 0, max(end_us), 9223372036854775807)::HUGEINT AS until_us, "
	"arg_max(comm, last_us) FILTER (comm <> '') AS comm, "
	"arg_max(cgroup_path, last_us) FILTER (cgroup_path <> '') AS cgroup_path, "
	"arg_max(pid, last_us) FILTER (pid > 0) AS pid FROM ";

static const char udp_fits[] = "wide AS (SELECT *, CASE WHEN " IS_ALL(
	"local") " THEN 2 WHEN remote_port = 0 THEN 1 ELSE 0 "
		 "END AS width, local_hi <> 0 OR local_lo <> 0 OR ipv6_only = 0 AS takes_v4, "
		 "NOT (" IS_V4(
			 "local") ") AS takes_v6 FROM sockets), "
				  "named AS (SELECT exporter_id AS owner_exporter_id, id, netns, width, local_port, "
				  "if(width = 2, 0, local_hi)::UBIGINT AS local_hi, if(width = 2, 0, local_lo)::UBIGINT AS local_lo, "
				  "if(width > 0, 0, remote_hi)::UBIGINT AS remote_hi, "
				  "if(width > 0, 0, remote_lo)::UBIGINT AS remote_lo, "
				  "if(width > 0, 0, remote_port)::USMALLINT AS remote_port, takes_v4, takes_v6, since_us, "
				  "until_us, comm, cgroup_path, pid FROM wide), "
				  "udp_fits AS (SELECT w.n, w.width, w.is_near, w.exporter_id = h.owner_exporter_id AS is_same, "
				  "least(w.end_us, h.until_us) - greatest(w.start_us, h.since_us) AS common_us, h.id, "
				  "h.owner_exporter_id AS exporter_id, since_us, comm, cgroup_path, pid, NULL AS srtt_us, "
				  "NULL AS retransmits, NULL AS connect_ns FROM udp_ways w JOIN named h USING (width, " TUPLE
				  ") "
				  "JOIN exporters we ON we.id = w.exporter_id JOIN exporters he ON "
				  "he.id = h.owner_exporter_id AND he.agent = we.agent "
				  "WHERE if(w.is_v4, takes_v4, takes_v6) AND common_us >= ";

static const char owners[] =
	"fits AS (FROM tcp_fits UNION ALL BY NAME FROM udp_fits), "
	"owners AS (SELECT *, count(*) OVER (PARTITION BY n, is_near, width, is_same, common_us >= 0)"
	" AS rivals FROM fits"
	" QUALIFY row_number() OVER (PARTITION BY n ORDER BY is_near DESC, width, is_same DESC,"
	" common_us >= 0 DESC, common_us DESC, since_us DESC, exporter_id, id) = 1) "
	"SELECT seen.*, CASE WHEN rivals > 1 THEN 'ambiguous' WHEN rivals = 1 THEN 'one' ELSE 'none' END"
	" AS joined, comm AS process, cgroup_path AS cgroup, pid::BIGINT AS pid,"
	" srtt_us::BIGINT AS srtt_us, retransmits,"
	" (nullif(connect_ns, 0) // 1000)::BIGINT AS connect_us FROM seen LEFT JOIN owners USING (n))";

/* Of reports in the scope's time. */
static void add_reports(const struct owner_scope *scope, const char *source, struct sql_builder *b)
{
	sql_add(b, source);
	sql_add(b, " c");
	if (scope->is_page && source == scope->source)
		sql_add(b, " SEMI JOIN ways USING (" TUPLE ")");
	sql_add(b, " WHERE last_us >= ");
	sql_i64(b, scope->from_us);
	sql_add(b, " AND last_us < ");
	sql_i64(b, scope->to_us);
}

void owner_end(const struct owner_scope *scope, struct sql_builder *b)
{
	sql_add(b, ways);
	sql_add(b, heard);
	add_reports(scope, scope->source, b);
	sql_add(b, " GROUP BY exporter_id, id, " TUPLE "), ");
	sql_add(b, fits);
	sql_i64(b, -OWNER_SLACK_US);
	sql_add(b, "), ");
	sql_add(b, udp_ways);
	sql_add(b, sockets_before);
	add_reports(scope, scope->sockets, b);
	sql_add(b, " GROUP BY exporter_id, id, netns, local_port), ");
	sql_add(b, udp_fits);
	sql_i64(b, -OWNER_SLACK_US);
	sql_add(b, "), ");
	sql_add(b, owners);
}
