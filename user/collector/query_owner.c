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
		*ret = scope;
	return err;
}

void owner_scope_done(struct owner_scope *scope)
{
	free(scope->source);
	memset(scope, 0, sizeof(*scope));
}

void owner_begin(struct sql_builder *b)
{
	sql_add(b, "(WITH seen AS MATERIALIZED (SELECT row_number() OVER () AS n, * FROM (");
}

/* Rows that have ports, once for each way round. */
#define TUPLE "netns, local_hi, local_lo, local_port, remote_hi, remote_lo, remote_port"
#define WAYS_FROM " FROM seen WHERE proto = 6 AND flags & 4 = 0"
static const char ways[] =
	")), ways AS (SELECT n, exporter_id, netns, start_us, end_us, flags & 1 = 1 AS is_near,"
	" src_hi AS local_hi, src_lo AS local_lo, src_port AS local_port,"
	" dst_hi AS remote_hi, dst_lo AS remote_lo, dst_port AS remote_port" WAYS_FROM
	" UNION ALL SELECT n, exporter_id, netns, start_us, end_us, flags & 1 = 0,"
	" dst_hi, dst_lo, dst_port, src_hi, src_lo, src_port" WAYS_FROM "), ";

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
	"fits AS (SELECT w.n, w.is_near, w.exporter_id = h.exporter_id AS is_same, "
	"least(w.end_us, h.until_us) - greatest(w.start_us, h.since_us) AS common_us, "
	"h.id, h.exporter_id, since_us, comm, cgroup_path, pid, srtt_us, retransmits, connect_ns "
	"FROM ways w JOIN heard h USING (" TUPLE ") JOIN exporters we ON we.id = w.exporter_id "
	"JOIN exporters he ON he.id = h.exporter_id AND he.agent = we.agent WHERE common_us >= ";

static const char owners[] =
	"owners AS (SELECT *, count(*) OVER (PARTITION BY n, is_near, is_same, common_us >= 0) AS rivals"
	" FROM fits QUALIFY row_number() OVER (PARTITION BY n ORDER BY is_near DESC, is_same DESC,"
	" common_us >= 0 DESC, common_us DESC, since_us DESC, exporter_id, id) = 1) "
	"SELECT seen.*, CASE WHEN rivals > 1 THEN 'ambiguous' WHEN rivals = 1 THEN 'one' ELSE 'none' END"
	" AS joined, comm AS process, cgroup_path AS cgroup, pid::BIGINT AS pid,"
	" srtt_us::BIGINT AS srtt_us, retransmits,"
	" (nullif(connect_ns, 0) // 1000)::BIGINT AS connect_us FROM seen LEFT JOIN owners USING (n))";

void owner_end(const struct owner_scope *scope, struct sql_builder *b)
{
	sql_add(b, ways);
	sql_add(b, heard);
	sql_add(b, scope->source);
	sql_add(b, " c");
	if (scope->is_page)
		sql_add(b, " SEMI JOIN ways USING (" TUPLE ")");
	sql_add(b, " WHERE last_us >= ");
	sql_i64(b, scope->from_us);
	sql_add(b, " AND last_us < ");
	sql_i64(b, scope->to_us);
	sql_add(b, " GROUP BY exporter_id, id, " TUPLE "), ");
	sql_add(b, fits);
	sql_i64(b, -OWNER_SLACK_US);
	sql_add(b, "), ");
	sql_add(b, owners);
}
