// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/flows?bidir=1&order=…&limit=…&filter=…: both directions of a conversation as one row, as
 * `nfdump -B`. src is who was seen sending first; what has no ports is one row for two addresses.
 */
#include "user/collector/api_bidir.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "user/collector/query.h"
#include "user/collector/query_columns.h"
#include "user/collector/query_sql.h"
#include "user/collector/store_functions.h"
#include "user/lib/cleanup.h"

#define LIMIT_DEFAULT 100
#define OFFSET_MAX 1000000000

#define HAS_PORTS STORE_HAS_PORTS

static const struct query_column columns[] = {
	{ "start_us", COLUMN_INT },
	{ "end_us", COLUMN_INT },
	{ "ethertype", COLUMN_ETHERTYPE },
	{ "proto", COLUMN_INT },
	{ "proto_name", COLUMN_PROTO_NAME },
	{ "src", COLUMN_ADDRESS },
	{ "src_port", COLUMN_INT },
	{ "dst", COLUMN_ADDRESS },
	{ "dst_port", COLUMN_INT },
	{ "tcp_flags", COLUMN_TCP_FLAGS },
	{ "packets_out", COLUMN_INT },
	{ "packets_in", COLUMN_INT },
	{ "octets_out", COLUMN_INT },
	{ "octets_in", COLUMN_INT },
	{ "flows", COLUMN_INT },
};

static const struct {
	const char *name, *sql;
} orders[] = {
	{ "start", "start_us" },
	{ "end", "end_us" },
	{ "bytes", "octets_a + octets_b" },
	{ "packets", "packets_a + packets_b" },
	{ "duration", "end_us - start_us" },
};

struct bidir {
	struct query_scope scope;
	size_t order;
	uint64_t limit, offset;
	bool is_csv;
};

static inline void bidir_done_auto(struct bidir *d)
{
	query_scope_done(&d->scope);
}

static int parse_order(const struct api_request *req, struct api_reply *reply, size_t *ret)
{
	const char *order = req->arg(req, "order");
	int err;

	*ret = 0;
	for (size_t i = 0; order && i < ARRAY_LEN(orders); i++) {
		if (!strcmp(orders[i].name, order)) {
			*ret = i;
			return 0;
		}
	}
	if (!order)
		return 0;
	err = api_error(reply, 400, "order", -1,
			"order is none of start, end, bytes, packets, duration");
	return err < 0 ? err : 1;
}

static int parse(const struct api_request *req, struct api_reply *reply, struct bidir *d)
{
	int err = parse_order(req, reply, &d->order);

	if (!err && req->arg(req, "after")) {
		err = api_error(reply, 400, "after", -1, "bidir cannot be followed: rows change");
		return err < 0 ? err : 1;
	}
	if (!err)
		err = query_format_arg(req, reply, &d->is_csv);
	if (!err)
		err = query_number_arg(req, reply, "limit", 1, QUERY_ROWS_MAX, LIMIT_DEFAULT,
				       &d->limit);
	if (!err)
		err = query_number_arg(req, reply, "offset", 0, OFFSET_MAX, 0, &d->offset);
	return err ? err : query_scope_parse_fine(req, reply, &d->scope);
}

/* a is the lower end, whoever sends; b the other. */
static void add_ends(struct sql_builder *b)
{
	sql_add(b,
		"(SELECT *, src_hi > dst_hi OR (src_hi = dst_hi AND (src_lo > dst_lo OR "
		"(src_lo = dst_lo AND p_src > p_dst))) AS is_swapped FROM (SELECT *, "
		"if(" HAS_PORTS ", src_port, 0) AS p_src, if(" HAS_PORTS ", dst_port, 0) AS p_dst");
}

static void add_sums(const struct query_scope *scope, struct sql_builder *b)
{
	static const struct {
		enum query_measure measure;
		const char *one, *other;
	} sums[] = {
		{ QUERY_PACKETS, ") FILTER (NOT is_swapped) AS packets_a, ",
		  ") FILTER (is_swapped) AS packets_b, " },
		{ QUERY_OCTETS, ") FILTER (NOT is_swapped) AS octets_a, ",
		  ") FILTER (is_swapped) AS octets_b, " },
	};

	for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
		sql_add(b, "sum(");
		sql_add(b, query_measure(scope, sums[i].measure));
		sql_add(b, sums[i].one);
		sql_add(b, "sum(");
		sql_add(b, query_measure(scope, sums[i].measure));
		sql_add(b, sums[i].other);
	}
}

static void add_pairs(const struct bidir *d, struct sql_builder *b)
{
	sql_add(b,
		"(SELECT if(is_swapped, dst_hi, src_hi) AS a_hi, "
		"if(is_swapped, dst_lo, src_lo) AS a_lo, if(is_swapped, p_dst, p_src) AS a_port, "
		"if(is_swapped, src_hi, dst_hi) AS b_hi, if(is_swapped, src_lo, dst_lo) AS b_lo, "
		"if(is_swapped, p_src, p_dst) AS b_port, ethertype, proto, ");
	add_sums(&d->scope, b);
	sql_add(b, "min(start_us) AS start_us, max(end_us) AS end_us, bit_or(tcp_flags) AS "
		   "tcp_flags, sum(records) AS flows, arg_min(is_swapped, start_us) AS is_turned "
		   "FROM ");
	add_ends(b);
	query_from_flows(&d->scope, b);
	sql_add(b, ")) GROUP BY ALL)");
}

#define SIDE(yes, no) "if(is_turned, " yes ", " no ")"
#define AMOUNT(yes, no) "coalesce(" SIDE(yes, no) ", 0)"
#define PORT(yes, no) "if(proto IN (6, 17, 33, 132, 136), " SIDE(yes, no) ", NULL)::BIGINT"
#define IS_IP "ethertype IN (2048, 34525)"

static void add_statement(const struct bidir *d, struct sql_builder *b)
{
	sql_add(b,
		"SELECT start_us, end_us, ethertype::BIGINT, "
		"if(" IS_IP ", proto, NULL)::BIGINT, if(" IS_IP ", proto, NULL)::BIGINT, "
		"if(" IS_IP ", " SIDE(
			"b_hi",
			"a_hi") ", NULL), "
				"if(" IS_IP ", " SIDE("b_lo", "a_lo") ", NULL), " PORT(
					"b_port",
					"a_port") ", "
						  "if(" IS_IP ", " SIDE(
							  "a_hi",
							  "b_hi") ", NULL), "
								  "if(" IS_IP
								  ", " SIDE("a_lo", "b_lo") ", NULL), " PORT(
									  "a_port",
									  "b_port") ", "
										    "if(proto = 6, tcp_flags, NULL)::BIGINT, " QUERY_BIGINT(AMOUNT("packets_b", "packets_a")) ", " QUERY_BIGINT(
											    AMOUNT("packets_a",
												   "packets_b")) ", " QUERY_BIGINT(AMOUNT("octets_b",
																	  "octets_a")) ", " QUERY_BIGINT(AMOUNT("octets_a",
																						"octets_b")) ", flows::BIGINT FROM ");
	add_pairs(d, b);
	sql_add(b, " ORDER BY coalesce(");
	sql_add(b, orders[d->order].sql);
	sql_add(b, ", 0) DESC, start_us DESC, a_hi, a_lo, b_hi, b_lo, a_port, b_port LIMIT ");
	sql_u64(b, d->limit);
	sql_add(b, " OFFSET ");
	sql_u64(b, d->offset);
}

static int count_matched(const struct api_request *req, struct api_reply *reply,
			 const struct bidir *d, int64_t *ret)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b;
	int err = sql_init(&b);

	if (err)
		return err;
	sql_add(&b, "SELECT count(*)::BIGINT FROM ");
	add_pairs(d, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (!err)
		*ret = query_rows_next(&rows) ? query_int(&rows, 0) : 0;
	return err;
}

int api_bidir(const struct api_request *req, struct api_reply *reply)
{
	AUTO(bidir_done) struct bidir d = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	int64_t matched = 0;
	int err = parse(req, reply, &d);

	if (!err)
		err = sql_init(&b);
	if (err)
		return err < 0 ? err : 0;
	add_statement(&d, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (d.is_csv)
		return query_reply_csv(reply, &rows, columns, ARRAY_LEN(columns));
	err = count_matched(req, reply, &d, &matched);
	if (err)
		return err < 0 ? err : 0;
	return query_reply_json(
		reply, &rows, columns, ARRAY_LEN(columns),
		json_pack("{s:I,s:I,s:I,s:s,s:I,s:I,s:b,s:o}", "matched", (json_int_t)matched,
			  "limit", (json_int_t)d.limit, "offset", (json_int_t)d.offset, "order",
			  orders[d.order].name, "from_us", (json_int_t)d.scope.from_us, "to_us",
			  (json_int_t)d.scope.to_us, "bidir", 1, "tiers",
			  query_tiers_json(&d.scope)));
}
