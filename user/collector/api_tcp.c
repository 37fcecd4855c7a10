// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/tcp?by=dst,dstport,src,process,cgroup,host&order=connections|connect|rtt|retransmits|
 * failures|octets&n=10&filter=&last=…|from=&to=&exporter=&format=json|csv: how TCP fares, to whom.
 * Latencies are quantiles of connections that have one; nothing is estimated.
 */
#include <errno.h>
#include <jansson.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_group.h"
#include "user/collector/query_signal.h"
#include "user/collector/query_sql.h"
#include "user/lib/cleanup.h"

#define N_DEFAULT 10

static const struct group_key keys[] = {
	{ "dst", { { { "dst", COLUMN_ADDRESS }, "dst_hi, dst_lo" } } },
	{ "dstport", { { { "dst_port", COLUMN_INT }, "dst_port::BIGINT" } } },
	{ "src", { { { "src", COLUMN_ADDRESS }, "src_hi, src_lo" } } },
	{ "process",
	  { { { "process", COLUMN_TEXT }, "CASE WHEN comm <> '' THEN comm ELSE 'unknown' END" } } },
	{ "cgroup",
	  { { { "cgroup", COLUMN_TEXT },
	      "CASE WHEN cgroup_path <> '' THEN cgroup_path ELSE 'unknown' END" } } },
	{ "role", { { { "role", COLUMN_ROLE }, "role::BIGINT" } } },
	{ "host",
	  { { { "host", COLUMN_TEXT },
	      "(SELECT host FROM exporters WHERE exporters.id = exporter_id)" } } },
};

#define ESTABLISHED "happened & 2 = 2"
#define QUANTILE(column, q) "quantile_disc(" column ", " q ") FILTER (" column " > 0)::BIGINT"
/* sent and received as the client's side has it: what it sends is what the server receives */
static const struct {
	struct query_column column;
	const char *sql;
} measures[] = {
	{ { "connections", COLUMN_INT }, "count(*)::BIGINT AS connections" },
	{ { "established", COLUMN_INT }, "count(*) FILTER (" ESTABLISHED ")::BIGINT" },
	{ { "failed", COLUMN_INT }, "count(*) FILTER (\"end\" = 6)::BIGINT AS failures" },
	{ { "connect_p50_ns", COLUMN_INT }, QUANTILE("connect_ns", "0.5") },
	{ { "connect_p95_ns", COLUMN_INT }, QUANTILE("connect_ns", "0.95") " AS connect" },
	{ { "connect_max_ns", COLUMN_INT }, "max(connect_ns)::BIGINT" },
	{ { "srtt_p50_us", COLUMN_INT }, QUANTILE("srtt_us", "0.5") },
	{ { "srtt_p95_us", COLUMN_INT }, QUANTILE("srtt_us", "0.95") " AS rtt" },
	{ { "srtt_max_us", COLUMN_INT }, "max(srtt_us)::BIGINT" },
	{ { "segments_out", COLUMN_INT }, QUERY_BIGINT("sum(segments_out)") },
	{ { "retransmits", COLUMN_INT }, QUERY_BIGINT("sum(retransmits)") " AS retransmitted" },
	{ { "octets_acked", COLUMN_INT }, QUERY_BIGINT("sum(octets_acked)") },
	{ { "octets_received", COLUMN_INT }, QUERY_BIGINT("sum(octets_received)") },
};

static const char *const orders[] = { "connections", "connect",	 "rtt",
				      "retransmits", "failures", "octets" };
static const char *const orders_sql[] = {
	"connections DESC",    "connect DESC NULLS LAST",
	"rtt DESC NULLS LAST", "retransmitted DESC",
	"failures DESC",       "sum(octets_acked) + sum(octets_received) DESC",
};

struct tcp {
	struct signal_scope scope;
	struct group group;
	size_t order;
	uint64_t n;
	bool is_csv;
};

static inline void tcp_done_auto(struct tcp *t)
{
	signal_scope_done(&t->scope);
}

static int parse(const struct api_request *req, struct api_reply *reply, struct tcp *t)
{
	int err = group_arg(req, reply, keys, ARRAY_LEN(keys), &t->group);

	if (!err)
		err = signal_word_arg(req, reply, "order", orders, ARRAY_LEN(orders), &t->order);
	if (!err)
		err = query_format_arg(req, reply, &t->is_csv);
	if (!err)
		err = query_number_arg(req, reply, "n", 1, QUERY_ROWS_MAX, N_DEFAULT, &t->n);
	if (!err)
		err = signal_scope_parse(req, reply, SERIES_CONNECTIONS, &t->scope);
	return err;
}

static void add_statement(const struct tcp *t, struct sql_builder *b)
{
	sql_add(b, "SELECT ");
	group_add(&t->group, b);
	for (size_t i = 0; i < ARRAY_LEN(measures); i++) {
		sql_add(b, ", ");
		sql_add(b, measures[i].sql);
	}
	signal_from(&t->scope, b);
	sql_add(b, " GROUP BY ALL ORDER BY ");
	sql_add(b, orders_sql[t->order]);
	sql_add(b, ", connections DESC, "); /* ties by the keys: the same rows win every time */
	group_add(&t->group, b);
	sql_add(b, " LIMIT ");
	sql_u64(b, t->n);
}

int api_tcp(const struct api_request *req, struct api_reply *reply)
{
	AUTO(tcp_done) struct tcp t = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	struct query_column columns[GROUP_KEYS_MAX * GROUP_COLUMNS_MAX + ARRAY_LEN(measures)];
	int err = parse(req, reply, &t);
	size_t len;

	if (err)
		return err < 0 ? err : 0;
	err = sql_init(&b);
	if (err)
		return err;
	len = group_columns(&t.group, columns);
	for (size_t i = 0; i < ARRAY_LEN(measures); i++)
		columns[len++] = measures[i].column;
	add_statement(&t, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (t.is_csv)
		return query_reply_csv(reply, &rows, columns, len);
	return query_reply_json(reply, &rows, columns, len,
				json_pack("{s:s,s:I,s:I}", "order", orders[t.order], "from_us",
					  (json_int_t)t.scope.from_us, "to_us",
					  (json_int_t)t.scope.to_us));
}
