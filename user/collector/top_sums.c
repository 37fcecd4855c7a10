// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What a top list asks for in, its winners out, and the statement that says them. */
#include "user/collector/top_sums.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/key_sift.h"
#include "user/collector/query_sql.h"
#include "user/collector/store_functions.h"
#include "user/collector/top_sql.h"
#include "user/collector/top_words.h"
#include "user/lib/cleanup.h"

#define ALL_SUMS_ROWS 1500000
#define SIFT_PART 16 /* of rows, that as many cells are looked at first: */
#define SIFT_CELLS_MIN 8192
#define SIFT_ROWS_MIN 100000 /* fewer are added up at once */
#define PROBED 32768 /* rows */
#define APART_BITS 48 /* of keys, an address being one of IPv4 */

static unsigned int words_of(const struct top *top)
{
	return top_layout_of(top).words;
}

bool top_sums_fit(const struct top *top)
{
	if (top->is_named || top->is_owned || top->scope.owner ||
	    (top->scope.tiers.may_have & TRAIT_SAMPLED) || top->having.len ||
	    top->n > TOP_SUMS_N_MAX || !top->order->is_sum)
		return false;
	for (size_t i = 0; i < top->keys_len; i++)
		if (!top->keys[i]->bits)
			return false;
	return words_of(top) <= KEY_WORDS_MAX;
}

/* ---- asking --------------------------------------------------------------------------------- */

struct question {
	const char *function; /* of store_functions.h */
	uint64_t spec;
	bool has_all; /* all sums, not counts alone */
	const struct top_groups *winners; /* whose rows are enough; NULL: all are needed */
	unsigned int rows; /* that are enough, any of them; 0: all are needed */
};

static void add_question(const struct top *top, const struct question *q, struct sql_builder *b)
{
	struct top_layout l = top_layout_of(top);

	sql_add(b, "SELECT ");
	sql_add(b, q->function);
	sql_add(b, "(");
	sql_u64(b, STORE_SUMS_SPEC(top->n, top->order->sum) | q->spec);
	top_add_words(&l, b);
	sql_add(b, ", records::UBIGINT, packets, l2_octets");
	sql_add(b,
		q->has_all ? ", l3_octets, start_us, end_us) FROM (SELECT *" : ") FROM (SELECT *");
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, ", ");
		sql_add(b, top->keys[i]->inner);
	}
	query_from_flows(&top->scope, b);
	if (q->winners)
		top_add_pushed(top, q->winners, b);
	if (q->rows) {
		sql_add(b, " LIMIT ");
		sql_u64(b, q->rows);
	}
	sql_add(b, ")");
}

void top_groups_done(struct top_groups *g)
{
	free(g->at);
	*g = (struct top_groups){ 0 };
}

/* A copy that is aligned; without rows, groups that add up to nothing. */
static int read_groups(struct query_rows *rows, struct top_groups *ret)
{
	const char *blob;
	size_t bytes;

	if (!query_rows_next(rows) || query_is_null(rows, 0))
		return 0;
	bytes = query_text(rows, 0, &blob);
	ret->at = calloc(1, bytes + sizeof(*ret->at));
	if (!ret->at)
		return -ENOMEM;
	memcpy(ret->at, blob, bytes);
	ret->len = bytes / sizeof(*ret->at);
	return 0;
}

static int ask(const struct api_request *req, struct api_reply *reply, const struct top *top,
	       const struct question *q, struct top_groups *ret)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	int err = sql_init(&b);

	if (err)
		return err;
	add_question(top, q, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (!err)
		err = read_groups(&rows, ret);
	ret->has_all = q->has_all;
	return err;
}

/* ---- winners again -------------------------------------------------------------------------- */

static inline void sift_free_auto(unsigned int *number)
{
	key_sift_free(*number);
}

/* Sums that have no say in who wins: *ret has them, too, if it can be. */
static int ask_rest(const struct api_request *req, struct api_reply *reply, const struct top *top,
		    struct top_groups *ret)
{
	__attribute__((cleanup(sift_free_auto))) unsigned int sift =
		key_sift_new(0, top->order->sum);
	struct question q = { "wt_sums_all", STORE_SUMS_OF_SIFT(sift), true, ret, 0 };
	struct top_groups again = { 0 };
	int err;

	if (!sift || ret->len < 2)
		return 0;
	err = key_sift_mark_groups(sift, ret->at + 1, ret->len - 1, words_of(top));
	if (!err)
		err = ask(req, reply, top, &q, &again);
	if (!err && again.len == ret->len) {
		again.at[0] = ret->at[0];
		top_groups_done(ret);
		*ret = again;
	} else {
		top_groups_done(&again);
	}
	return err;
}

/* ---- sifted --------------------------------------------------------------------------------- */

static uint64_t rows_in(const struct top *top)
{
	const uint64_t *rows = top->scope.tiers.rows;

	return rows[TIER_RAW] + rows[TIER_MINUTE] + rows[TIER_HOUR];
}

static int set_cells(const struct api_request *req, struct api_reply *reply, const struct top *top,
		     unsigned int sift, bool *made)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	const struct question q = { "wt_cells", STORE_SUMS_OF_SIFT(sift), false, NULL, 0 };
	int err = sql_init(&b);

	if (err)
		return err;
	add_question(top, &q, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (!err)
		*made = query_rows_next(&rows) && query_int(&rows, 0);
	return err;
}

/* What the last of n winners has; 0: there are not so many. */
static int64_t last_sum(const struct top *top, const struct top_groups *g)
{
	return g->len == top->n + 1 ? g->at[top->n].sums[top->order->sum] : 0;
}

static bool is_of_one(const struct top *top)
{
	return top->scope.exporter && *top->scope.exporter;
}

/*
 * Of what hardly has as many values as there are rows nobody asks; nor where a filter may have to
 * look at all rows for the first of them.
 */
static bool may_be_apart(const struct top *top)
{
	unsigned int bits = 0;

	for (size_t i = 0; i < top->keys_len; i++)
		bits += top->keys[i]->bits >= QUERY_KEY_ADDRESS ? top->keys[i]->bits / 4
								: top->keys[i]->bits;
	return bits >= APART_BITS && !top->scope.filter && !is_of_one(top) &&
	       rows_in(top) >= SIFT_ROWS_MIN;
}

/* Whether, as far as some of the rows tell, nearly each is a group of its own. */
static int probe(const struct api_request *req, struct api_reply *reply, const struct top *top,
		 bool *apart)
{
	const struct question q = { "wt_sums", STORE_SUMS_PROBE, false, NULL, PROBED };
	struct top_groups none = { 0 };
	int err = ask(req, reply, top, &q, &none);

	*apart = !err && !none.at;
	top_groups_done(&none);
	return err;
}

/* The heaviest cells' groups; more, if one without a mark may have more than the last of them. */
static int ask_marked(const struct api_request *req, struct api_reply *reply, const struct top *top,
		      unsigned int sift, struct top_groups *ret)
{
	bool has_all = !top->is_conversation && !top->is_brief;
	const struct question q = { has_all ? "wt_sums_all" : "wt_sums", STORE_SUMS_OF_SIFT(sift),
				    has_all, NULL, 0 };
	size_t cells = rows_in(top) / SIFT_PART;
	int64_t bound, least;
	int err = key_sift_mark_heaviest(sift, cells > SIFT_CELLS_MIN ? cells : SIFT_CELLS_MIN,
					 &bound);

	if (!err)
		err = ask(req, reply, top, &q, ret);
	least = err ? 0 : last_sum(top, ret);
	if (err || (ret->at && least >= bound))
		return err;
	top_groups_done(ret);
	err = key_sift_mark_least(sift, least);
	return err ? err : ask(req, reply, top, &q, ret);
}

static int ask_sifted(const struct api_request *req, struct api_reply *reply, const struct top *top,
		      struct top_groups *ret)
{
	__attribute__((cleanup(sift_free_auto))) unsigned int sift =
		key_sift_new(rows_in(top), top->order->sum);
	bool made = false;
	int err = sift ? set_cells(req, reply, top, sift, &made) : 0;

	if (!err && made)
		err = ask_marked(req, reply, top, sift, ret);
	if (!err && ret->at)
		key_sift_total(sift, &ret->at[0]);
	return err;
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* All sums while the rows are at hand, unless columns are dear. */
static bool is_all_cheap(const struct top *top)
{
	return !top->scope.tiers.has_files && top->scope.tiers.rows[TIER_RAW] <= ALL_SUMS_ROWS;
}

int top_sums_ask(const struct api_request *req, struct api_reply *reply, const struct top *top,
		 struct top_groups *ret)
{
	/* who began a conversation is no sum */
	bool wants_all = !top->is_conversation && !top->is_brief;
	bool all = wants_all && is_all_cheap(top);
	const struct question q = { all ? "wt_sums_all" : "wt_sums", 0, all, NULL, 0 };
	bool apart = false;
	int err = may_be_apart(top) ? probe(req, reply, top, &apart) : 0;

	if (!err && !apart)
		err = ask(req, reply, top, &q, ret);
	if (!err && !ret->at)
		err = ask_sifted(req, reply, top, ret);
	if (!err && ret->at && wants_all && !ret->has_all)
		err = ask_rest(req, reply, top, ret);
	return err;
}

/* ---- saying --------------------------------------------------------------------------------- */

static void add_value(bool null, uint64_t value, struct sql_builder *b)
{
	if (null)
		sql_add(b, "NULL::UBIGINT");
	else
		sql_u64(b, value);
	sql_add(b, ", ");
}

/* (1, keys, sums); all groups together have a 0 and no keys. */
static void add_group(const struct top_layout *l, const struct key_group *g, bool is_group,
		      bool has_all, struct sql_builder *b)
{
	size_t sums = has_all ? SUM_ALL : SUM_COUNTS;

	sql_add(b, is_group ? "(1, " : "(0, ");
	for (size_t i = 0; i < l->len; i++) {
		const struct top_part *p = &l->parts[i];
		bool null = !is_group || top_part_is_null(p, g);

		if (p->is_address)
			add_value(null, p->is_wide ? g->keys[p->word] : 0, b);
		add_value(null, top_part_value(p, g), b);
	}
	for (size_t i = 0; i < sums; i++) {
		sql_i64(b, g->sums[i]);
		sql_add(b, i + 1 < sums ? ", " : ")");
	}
}

static void add_winners(const struct top *top, const struct top_groups *g, struct sql_builder *b)
{
	struct top_layout l = top_layout_of(top);

	sql_add(b, "(VALUES ");
	for (size_t i = 0; i < g->len; i++) {
		add_group(&l, &g->at[i], i > 0, g->has_all, b);
		sql_add(b, i + 1 < g->len ? ", " : ") w(is_group, ");
	}
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, top->keys[i]->aliases);
		sql_add(b, ", ");
	}
	sql_add(b, "flows, packets, octets");
	sql_add(b, g->has_all ? ", l3_octets, first_us, last_us)" : ")");
}

void top_sums_add_places(const struct top *top, const struct top_groups *g, struct sql_builder *b)
{
	sql_add(b,
		"SELECT * EXCLUDE (is_group, flows, packets, octets), row_number() OVER (ORDER BY ");
	top_add_order(top, b);
	sql_add(b, ") AS place FROM ");
	add_winners(top, g, b);
	sql_add(b, " WHERE is_group = 1");
}

/* What the winners have beside their sums, read once more. */
static void add_rest(const struct top *top, const struct top_groups *g, struct sql_builder *b)
{
	const char *before = " w.is_group = 1 AND ";

	sql_add(b, " LEFT JOIN (SELECT ");
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, top->keys[i]->inner);
		sql_add(b, ", ");
	}
	sql_add(b, "sum(");
	sql_add(b, query_measure(&top->scope, QUERY_L3_OCTETS));
	sql_add(b, ") AS l3_octets, min(start_us) AS first_us, max(end_us) AS last_us");
	if (top->is_conversation)
		sql_add(b, ", arg_min(" QUERY_IS_SWAPPED ", start_us) AS is_swapped");
	query_from_flows(&top->scope, b);
	top_add_pushed(top, g, b);
	sql_add(b, " GROUP BY ALL) r ON (");
	for (size_t i = 0; i < top->keys_len; i++)
		sql_each(b, top->keys[i]->aliases, &before, " AND ", query_key_same);
	sql_add(b, ")");
}

void top_sums_add_statement(const struct top *top, const struct top_groups *g,
			    struct sql_builder *b)
{
	sql_add(b, "SELECT ");
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, top->keys[i]->outer);
		sql_add(b, ", ");
	}
	sql_add(b, "flows, packets, octets, " QUERY_BIGINT(
			   "l3_octets") ", first_us, last_us, 0::BIGINT FROM (SELECT w.*");
	sql_add(b, g->has_all ? "" : ", r.l3_octets, r.first_us, r.last_us");
	sql_add(b, top->is_conversation ? ", r.is_swapped FROM " : " FROM ");
	add_winners(top, g, b);
	if (!g->has_all)
		add_rest(top, g, b);
	sql_add(b, ") t ORDER BY is_group, ");
	top_add_order(top, b);
}
