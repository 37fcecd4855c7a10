// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/topology?group=host|subnet|service|process&order=bytes|packets|flows&n=200&prefix4=24
 * &prefix6=64&filter=&last=…|from=&to=&exporter=&all=&tier=: who talks to whom, as the graph that
 * D3 takes: {"nodes":[{"id"}],"links":[{"source","target","weight"}]}. Links are directed, from who
 * sent; the n heaviest are there, "rest" says what the others add up to.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_owner.h"
#include "user/collector/query_signal.h"
#include "user/collector/query_sql.h"
#include "user/collector/store_functions.h"
#include "user/lib/addr.h"
#include "user/lib/cleanup.h"

#define N_DEFAULT 200
#define N_MAX 10000
#define NODE_MAX (ADDR_TEXT_MAX + 32)

enum group { GROUP_HOST, GROUP_SUBNET, GROUP_SERVICE, GROUP_PROCESS, GROUPS };
static const char *const groups[GROUPS] = { "host", "subnet", "service", "process" };
static const char *const orders[] = { "bytes", "packets", "flows" };

struct topology {
	struct query_scope scope;
	struct owner_scope owner; /* of processes */
	size_t group, order;
	uint64_t n, prefix4, prefix6;
};

static inline void topology_done_auto(struct topology *t)
{
	query_scope_done(&t->scope);
	owner_scope_done(&t->owner);
}

static int topology_parse(const struct api_request *req, struct api_reply *reply,
			  struct topology *t)
{
	int err = signal_word_arg(req, reply, "group", groups, GROUPS, &t->group);

	if (!err)
		err = signal_word_arg(req, reply, "order", orders, ARRAY_LEN(orders), &t->order);
	if (!err)
		err = query_number_arg(req, reply, "n", 1, N_MAX, N_DEFAULT, &t->n);
	if (!err)
		err = query_number_arg(req, reply, "prefix4", 0, 32, 24, &t->prefix4);
	if (!err)
		err = query_number_arg(req, reply, "prefix6", 0, 64, 64, &t->prefix6);
	if (!err)
		err = query_scope_parse(req, reply, &t->scope);
	if (!err && t->group == GROUP_PROCESS)
		err = owner_scope_init(req, query_first_us(&t->scope), t->scope.to_us, false,
				       &t->owner);
	return err;
}

/* ---- the statement --------------------------------------------------------------------------- */

#define IS_V4(side) side "_hi = 0 AND " side "_lo >> 32 = 65535"

/* One half of one end's address, without the bits behind the prefix. */
static void add_first_half(const struct topology *t, bool is_src, struct sql_builder *b)
{
	if (t->group != GROUP_SUBNET) {
		sql_add(b, is_src ? "src_hi" : "dst_hi");
		return;
	}
	sql_add(b, is_src ? "CASE WHEN " IS_V4("src") " THEN 0::UBIGINT ELSE src_hi & "
			  : "CASE WHEN " IS_V4("dst") " THEN 0::UBIGINT ELSE dst_hi & ");
	sql_u64(b, t->prefix6 ? UINT64_MAX << (64 - t->prefix6) : 0);
	sql_add(b, "::UBIGINT END");
}

static void add_second_half(const struct topology *t, bool is_src, struct sql_builder *b)
{
	if (t->group != GROUP_SUBNET) {
		sql_add(b, is_src ? "src_lo" : "dst_lo");
		return;
	}
	sql_add(b, is_src ? "CASE WHEN " IS_V4("src") " THEN src_lo & "
			  : "CASE WHEN " IS_V4("dst") " THEN dst_lo & ");
	sql_u64(b, UINT64_MAX << (32 - t->prefix4));
	sql_add(b, "::UBIGINT ELSE 0::UBIGINT END");
}

static void add_address(const struct topology *t, bool is_src, struct sql_builder *b)
{
	add_first_half(t, is_src, b);
	sql_add(b, ", ");
	add_second_half(t, is_src, b);
}

/* The service's end has its port in its name: the lower port's, as the coarse tiers keep it. */
#define HAS_PORTS STORE_HAS_PORTS
static const char port_columns[] =
	", if(" HAS_PORTS
	" AND src_port > 0 AND (src_port < dst_port OR dst_port = 0), src_port, 0)::BIGINT"
	", if(" HAS_PORTS
	" AND dst_port > 0 AND (dst_port <= src_port OR src_port = 0), dst_port, 0)::BIGINT";
/* The end that is here has its process's name: the source of what leaves, else the destination. */
static const char process_columns[] =
	", if(flags & 1 = 1, process, NULL), if(flags & 1 = 0, process, NULL)";

static void add_rows(const struct topology *t, struct sql_builder *b)
{
	query_from_flows(&t->scope, b);
	sql_add(b, " AND ethertype IN (2048, 34525)");
}

/* Links as "a_hi, a_lo, b_hi, b_lo, a_name, b_name, octets, packets, flows". */
static void add_links(const struct topology *t, struct sql_builder *b)
{
	bool is_named = t->group == GROUP_SERVICE || t->group == GROUP_PROCESS;

	sql_add(b, "(SELECT a_hi, a_lo, b_hi, b_lo, ");
	sql_add(b, is_named ? "a_name, b_name" : "NULL AS a_name, NULL AS b_name");
	sql_add(b, ", sum(octets) AS octets, sum(packets) AS packets, sum(records) AS flows FROM ("
		   "SELECT ");
	add_address(t, true, b);
	sql_add(b, ", ");
	add_address(t, false, b);
	if (t->group == GROUP_SERVICE)
		sql_add(b, port_columns);
	else if (t->group == GROUP_PROCESS)
		sql_add(b, process_columns);
	else
		sql_add(b, ", 0::BIGINT, 0::BIGINT");
	sql_add(b, ", ");
	sql_add(b, query_measure(&t->scope, QUERY_OCTETS));
	sql_add(b, ", ");
	sql_add(b, query_measure(&t->scope, QUERY_PACKETS));
	sql_add(b, ", records::BIGINT");
	if (t->group == GROUP_PROCESS) {
		sql_add(b, " FROM ");
		owner_begin(b);
		sql_add(b, "SELECT exporter_id, netns, proto, flags, ethertype, start_us, end_us, "
			   "src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port, sampling, records, "
			   "packets, l2_octets, l3_octets");
		query_from_flows(&t->scope, b);
		owner_end(&t->owner, b);
		sql_add(b, " o WHERE ethertype IN (2048, 34525)");
	} else {
		add_rows(t, b);
	}
	sql_add(b, ") r(a_hi, a_lo, b_hi, b_lo, a_name, b_name, octets, packets, records) "
		   "GROUP BY a_hi, a_lo, b_hi, b_lo");
	sql_add(b, is_named ? ", a_name, b_name)" : ")");
}

static void add_statement(const struct topology *t, struct sql_builder *b)
{
	static const char *const weights[] = { "octets", "packets", "flows" };

	sql_add(b, "WITH links AS MATERIALIZED ");
	add_links(t, b);
	sql_add(b, ", top AS MATERIALIZED (FROM links ORDER BY ");
	sql_add(b, weights[t->order]);
	sql_add(b, " DESC, a_hi, a_lo, b_hi, b_lo, a_name, b_name LIMIT ");
	sql_u64(b, t->n);
	sql_add(b, "), sums AS (SELECT sum(octets) AS octets, sum(packets) AS packets, "
		   "sum(flows) AS flows, count(*) AS links FROM links), shown AS (SELECT "
		   "sum(octets) AS octets, sum(packets) AS packets, sum(flows) AS flows, "
		   "count(*) AS links FROM top) ");
	/* the last row is what the others add up to */
	sql_add(b,
		"SELECT a_hi, a_lo, b_hi, b_lo, a_name::VARCHAR, b_name::VARCHAR, " QUERY_BIGINT("octets") ", " QUERY_BIGINT(
			"packets") ", " QUERY_BIGINT("flows") ", 1::BIGINT AS links, row_number() OVER (ORDER BY ");
	sql_add(b, weights[t->order]);
	sql_add(b,
		" DESC, a_hi, a_lo, b_hi, b_lo, a_name, b_name) AS place FROM top"
		" UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, " QUERY_BIGINT("s.octets - t.octets") ", " QUERY_BIGINT(
			"s.packets - t.packets") ", " QUERY_BIGINT("s.flows - t.flows") ", (s.links - t.links)::BIGINT, 9223372036854775807 FROM sums s, shown t ORDER BY place");
}

/* Ends that are addresses, and counts that are as they were: sums of ours (key_sums.h). */
static bool may_be_quick(const struct topology *t)
{
	return (t->group == GROUP_HOST || t->group == GROUP_SUBNET) &&
	       !(t->scope.tiers.may_have & TRAIT_SAMPLED);
}

/* Both ends' addresses in a word, where all are of IPv4. */
static bool is_packed(const struct topology *t)
{
	return !(t->scope.tiers.may_have & TRAIT_IPV6);
}

static void add_quick_statement(const struct topology *t, struct sql_builder *b)
{
	static const enum key_sum sums[] = { SUM_OCTETS, SUM_PACKETS, SUM_FLOWS };

	sql_add(b, "SELECT wt_sums(");
	sql_u64(b, STORE_SUMS_SPEC(t->n, sums[t->order]));
	sql_add(b, ", ");
	if (is_packed(t)) {
		sql_add(b, "((");
		add_second_half(t, true, b);
		sql_add(b, ") & 4294967295) * 4294967296 + ((");
		add_second_half(t, false, b);
		sql_add(b, ") & 4294967295)");
	} else {
		add_address(t, true, b);
		sql_add(b, ", ");
		add_address(t, false, b);
	}
	sql_add(b, ", records::UBIGINT, packets, l2_octets)");
	add_rows(t, b);
}

/* ---- the graph ------------------------------------------------------------------------------- */

/* What one end is called beside its address: a port, a process. */
struct word {
	const char *at;
	size_t len; /* 0: nothing */
};

/* "10.0.0.0/24", "10.0.0.1:443", "10.0.0.1 nginx" */
static void node_id(const struct topology *t, uint64_t hi, uint64_t lo, const struct word *name,
		    char id[NODE_MAX])
{
	uint8_t addr[16];
	char text[ADDR_TEXT_MAX];
	const char *word = name->at;
	size_t len = name->len;
	bool is_v4;

	addr_from_halves(hi, lo, addr);
	addr_format(addr, text);
	is_v4 = addr_is_v4(addr);
	if (t->group == GROUP_SUBNET)
		snprintf(id, NODE_MAX, "%s/%u", text,
			 (unsigned int)(is_v4 ? t->prefix4 : t->prefix6));
	else if (t->group == GROUP_SERVICE && len && !(len == 1 && *word == '0'))
		snprintf(id, NODE_MAX, is_v4 ? "%s:%.*s" : "[%s]:%.*s", text, (int)len, word);
	else if (t->group == GROUP_PROCESS && len)
		snprintf(id, NODE_MAX, "%s %.*s", text, (int)len, word);
	else
		snprintf(id, NODE_MAX, "%s", text);
}

/* Once each: `seen` has what is there. */
static int add_node(json_t *nodes, json_t *seen, const char *id)
{
	if (json_object_get(seen, id))
		return 0;
	if (json_object_set_new(seen, id, json_true()))
		return -ENOMEM;
	return json_array_append_new(nodes, json_pack("{s:s}", "id", id)) ? -ENOMEM : 0;
}

struct link {
	uint64_t from_hi, from_lo, to_hi, to_lo;
	int64_t octets, packets, flows;
};

struct graph {
	json_t *nodes, *links, *seen, *rest;
};

static int add_link(const struct topology *t, struct graph *g, const struct link *l,
		    const struct word names[2])
{
	const int64_t weights[] = { l->octets, l->packets, l->flows };
	char source[NODE_MAX], target[NODE_MAX];
	int err;

	node_id(t, l->from_hi, l->from_lo, &names[0], source);
	node_id(t, l->to_hi, l->to_lo, &names[1], target);
	err = add_node(g->nodes, g->seen, source);
	if (!err)
		err = add_node(g->nodes, g->seen, target);
	if (err)
		return err;
	return json_array_append_new(g->links, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "source",
							 source, "target", target, "weight",
							 (json_int_t)weights[t->order], "octets",
							 (json_int_t)l->octets, "packets",
							 (json_int_t)l->packets, "flows",
							 (json_int_t)l->flows))
		       ? -ENOMEM
		       : 0;
}

static void set_rest(struct graph *g, int64_t links, const struct link *sums)
{
	g->rest = json_pack("{s:I, s:I, s:I, s:I}", "links", (json_int_t)links, "octets",
			    (json_int_t)sums->octets, "packets", (json_int_t)sums->packets, "flows",
			    (json_int_t)sums->flows);
}

static struct word word_of(const struct query_rows *rows, idx_t column)
{
	struct word w = { "", 0 };

	if (!query_is_null(rows, column))
		w.len = query_text(rows, column, &w.at);
	return w;
}

/* Rows of add_statement(). */
static int read_rows(const struct topology *t, struct query_rows *rows, struct graph *g)
{
	int err = 0;

	while (!err && query_rows_next(rows)) {
		bool is_rest = query_is_null(rows, 0);
		struct word names[2] = { word_of(rows, 4), word_of(rows, 5) };
		struct link l = { .octets = query_int(rows, 6),
				  .packets = query_int(rows, 7),
				  .flows = query_int(rows, 8) };

		if (is_rest) {
			set_rest(g, query_int(rows, 9), &l);
			continue;
		}
		l.from_hi = query_u64(rows, 0);
		l.from_lo = query_u64(rows, 1);
		l.to_hi = query_u64(rows, 2);
		l.to_lo = query_u64(rows, 3);
		err = add_link(t, g, &l, names);
	}
	return err;
}

static struct link link_of(const struct topology *t, const struct key_group *group)
{
	const uint64_t mapped = UINT64_C(0xffff) << 32;

	if (is_packed(t))
		return (struct link){ 0,
				      mapped | group->keys[0] >> 32,
				      0,
				      mapped | (group->keys[0] & UINT32_MAX),
				      group->sums[SUM_OCTETS],
				      group->sums[SUM_PACKETS],
				      group->sums[SUM_FLOWS] };
	return (struct link){ group->keys[0],	       group->keys[1],
			      group->keys[2],	       group->keys[3],
			      group->sums[SUM_OCTETS], group->sums[SUM_PACKETS],
			      group->sums[SUM_FLOWS] };
}

/* The answer of wt_sums(). 1: there is none. */
static int read_sums(const struct topology *t, struct query_rows *rows, struct graph *g)
{
	static const struct word no_names[2];
	struct key_group group;
	struct link rest = { 0 }, l;
	struct word blob;
	int64_t left = 0;
	int err = 0;

	if (!query_rows_next(rows) || query_is_null(rows, 0))
		return 1;
	blob = word_of(rows, 0);
	for (size_t at = 0; !err && at + sizeof(group) <= blob.len; at += sizeof(group)) {
		memcpy(&group, blob.at + at, sizeof(group));
		l = link_of(t, &group);
		if (!at) {
			rest = l;
			left = (int64_t)group.keys[0];
			continue;
		}
		err = add_link(t, g, &l, no_names);
		rest.octets -= l.octets;
		rest.packets -= l.packets;
		rest.flows -= l.flows;
		left--;
	}
	set_rest(g, left, &rest);
	return err;
}

static int reply_graph(const struct topology *t, struct graph *g, struct api_reply *reply)
{
	return api_json(reply,
			json_pack("{s:O, s:O, s:O, s:s, s:s, s:I, s:I, s:o}", "nodes", g->nodes,
				  "links", g->links, "rest", g->rest, "group", groups[t->group],
				  "order", orders[t->order], "from_us",
				  (json_int_t)t->scope.from_us, "to_us", (json_int_t)t->scope.to_us,
				  "tiers", query_tiers_json(&t->scope)));
}

static void graph_done_auto(struct graph *g)
{
	json_decref(g->nodes);
	json_decref(g->links);
	json_decref(g->seen);
	json_decref(g->rest);
}

/* 0; 1: there is no answer, or a refusal is in *reply; -errno. */
static int ask(const struct topology *t, const struct api_request *req, struct api_reply *reply,
	       bool is_quick, struct graph *g)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	int err = sql_init(&b);

	if (err)
		return err;
	if (is_quick)
		add_quick_statement(t, &b);
	else
		add_statement(t, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err;
	return is_quick ? read_sums(t, &rows, g) : read_rows(t, &rows, g);
}

int api_topology(const struct api_request *req, struct api_reply *reply)
{
	AUTO(topology_done) struct topology t = { 0 };
	__attribute__((cleanup(graph_done_auto))) struct graph g = { 0 };
	int err = topology_parse(req, reply, &t);

	if (err)
		return err < 0 ? err : 0;
	g = (struct graph){ json_array(), json_array(), json_object(), NULL };
	if (may_be_quick(&t))
		err = ask(&t, req, reply, true, &g);
	if (err < 0)
		return err;
	if (!g.rest && !reply->status)
		err = ask(&t, req, reply, false, &g);
	if (err)
		return err < 0 ? err : 0;
	return reply_graph(&t, &g, reply);
}
