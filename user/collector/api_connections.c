// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/connections?filter=&failed=0|1&slow=100ms&limit=100&offset=0
 * &order=last|start|connect|rtt|retransmits|octets&last=…|from=&to=&after=&exporter=
 * &format=json|csv: TCP connections that something was reported of, each one once.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_columns.h"
#include "user/collector/query_signal.h"
#include "user/collector/query_sql.h"
#include "user/lib/cleanup.h"
#include "user/lib/timespec.h"

#define LIMIT_DEFAULT 100
#define OFFSET_MAX 1000000000

struct connections {
	struct signal_scope scope;
	size_t order;
	uint64_t limit, offset;
	int64_t slow_us; /* 0: any */
	bool failed;
	bool is_csv;
};

static const char *const orders[] = { "last", "start", "connect", "rtt", "retransmits", "octets" };
static const char *const orders_sql[] = {
	"last_us DESC", "start_us DESC",    "connect_ns DESC",
	"srtt_us DESC", "retransmits DESC", "octets_acked + octets_received DESC",
};
/* Ties are broken so that pages do not overlap. */
#define REST_OF_ORDER ", last_us DESC, exporter_id, id"

#define NUMBER(name) { { #name, COLUMN_INT }, "t." #name "::BIGINT" }
#define BIG(name) { { #name, COLUMN_INT }, QUERY_BIGINT("t." #name) }
static const struct {
	struct query_column column;
	const char *sql;
} reply_columns[] = {
	{ { "id", COLUMN_ID }, "t.id" },
	{ { "agent", COLUMN_TEXT }, "e.agent" },
	{ { "host", COLUMN_TEXT }, "e.host" },
	NUMBER(netns),
	{ { "role", COLUMN_ROLE }, "t.role::BIGINT" },
	{ { "local_address", COLUMN_ADDRESS }, "t.local_hi, t.local_lo" },
	NUMBER(local_port),
	{ { "remote_address", COLUMN_ADDRESS }, "t.remote_hi, t.remote_lo" },
	NUMBER(remote_port),
	{ { "state", COLUMN_STATE }, "t.state::BIGINT" },
	{ { "end", COLUMN_CONNECTION_END }, "t.\"end\"::BIGINT" },
	{ { "error", COLUMN_ERRNO }, "t.error::BIGINT" },
	NUMBER(start_us),
	{ { "end_us", COLUMN_INT }, "t.ended_us::BIGINT" },
	NUMBER(last_us),
	{ { "duration_us", COLUMN_INT },
	  "CASE WHEN t.start_us > 0 THEN greatest(t.end_us - t.start_us, 0)::BIGINT END" },
	BIG(connect_ns),
	BIG(accept_ns),
	BIG(octets_acked),
	BIG(octets_received),
	BIG(segments_out),
	BIG(retransmits),
	BIG(retransmits_rto),
	BIG(retransmits_fast),
	BIG(retransmits_syn),
	BIG(retransmits_synack),
	BIG(retransmit_octets),
	NUMBER(srtt_us),
	NUMBER(rttvar_us),
	NUMBER(min_rtt_us),
	NUMBER(cwnd),
	NUMBER(reordering),
	NUMBER(lost),
	NUMBER(unacked),
	BIG(pacing_rate),
	BIG(delivery_rate),
	NUMBER(pid),
	{ { "uid", COLUMN_INT }, "CASE WHEN t.uid < 4294967295 THEN t.uid::BIGINT END" },
	{ { "comm", COLUMN_TEXT }, "t.comm" },
	BIG(cgroup),
	{ { "cgroup_path", COLUMN_TEXT }, "t.cgroup_path" },
};

static inline void connections_done_auto(struct connections *c)
{
	signal_scope_done(&c->scope);
}

static int slow_arg(const struct api_request *req, struct api_reply *reply, int64_t *ret)
{
	const char *text = req->arg(req, "slow");
	int err;

	*ret = 0;
	if (!text || !timespec_parse_duration(text, ret))
		return 0;
	err = api_error(reply, 400, "slow", -1, "slow is not a time (like 100ms or 1s)");
	return err < 0 ? err : 1;
}

static int parse(const struct api_request *req, struct api_reply *reply, struct connections *c)
{
	int err = signal_word_arg(req, reply, "order", orders, ARRAY_LEN(orders), &c->order);

	if (!err)
		err = query_format_arg(req, reply, &c->is_csv);
	if (!err)
		err = query_flag_arg(req, reply, "failed", &c->failed);
	if (!err)
		err = slow_arg(req, reply, &c->slow_us);
	if (!err)
		err = query_number_arg(req, reply, "limit", 1, QUERY_ROWS_MAX, LIMIT_DEFAULT,
				       &c->limit);
	if (!err)
		err = query_number_arg(req, reply, "offset", 0, OFFSET_MAX, 0, &c->offset);
	if (!err)
		err = signal_scope_parse(req, reply, SERIES_CONNECTIONS, &c->scope);
	return err;
}

static void add_matched(const struct connections *c, struct sql_builder *b)
{
	signal_from(&c->scope, b);
	if (c->failed)
		sql_add(b, " AND \"end\" = 6");
	if (c->slow_us) {
		sql_add(b, " AND connect_ns >= ");
		sql_u64(b, (uint64_t)c->slow_us * 1000);
	}
}

static void add_statement(const struct connections *c, struct sql_builder *b)
{
	sql_add(b, "SELECT ");
	for (size_t i = 0; i < ARRAY_LEN(reply_columns); i++) {
		sql_add(b, i ? ", " : "");
		sql_add(b, reply_columns[i].sql);
	}
	sql_add(b, " FROM (SELECT *");
	signal_page_begin(&c->scope, b);
	sql_add(b, "SELECT exporter_id, id");
	add_matched(c, b);
	sql_add(b, " ORDER BY ");
	sql_add(b, orders_sql[c->order]);
	sql_add(b, REST_OF_ORDER " LIMIT ");
	sql_u64(b, c->limit);
	sql_add(b, " OFFSET ");
	sql_u64(b, c->offset);
	signal_page_end(&c->scope, b);
	sql_add(b, ") t LEFT JOIN (SELECT id AS key, agent, host FROM exporters) e "
		   "ON e.key = t.exporter_id ORDER BY ");
	sql_add(b, orders_sql[c->order]);
	sql_add(b, REST_OF_ORDER);
}

static int count_matched(const struct api_request *req, struct api_reply *reply,
			 const struct connections *c, int64_t *ret)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b;
	int err = sql_init(&b);

	if (err)
		return err;
	sql_add(&b, "SELECT count(*)::BIGINT");
	add_matched(c, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err;
	*ret = query_rows_next(&rows) ? query_int(&rows, 0) : 0;
	return 0;
}

int api_connections(const struct api_request *req, struct api_reply *reply)
{
	AUTO(connections_done) struct connections c = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	struct query_column columns[ARRAY_LEN(reply_columns)];
	int64_t matched = 0;
	int err = parse(req, reply, &c);

	if (err)
		return err < 0 ? err : 0;
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		columns[i] = reply_columns[i].column;
	err = sql_init(&b);
	if (err)
		return err;
	add_statement(&c, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (c.is_csv)
		return query_reply_csv(reply, &rows, columns, ARRAY_LEN(columns));
	err = count_matched(req, reply, &c, &matched);
	if (err)
		return err < 0 ? err : 0;
	return query_reply_json(
		reply, &rows, columns, ARRAY_LEN(columns),
		json_pack("{s:I,s:I,s:I,s:s,s:I,s:I,s:s}", "matched", (json_int_t)matched, "limit",
			  (json_int_t)c.limit, "offset", (json_int_t)c.offset, "order",
			  orders[c.order], "from_us", (json_int_t)c.scope.from_us, "to_us",
			  (json_int_t)c.scope.to_us, "cursor", c.scope.after.cursor));
}
