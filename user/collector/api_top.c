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
#include "user/collector/query_estimate.h"
#include "user/collector/query_sql.h"
#include "user/collector/top_sql.h"
#include "user/collector/top_sums.h"
#include "user/lib/cleanup.h"

#define TOP_N_DEFAULT 10
#define TOP_COLUMNS_MAX (KEYS_MAX * KEY_COLUMNS_MAX + 8)

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

bool top_has_key(const struct top *top, const char *name)
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
	if (top_has_key(top, key->name))
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
	top->is_conversation = top_has_key(top, "conversation");
	if (top->is_conversation && (top_has_key(top, "src") || top_has_key(top, "dst")))
		return made(api_error(reply, 400, "by", -1,
				      "conversation goes with neither src nor dst: it has both"));
	if (top_has_key(top, "interface") && !top_has_key(top, "exporter"))
		top->keys[top->keys_len++] = query_key_find("exporter", strlen("exporter"));
	return 0;
}

static int parse_order(const struct api_request *req, struct api_reply *reply, struct top *top)
{
	const char *order = req->arg(req, "order");

	top->order = top_order_find(order ? order : "bytes");
	if (top->order)
		return 0;
	return made(api_error(reply, 400, "order", -1,
			      "order is none of bytes, packets, flows, bps, pps, bpp"));
}

static void look_ahead(const struct api_request *req, struct top *top)
{
	const char *reads[KEYS_MAX + 1];
	struct query_estimate estimate;

	if (top->is_named || top->is_owned)
		return;
	for (size_t i = 0; i < top->keys_len; i++)
		reads[i] = top->keys[i]->reads;
	estimate = query_estimate(req, &top->scope, reads, top->keys_len, 1);
	top->is_few = estimate.is_few;
	top->has_no_folds |= estimate.has_no_folds;
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
	top->has_no_folds = !(top->scope.tiers.may_have & TRAIT_FOLD);
	return err;
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

static json_int_t add_up(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

struct folds {
	int64_t packets, octets, undecided_packets, undecided_octets, sampled;
};

static int read_folds(const struct api_request *req, struct api_reply *reply, const struct top *top,
		      struct folds *ret)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	int err;

	*ret = (struct folds){ 0 };
	if (top->has_no_folds)
		return 0;
	err = sql_init(&b);
	if (err)
		return err;
	top_add_folds(top, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err;
	if (!query_rows_next(&rows))
		return -EIO;
	*ret = (struct folds){ query_int(&rows, 0), query_int(&rows, 1), query_int(&rows, 2),
			       query_int(&rows, 3), query_int(&rows, 4) };
	return 0;
}

/* What all rows in scope add up to, within n or not (the row before the groups); folds where they
 * match. */
static int add_totals(const struct api_request *req, struct api_reply *reply, const struct top *top,
		      struct query_rows *rows, json_t *rest)
{
	idx_t at = duckdb_column_count(&rows->result) - ARRAY_LEN(measures);
	struct folds folds;
	json_t *totals;
	int err = read_folds(req, reply, top, &folds);

	if (err)
		return err;
	totals = json_pack("{s:{s:I,s:I,s:I},s:{s:I,s:I},s:{s:I,s:I},s:b}", "total", "flows",
			   (json_int_t)query_int(rows, at), "packets",
			   add_up(query_int(rows, at + 1), folds.packets), "octets",
			   add_up(query_int(rows, at + 2), folds.octets), "folded", "packets",
			   (json_int_t)folds.packets, "octets", (json_int_t)folds.octets,
			   "folded_undecided", "packets", (json_int_t)folds.undecided_packets,
			   "octets", (json_int_t)folds.undecided_octets, "sampled",
			   query_int(rows, at + 6) || folds.sampled);
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

static inline void top_groups_done_auto(struct top_groups *g)
{
	top_groups_done(g);
}

/* With one look at the rows where that can be; else DuckDB groups them. */
static int add_statement(const struct api_request *req, struct api_reply *reply, struct top *top,
			 struct sql_builder *b)
{
	AUTO(top_groups_done) struct top_groups groups = { 0 };
	int err = top_sums_fit(top) ? top_sums_ask(req, reply, top, &groups) : 0;

	if (err)
		return err;
	if (groups.len) {
		top_sums_add_statement(top, &groups, b);
		return 0;
	}
	look_ahead(req, top);
	top_add_statement(top, b);
	return 0;
}

int api_top(const struct api_request *req, struct api_reply *reply)
{
	AUTO(top_done) struct top top = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	struct query_column columns[TOP_COLUMNS_MAX];
	json_t *rest;
	int err = top_parse(req, reply, &top);

	if (!err)
		err = sql_init(&b);
	if (!err)
		err = add_statement(req, reply, &top, &b);
	if (!err)
		err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (!query_rows_next(&rows)) /* of all groups together */
		return -EIO;
	if (top.is_csv)
		return query_reply_csv(reply, &rows, columns, top_columns(&top, columns));
	rest = top_rest(&top);
	err = add_totals(req, reply, &top, &rows, rest);
	if (err) {
		json_decref(rest);
		return err < 0 ? err : 0;
	}
	return query_reply_json(reply, &rows, columns, top_columns(&top, columns), rest);
}
