// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/top?by=src,dstport&n=10&order=bytes|packets|flows|bps|pps|bpp&last=…|from=&to=&filter=
 * &all=&exporter=&having=packets < 3&format=json|csv: rows of flows grouped and sorted, and what
 * they add up to.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_having.h"
#include "user/collector/query_keys.h"
#include "user/collector/query_owner.h"
#include "user/collector/query_sql.h"
#include "user/lib/cleanup.h"

#define TOP_N_DEFAULT 10
#define TOP_COLUMNS_MAX (KEYS_MAX * KEY_COLUMNS_MAX + 8)

struct top {
	struct query_scope scope;
	struct owner_scope owner; /* where is_owned */
	const struct query_key *keys[KEYS_MAX + 1]; /* and the exporter an interface is of */
	size_t asked, keys_len; /* asked: without that one */
	bool is_named, is_owned, is_conversation;
	const struct top_order *order;
	struct having having;
	uint64_t n;
	bool is_csv;
};

#define ORDER_ROWS (-1) /* their number */
#define ORDER_MADE (-2) /* of several sums */
static const struct top_order {
	const char *name;
	const char *column; /* of the groups */
	int measure; /* enum query_measure; or one of those below */
} orders[] = {
	{ "bytes", "octets", QUERY_OCTETS },
	{ "packets", "packets", QUERY_PACKETS },
	{ "flows", "flows", ORDER_ROWS },
	/* over the time from a group's first packet to its last */
	{ "bps", "octets / greatest(last_us - first_us, 1)", ORDER_MADE },
	{ "pps", "packets / greatest(last_us - first_us, 1)", ORDER_MADE },
	{ "bpp", "octets / greatest(packets, 1)", ORDER_MADE },
};

static const struct query_column measures[] = {
	{ "flows", COLUMN_INT },     { "packets", COLUMN_INT },	 { "octets", COLUMN_INT },
	{ "l3_octets", COLUMN_INT }, { "first_us", COLUMN_INT }, { "last_us", COLUMN_INT },
	{ "sampled", COLUMN_BOOL },
};

static void top_done(struct top *top)
{
	query_scope_done(&top->scope);
	owner_scope_done(&top->owner);
}

static inline void top_done_auto(struct top *top)
{
	top_done(top);
}

static int made(int err)
{
	return err < 0 ? err : 1;
}

static bool has_key(const struct top *top, const char *name)
{
	for (size_t i = 0; i < top->keys_len; i++) {
		if (!strcmp(top->keys[i]->name, name))
			return true;
	}
	return false;
}

static int add_key(struct api_reply *reply, struct top *top, const char *word, size_t len,
		   long position)
{
	const struct query_key *key = query_key_find(word, len);

	if (!key)
		return made(api_error(reply, 400, "by", position, "by is not made of: %s",
				      query_key_names()));
	if (top->keys_len == KEYS_MAX)
		return made(api_error(reply, 400, "by", position, "by has more than %d words",
				      KEYS_MAX));
	if (has_key(top, key->name))
		return made(api_error(reply, 400, "by", position, "by has '%s' twice", key->name));
	top->keys[top->keys_len++] = key;
	top->is_named |= key->named != NULL;
	top->is_owned |= key->is_owned;
	return 0;
}

static int parse_by(const struct api_request *req, struct api_reply *reply, struct top *top)
{
	const char *by = req->arg(req, "by"), *word;
	int err = 0;

	by = by ? by : "src";
	for (word = by; !err; word += strcspn(word, ",") + 1) {
		err = add_key(reply, top, word, strcspn(word, ","), (long)(word - by));
		if (!word[strcspn(word, ",")])
			break;
	}
	if (err)
		return err;
	top->asked = top->keys_len;
	top->is_conversation = has_key(top, "conversation");
	if (top->is_conversation && (has_key(top, "src") || has_key(top, "dst")))
		return made(api_error(reply, 400, "by", -1,
				      "conversation goes with neither src nor dst: it has both"));
	if (has_key(top, "interface") && !has_key(top, "exporter"))
		top->keys[top->keys_len++] = query_key_find("exporter", strlen("exporter"));
	return 0;
}

static int parse_order(const struct api_request *req, struct api_reply *reply, struct top *top)
{
	const char *order = req->arg(req, "order");

	top->order = &orders[0];
	if (!order)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		if (!strcmp(orders[i].name, order)) {
			top->order = &orders[i];
			return 0;
		}
	}
	return made(api_error(reply, 400, "order", -1,
			      "order is none of bytes, packets, flows, bps, pps, bpp"));
}

static int top_parse(const struct api_request *req, struct api_reply *reply, struct top *top)
{
	int err = parse_by(req, reply, top);

	if (!err)
		err = parse_order(req, reply, top);
	if (!err)
		err = having_arg(req, reply, &top->having);
	if (!err)
		err = query_format_arg(req, reply, &top->is_csv);
	if (!err)
		err = query_number_arg(req, reply, "n", 1, QUERY_ROWS_MAX, TOP_N_DEFAULT, &top->n);
	if (!err)
		err = query_scope_parse(req, reply, &top->scope);
	if (!err && top->is_owned)
		err = owner_scope_init(req, query_first_us(&top->scope), top->scope.to_us, false,
				       &top->owner);
	return err;
}

static void add_sum(const struct top *top, struct sql_builder *b, enum query_measure measure,
		    const char *rest)
{
	sql_add(b, "sum(");
	sql_add(b, query_measure(&top->scope, measure));
	sql_add(b, rest);
}

static void add_keys(const struct top *top, struct sql_builder *b)
{
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, top->keys[i]->inner);
		sql_add(b, ", ");
	}
}

/* "…, k_a, k_b": ties are broken by the keys, so that the same rows win every time. */
static void add_aliases(const struct top *top, struct sql_builder *b)
{
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, ", ");
		sql_add(b, top->keys[i]->aliases);
	}
}

static void add_measures(const struct top *top, struct sql_builder *b)
{
	sql_add(b, "sum(records)::BIGINT AS flows, ");
	add_sum(top, b, QUERY_PACKETS, ") AS packets, ");
	add_sum(top, b, QUERY_OCTETS, ") AS octets, ");
	add_sum(top, b, QUERY_L3_OCTETS, ") AS l3_octets, ");
	sql_add(b, "min(start_us) AS first_us, max(end_us) AS last_us, max(sampling) AS sampling");
}

/*
 * "FROM … WHERE …" of the rows, each one once whoever owns it: what groups add up to is the same
 * with and without.
 */
static void add_rows(const struct top *top, struct sql_builder *b)
{
	if (!top->is_owned) {
		query_from_flows(&top->scope, b);
		return;
	}
	sql_add(b, " FROM ");
	owner_begin(b);
	/* what keys, measures and the join need: all columns of all rows would be kept in memory */
	sql_add(b, "SELECT exporter_id, ifindex, netns, ethertype, proto, flags, dscp, vlan_outer, "
		   "tcp_flags, tunnel_id, peer_ifindex, src_as, dst_as, "
		   "start_us, end_us, src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port, "
		   "sampling, records, packets, l2_octets, l3_octets");
	query_from_flows(&top->scope, b);
	owner_end(&top->owner, b);
}

/* All groups as the rows hold them. */
static void add_inner(const struct top *top, struct sql_builder *b)
{
	sql_add(b, "(SELECT ");
	add_keys(top, b);
	if (top->is_conversation)
		sql_add(b, "arg_min(" QUERY_IS_SWAPPED ", start_us) AS is_swapped, ");
	add_measures(top, b);
	add_rows(top, b);
	sql_add(b, " GROUP BY ALL)");
}

/* The keys of the first n groups, found with the one sum that the order needs. */
static void add_winners(const struct top *top, struct sql_builder *b)
{
	sql_add(b, "(SELECT ");
	add_keys(top, b);
	if (top->order->measure < 0)
		sql_add(b, "sum(records) AS place");
	else
		add_sum(top, b, (enum query_measure)top->order->measure, ") AS place");
	query_from_flows(&top->scope, b);
	sql_add(b, " GROUP BY ALL ORDER BY place DESC");
	add_aliases(top, b);
	sql_add(b, " LIMIT ");
	sql_u64(b, top->n);
	sql_add(b, ")");
}

/* A key may be NULL (frames without IP have no address), and then is equal to NULL. */
static void add_same_keys(const struct top *top, struct sql_builder *b)
{
	const char *separator = "";
	char alias[32];

	for (size_t i = 0; i < top->keys_len; i++) {
		const char *at = top->keys[i]->aliases;

		for (; *at; at += strspn(at, ", ")) {
			snprintf(alias, sizeof(alias), "%.*s", (int)strcspn(at, ", "), at);
			at += strlen(alias);
			sql_add(b, separator);
			sql_add(b, "r.");
			sql_add(b, alias);
			sql_add(b, " IS NOT DISTINCT FROM w.");
			sql_add(b, alias);
			separator = " AND ";
		}
	}
}

/*
 * Millions of groups with eight sums each do not fit; their keys with one sum do, and then the
 * rows of the winners are looked at again. Measured with 2 M groups: a fifth of the time.
 */
static void add_grouped(const struct top *top, struct sql_builder *b)
{
	sql_add(b, "(SELECT ");
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, top->keys[i]->aliases);
		sql_add(b, ", ");
	}
	if (top->is_conversation)
		sql_add(b, "arg_min(is_swapped, start_us) AS is_swapped, ");
	add_measures(top, b);
	sql_add(b, " FROM (SELECT ");
	add_keys(top, b);
	if (top->is_conversation)
		sql_add(b, QUERY_IS_SWAPPED " AS is_swapped, ");
	sql_add(b, "start_us, end_us, sampling, records, packets, l2_octets, l3_octets");
	query_from_flows(&top->scope, b);
	sql_add(b, ") r SEMI JOIN ");
	add_winners(top, b);
	sql_add(b, " w ON (");
	add_same_keys(top, b);
	sql_add(b, ") GROUP BY ALL)");
}

/* The groups by name. */
static void add_named(const struct top *top, struct sql_builder *b)
{
	sql_add(b, "(SELECT ");
	for (size_t i = 0; i < top->keys_len; i++) {
		const struct query_key *key = top->keys[i];

		sql_add(b, key->named ? key->named : key->aliases);
		sql_add(b, ", ");
	}
	if (top->is_conversation)
		sql_add(b, "arg_min(g.is_swapped, g.first_us) AS is_swapped, ");
	sql_add(b, "sum(g.flows) AS flows, sum(g.packets) AS packets, sum(g.octets) AS octets, "
		   "sum(g.l3_octets) AS l3_octets, min(g.first_us) AS first_us, "
		   "max(g.last_us) AS last_us, max(g.sampling) AS sampling FROM ");
	add_inner(top, b);
	sql_add(b, " g LEFT JOIN exporters e ON e.id = g.k_exporter_id");
	if (has_key(top, "interface"))
		sql_add(b,
			" LEFT JOIN (SELECT agent, ifindex, netns, arg_max(name, last_us) AS name"
			" FROM interfaces GROUP BY ALL) i ON i.agent = e.agent"
			" AND i.ifindex = g.k_ifindex AND i.netns = g.k_netns");
	sql_add(b, " GROUP BY ALL)");
}

static void add_statement(const struct top *top, struct sql_builder *b)
{
	sql_add(b, "SELECT ");
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, top->keys[i]->outer);
		sql_add(b, ", ");
	}
	sql_add(b,
		"flows::BIGINT, " QUERY_BIGINT("packets") ", " QUERY_BIGINT("octets") ", " QUERY_BIGINT(
			"l3_octets") ", first_us, last_us, (sampling > 1)::BIGINT FROM ");
	if (top->is_named)
		add_named(top, b);
	else if (top->is_owned || top->having.len || top->order->measure == ORDER_MADE)
		/* the join is too dear to be made twice; others are known by all their sums */
		add_inner(top, b);
	else
		add_grouped(top, b);
	sql_add(b, " t");
	having_add(&top->having, b);
	sql_add(b, " ORDER BY ");
	sql_add(b, top->order->column);
	sql_add(b, " DESC");
	add_aliases(top, b);
	sql_add(b, " LIMIT ");
	sql_u64(b, top->n);
}

static size_t top_columns(const struct top *top, struct query_column *columns)
{
	size_t len = 0;

	for (size_t i = 0; i < top->keys_len; i++) {
		for (size_t c = 0; c < KEY_COLUMNS_MAX && top->keys[i]->columns[c].name; c++)
			columns[len++] = top->keys[i]->columns[c];
	}
	memcpy(columns + len, measures, sizeof(measures));
	return len + ARRAY_LEN(measures);
}

/* One row: flows, packets, octets; of them folded; perhaps folded; is any of it sampled. */
static void add_totals_statement(const struct top *top, struct sql_builder *b)
{
	sql_add(b,
		"SELECT flows, " QUERY_BIGINT("a.packets + f.packets") ", " QUERY_BIGINT("a.octets + f.octets") ", " QUERY_BIGINT(
			"f.packets") ", " QUERY_BIGINT("f.octets") ", " QUERY_BIGINT("f.maybe_packets") ", " QUERY_BIGINT("f.maybe_octets") ", (greatest(a.sampling, f.sampling) > 1)::BIGINT"
																	    " FROM (SELECT coalesce(sum(records), 0)::BIGINT AS flows, coalesce(max(sampling), 0) AS sampling, coalesce(");
	add_sum(top, b, QUERY_PACKETS, "), 0) AS packets, coalesce(");
	add_sum(top, b, QUERY_OCTETS, "), 0) AS octets");
	query_from_flows(&top->scope, b);
	sql_add(b,
		") a, (SELECT coalesce(max(sampling) FILTER (is_match), 0) AS sampling, coalesce(");
	add_sum(top, b, QUERY_PACKETS, ") FILTER (is_match), 0) AS packets, coalesce(");
	add_sum(top, b, QUERY_OCTETS, ") FILTER (is_match), 0) AS octets, ");
	add_sum(top, b, QUERY_PACKETS, ") FILTER (is_match IS NULL) AS maybe_packets, ");
	add_sum(top, b, QUERY_OCTETS, ") FILTER (is_match IS NULL) AS maybe_octets");
	query_from_folds(&top->scope, b);
	sql_add(b, ") f");
}

/* What all rows in scope add up to, within n or not; folds where they match. */
static int add_totals(const struct api_request *req, struct api_reply *reply, const struct top *top,
		      json_t *rest)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b;
	json_int_t n[8];
	json_t *totals;
	int err = sql_init(&b);

	if (err)
		return err;
	add_totals_statement(top, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err;
	if (!query_rows_next(&rows))
		return -EIO;
	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		n[i] = query_int(&rows, i);
	totals = json_pack("{s:{s:I,s:I,s:I},s:{s:I,s:I},s:{s:I,s:I},s:b}", "total", "flows", n[0],
			   "packets", n[1], "octets", n[2], "folded", "packets", n[3], "octets",
			   n[4], "folded_undecided", "packets", n[5], "octets", n[6], "sampled",
			   n[7] != 0);
	err = json_object_update(rest, totals);
	json_decref(totals);
	return err ? -ENOMEM : 0;
}

static json_t *top_rest(const struct top *top)
{
	json_t *by = json_array();

	for (size_t i = 0; i < top->asked; i++)
		json_array_append_new(by, json_string(top->keys[i]->name));
	return json_pack("{s:o,s:s,s:I,s:I,s:I,s:b,s:o}", "by", by, "order", top->order->name,
			 "from_us", top->scope.from_us, "to_us", top->scope.to_us, "n",
			 (json_int_t)top->n, "all", top->scope.all, "tiers",
			 query_tiers_json(&top->scope));
}

int api_top(const struct api_request *req, struct api_reply *reply)
{
	AUTO(top_done) struct top top = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	struct query_column columns[TOP_COLUMNS_MAX];
	json_t *rest;
	int err = top_parse(req, reply, &top);

	if (err)
		return err < 0 ? err : 0;
	err = sql_init(&b);
	if (err)
		return err;
	add_statement(&top, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (top.is_csv)
		return query_reply_csv(reply, &rows, columns, top_columns(&top, columns));
	rest = top_rest(&top);
	err = add_totals(req, reply, &top, rest);
	if (err) {
		json_decref(rest);
		return err < 0 ? err : 0;
	}
	return query_reply_json(reply, &rows, columns, top_columns(&top, columns), rest);
}
