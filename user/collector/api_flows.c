// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/flows?bidir=0|1 (api_bidir.c)&filter=&limit=100&offset=0
 * &order=start|end|bytes|packets|duration&aggregate=0|1
 * &last=…|from=&to=&after=&all=&exporter=&format=json|csv: the rows of flows, largest or newest
 * first, with the owner of their connection.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/api_bidir.h"
#include "user/collector/query.h"
#include "user/collector/query_columns.h"
#include "user/collector/query_owner.h"
#include "user/collector/query_sql.h"
#include "user/lib/cleanup.h"

#define FLOWS_LIMIT_DEFAULT 100
#define FLOWS_OFFSET_MAX 1000000000
#define SINCE_MAX 10000 /* rows up to the end of a page */

struct flows {
	struct query_scope scope;
	struct owner_scope owner;
	const struct flows_order *order;
	uint64_t limit, offset;
	int64_t since_us; /* no row of the page ends before */
	bool is_merged; /* records of one flow become one row */
	bool is_csv;
};

/* Ties are broken by what makes rows different, so that pages do not overlap. */
#define REST_OF_ORDER                                                               \
	", start_us DESC, end_us DESC, octets DESC, packets DESC, src_hi, src_lo, " \
	"dst_hi, dst_lo, src_port, dst_port, proto, flags, exporter_id, ifindex"

static const struct flows_order {
	const char *name;
	const char *sql;
	const char *place; /* the same of a group of records */
} orders[] = {
	{ "start", "start_us DESC" REST_OF_ORDER, "min(start_us)" },
	{ "end", "end_us DESC" REST_OF_ORDER, "max(end_us)" },
	{ "bytes", "octets DESC" REST_OF_ORDER, "sum(octets)" },
	{ "packets", "packets DESC" REST_OF_ORDER, "sum(packets)" },
	{ "duration", "end_us::HUGEINT - start_us DESC" REST_OF_ORDER,
	  "max(end_us)::HUGEINT - min(start_us)" },
};

/* What makes two records the same flow. */
#define FLOW_KEY                                                                              \
	"exporter_id, src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port, ethertype, proto, " \
	"flags, ifindex, netns, vlan_outer, vlan_inner, tunnel_id"

/* A column of the reply and what it is read from: t the rows, e exporters, i interfaces. */
#define IS_IP "t.ethertype IN (2048, 34525)"
#define HAS_PORTS "t.proto IN (1, 6, 17, 33, 58, 132, 136) AND t.flags & 4 = 0"
static const struct {
	struct query_column column;
	const char *sql;
} flow_columns[] = {
	{ { "start_us", COLUMN_INT }, "t.start_us" },
	{ { "end_us", COLUMN_INT }, "t.end_us" },
	{ { "duration_ms", COLUMN_MS }, QUERY_BIGINT("t.end_us::HUGEINT - t.start_us") },
	{ { "src", COLUMN_ADDRESS },
	  "CASE WHEN " IS_IP " THEN t.src_hi END, CASE WHEN " IS_IP " THEN t.src_lo END" },
	{ { "dst", COLUMN_ADDRESS },
	  "CASE WHEN " IS_IP " THEN t.dst_hi END, CASE WHEN " IS_IP " THEN t.dst_lo END" },
	{ { "src_port", COLUMN_INT }, "CASE WHEN " HAS_PORTS " THEN t.src_port::BIGINT END" },
	{ { "dst_port", COLUMN_INT }, "CASE WHEN " HAS_PORTS " THEN t.dst_port::BIGINT END" },
	{ { "proto", COLUMN_INT }, "CASE WHEN " IS_IP " THEN t.proto::BIGINT END" },
	{ { "proto_name", COLUMN_PROTO_NAME }, "CASE WHEN " IS_IP " THEN t.proto::BIGINT END" },
	{ { "ethertype", COLUMN_ETHERTYPE }, "t.ethertype::BIGINT" },
	{ { "interface", COLUMN_TEXT }, "coalesce(i.name, 'if' || t.ifindex)" },
	{ { "ifindex", COLUMN_INT }, "t.ifindex::BIGINT" },
	{ { "netns", COLUMN_INT }, "t.netns::BIGINT" },
	{ { "direction", COLUMN_DIRECTION }, "(t.flags & 1)::BIGINT" },
	{ { "counted", COLUMN_BOOL }, "(t.flags & 2)::BIGINT" },
	{ { "packets", COLUMN_INT }, QUERY_BIGINT("t.packets") },
	{ { "octets", COLUMN_INT }, QUERY_BIGINT("t.octets") },
	{ { "l3_octets", COLUMN_INT }, QUERY_BIGINT("t.l3_octets") },
	{ { "tcp_flags", COLUMN_TCP_FLAGS }, "CASE WHEN t.proto = 6 THEN t.tcp_flags::BIGINT END" },
	{ { "dscp", COLUMN_INT }, "t.dscp::BIGINT" },
	{ { "ttl_min", COLUMN_INT }, "t.ttl_min::BIGINT" },
	{ { "ttl_max", COLUMN_INT }, "t.ttl_max::BIGINT" },
	{ { "vlan_outer", COLUMN_INT },
	  "CASE WHEN t.vlan_outer >= 4096 THEN (t.vlan_outer & 4095)::BIGINT END" },
	{ { "vlan_inner", COLUMN_INT },
	  "CASE WHEN t.vlan_inner >= 4096 THEN (t.vlan_inner & 4095)::BIGINT END" },
	{ { "tunnel", COLUMN_TUNNEL }, "(t.flags >> 4)::BIGINT" },
	{ { "tunnel_id", COLUMN_INT }, "t.tunnel_id::BIGINT" },
	{ { "inner", COLUMN_BOOL }, "(t.flags & 8)::BIGINT" },
	{ { "later_fragment", COLUMN_BOOL }, "(t.flags & 4)::BIGINT" },
	{ { "sampling", COLUMN_INT }, "greatest(t.sampling, 1)::BIGINT" },
	{ { "records", COLUMN_INT }, "t.records::BIGINT" },
	{ { "src_as", COLUMN_INT }, "t.src_as::BIGINT" },
	{ { "dst_as", COLUMN_INT }, "t.dst_as::BIGINT" },
	{ { "peer_ifindex", COLUMN_INT }, "t.peer_ifindex::BIGINT" },
	{ { "exporter", COLUMN_TEXT }, "e.exporter" },
	{ { "agent", COLUMN_TEXT }, "e.agent" },
	{ { "host", COLUMN_TEXT }, "e.host" },
	{ { "join", COLUMN_TEXT }, "t.joined" },
	{ { "process", COLUMN_TEXT }, "t.process" },
	{ { "pid", COLUMN_INT }, "t.pid" },
	{ { "cgroup", COLUMN_TEXT }, "t.cgroup" },
	{ { "srtt_us", COLUMN_INT }, "t.srtt_us" },
	{ { "retransmits", COLUMN_INT }, "t.retransmits" },
	{ { "connect_us", COLUMN_INT }, "t.connect_us" },
};

static inline void flows_done_auto(struct flows *flows)
{
	query_scope_done(&flows->scope);
	owner_scope_done(&flows->owner);
}

static int parse_order(const struct api_request *req, struct api_reply *reply,
		       const struct flows_order **ret)
{
	const char *order = req->arg(req, "order");
	int err;

	*ret = &orders[0];
	if (!order)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		if (!strcmp(orders[i].name, order)) {
			*ret = &orders[i];
			return 0;
		}
	}
	err = api_error(reply, 400, "order", -1,
			"order is none of start, end, bytes, packets, duration");
	return err < 0 ? err : 1;
}

static int flows_parse(const struct api_request *req, struct api_reply *reply, struct flows *flows)
{
	int err = parse_order(req, reply, &flows->order);

	if (!err)
		err = query_format_arg(req, reply, &flows->is_csv);
	if (!err)
		err = query_flag_arg(req, reply, "aggregate", &flows->is_merged);
	if (!err)
		err = query_number_arg(req, reply, "limit", 1, QUERY_ROWS_MAX, FLOWS_LIMIT_DEFAULT,
				       &flows->limit);
	if (!err)
		err = query_number_arg(req, reply, "offset", 0, FLOWS_OFFSET_MAX, 0,
				       &flows->offset);
	if (!err)
		err = query_scope_parse_fine(req, reply, &flows->scope);
	if (!err)
		err = owner_scope_init(req, query_first_us(&flows->scope), flows->scope.to_us, true,
				       &flows->owner);
	return err;
}

static void add_each(const struct flows *flows, struct sql_builder *b)
{
	static const char *const names[] = { " AS packets, ", " AS octets, ", " AS l3_octets, " };

	sql_add(b, "(SELECT " FLOW_KEY ", ");
	for (int i = QUERY_PACKETS; i <= QUERY_L3_OCTETS; i++) {
		sql_add(b, query_measure(&flows->scope, (enum query_measure)i));
		sql_add(b, names[i]);
	}
	sql_add(b, "start_us, end_us, tcp_flags, dscp, ttl_min, ttl_max, sampling, records, "
		   "nullif(src_as, 0) AS src_as, nullif(dst_as, 0) AS dst_as, "
		   "nullif(peer_ifindex, 0) AS peer_ifindex");
	query_from_flows(&flows->scope, b);
	if (flows->since_us) {
		sql_add(b, " AND end_us >= ");
		sql_i64(b, flows->since_us);
	}
	sql_add(b, ")");
}

/* The keys on this page, found with the one value that the order needs. */
static void add_page_keys(const struct flows *flows, struct sql_builder *b)
{
	sql_add(b, "(SELECT " FLOW_KEY ", ");
	sql_add(b, flows->order->place);
	sql_add(b, " AS place FROM ");
	add_each(flows, b);
	sql_add(b, " e GROUP BY ALL ORDER BY place DESC, " FLOW_KEY " LIMIT ");
	sql_u64(b, flows->limit);
	sql_add(b, " OFFSET ");
	sql_u64(b, flows->offset);
	sql_add(b, ")");
}

/* As in api_top.c: first which, then all about them. */
static void add_merged(const struct flows *flows, struct sql_builder *b)
{
	sql_add(b, "(SELECT " FLOW_KEY ", min(start_us) AS start_us, max(end_us) AS end_us, "
		   "sum(packets) AS packets, sum(octets) AS octets, sum(l3_octets) AS l3_octets, "
		   "bit_or(tcp_flags) AS tcp_flags, arg_min(dscp, start_us) AS dscp, "
		   "min(ttl_min) AS ttl_min, max(ttl_max) AS ttl_max, max(sampling) AS sampling, "
		   "sum(records)::BIGINT AS records, any_value(src_as) AS src_as, "
		   "any_value(dst_as) AS dst_as, any_value(peer_ifindex) AS peer_ifindex FROM ");
	add_each(flows, b);
	sql_add(b, " r SEMI JOIN ");
	add_page_keys(flows, b);
	sql_add(b, " w USING (" FLOW_KEY ") GROUP BY ALL)");
}

/* The few rows of the page are found first, joined and named then. */
static void add_statement(const struct flows *flows, struct sql_builder *b)
{
	sql_add(b, "SELECT ");
	for (size_t i = 0; i < ARRAY_LEN(flow_columns); i++) {
		sql_add(b, i ? ", " : "");
		sql_add(b, flow_columns[i].sql);
	}
	sql_add(b, " FROM ");
	owner_begin(b);
	sql_add(b, "SELECT * FROM ");
	if (flows->is_merged)
		add_merged(flows, b);
	else
		add_each(flows, b);
	sql_add(b, " r ORDER BY ");
	sql_add(b, flows->order->sql);
	sql_add(b, " LIMIT ");
	sql_u64(b, flows->limit);
	if (!flows->is_merged) {
		sql_add(b, " OFFSET ");
		sql_u64(b, flows->offset);
	}
	owner_end(&flows->owner, b);
	sql_add(b,
		" t LEFT JOIN exporters e ON e.id = t.exporter_id LEFT JOIN"
		" (SELECT agent AS of_agent, ifindex AS index, netns AS space,"
		" arg_max(name, last_us) AS name FROM interfaces GROUP BY ALL) i"
		" ON i.of_agent = e.agent AND i.index = t.ifindex AND i.space = t.netns ORDER BY ");
	sql_add(b, flows->order->sql);
}

/*
 * Files know when rows end, and not when they start (store_packed.h). Of as many rows as the page
 * takes, those that end last, none starts before the first of them; so nothing does that is on it,
 * and nothing on it ends before.
 */
static int find_since(const struct api_request *req, struct api_reply *reply, struct flows *flows)
{
	uint64_t n = flows->limit + flows->offset;
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	int err;

	if (flows->order != orders || flows->is_merged || flows->scope.owner ||
	    !flows->scope.tiers.has_files || n > SINCE_MAX)
		return 0;
	err = sql_init(&b);
	if (err)
		return err;
	sql_add(&b, "SELECT min(start_us)::BIGINT, count(*)::BIGINT FROM (SELECT start_us");
	query_from_flows(&flows->scope, &b);
	sql_add(&b, " ORDER BY end_us DESC LIMIT ");
	sql_u64(&b, n);
	sql_add(&b, ")");
	err = query_run_reply(req, reply, &b, &rows);
	if (!err && query_rows_next(&rows) && (uint64_t)query_int(&rows, 1) == n)
		flows->since_us = query_int(&rows, 0);
	return err;
}

static int count_matched(const struct api_request *req, struct api_reply *reply,
			 const struct flows *flows, int64_t *ret)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b;
	int err = sql_init(&b);

	if (err)
		return err;
	sql_add(&b, "SELECT count(*)::BIGINT");
	if (flows->is_merged)
		sql_add(&b, " FROM (SELECT DISTINCT " FLOW_KEY);
	query_from_flows(&flows->scope, &b);
	sql_add(&b, flows->is_merged ? ")" : "");
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err;
	*ret = query_rows_next(&rows) ? query_int(&rows, 0) : 0;
	return 0;
}

int api_flows(const struct api_request *req, struct api_reply *reply)
{
	AUTO(flows_done) struct flows flows = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	struct query_column columns[ARRAY_LEN(flow_columns)];
	int64_t matched = 0;
	bool is_bidir;
	int err = query_flag_arg(req, reply, "bidir", &is_bidir);

	if (!err && is_bidir)
		return api_bidir(req, reply);
	if (!err)
		err = flows_parse(req, reply, &flows);
	if (err)
		return err < 0 ? err : 0;
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		columns[i] = flow_columns[i].column;
	err = sql_init(&b);
	if (!err)
		err = find_since(req, reply, &flows);
	if (err)
		return err < 0 ? err : 0;
	add_statement(&flows, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (flows.is_csv)
		return query_reply_csv(reply, &rows, columns, ARRAY_LEN(columns));
	err = count_matched(req, reply, &flows, &matched);
	if (err)
		return err < 0 ? err : 0;
	return query_reply_json(
		reply, &rows, columns, ARRAY_LEN(columns),
		json_pack("{s:I,s:I,s:I,s:s,s:I,s:I,s:b,s:b,s:s,s:o}", "matched",
			  (json_int_t)matched, "limit", (json_int_t)flows.limit, "offset",
			  (json_int_t)flows.offset, "order", flows.order->name, "from_us",
			  (json_int_t)flows.scope.from_us, "to_us", (json_int_t)flows.scope.to_us,
			  "aggregate", flows.is_merged, "all", flows.scope.all, "cursor",
			  flows.scope.after.cursor, "tiers", query_tiers_json(&flows.scope)));
}
