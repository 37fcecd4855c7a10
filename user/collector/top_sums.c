// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What a top list asks for in, its winners out, and the statement that says them. */
#include "user/collector/top_sums.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query_sql.h"
#include "user/collector/store_functions.h"
#include "user/collector/top_sql.h"
#include "user/lib/cleanup.h"

#define WORD_BITS 63 /* used of each */
#define ALL_SUMS_ROWS 1500000
#define PUSHED_MAX 50 /* winners that a scan of files is told of */

/* ---- keys as words -------------------------------------------------------------------------- */

#define V4_BITS 32
#define V4_MAPPED (UINT64_C(0xffff) << V4_BITS) /* the second half above one; the first is 0 */

/*
 * A key, or one address of a conversation. Addresses are two words each, and come first. What is
 * narrower, as IPv4 addresses are where there are no others, shares the words behind them: its
 * bits, and one above them that says NULL, as of an address a bit does.
 */
struct part {
	const struct query_key *key;
	int alias; /* the first of its own */
	bool is_address, is_wide; /* wide: in words of its own */
	unsigned int bits; /* in shared words, without the one that says NULL */
	unsigned int word; /* of a wide one's first half */
	unsigned int shared, shift; /* where the rest of it is */
};

struct layout {
	struct part parts[2 * (KEYS_MAX + 1)];
	size_t len;
	unsigned int words;
};

static void add_part(const struct top *top, const struct query_key *key, int alias,
		     struct layout *l)
{
	struct part *p = &l->parts[l->len++];

	*p = (struct part){ .key = key, .alias = alias, .word = l->words, .bits = key->bits };
	p->is_address = key->bits >= QUERY_KEY_ADDRESS;
	p->is_wide = p->is_address && top->scope.tiers.may_have & TRAIT_IPV6;
	if (p->is_address)
		p->bits = p->is_wide ? 0 : V4_BITS;
	l->words += p->is_wide ? 2 : 0;
}

static struct layout layout_of(const struct top *top)
{
	struct layout l = { .len = 0 };
	unsigned int used = 0;

	for (size_t i = 0; i < top->keys_len; i++) {
		add_part(top, top->keys[i], 0, &l);
		if (top->keys[i]->bits == QUERY_KEY_PAIR)
			add_part(top, top->keys[i], 2, &l);
	}
	for (size_t i = 0; i < l.len; i++) {
		if (used + l.parts[i].bits + 1 > WORD_BITS) {
			l.words++;
			used = 0;
		}
		l.parts[i].shared = l.words;
		l.parts[i].shift = used;
		used += l.parts[i].bits + 1;
	}
	l.words++;
	return l;
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
	return layout_of(top).words <= KEY_WORDS_MAX;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* The which-th of "k_a, k_b, …" into alias, which it returns. */
static const char *alias_of(const struct query_key *key, int which, char alias[SQL_WORD_MAX])
{
	const char *at = key->aliases;

	while (which--)
		at += strcspn(at, ",") + 2;
	snprintf(alias, SQL_WORD_MAX, "%.*s", (int)strcspn(at, ","), at);
	return alias;
}

static void add_halves(const struct part *p, struct sql_builder *b)
{
	char alias[SQL_WORD_MAX];

	for (int half = 0; half < 2; half++) {
		sql_add(b, ", coalesce(");
		sql_add(b, alias_of(p->key, p->alias + half, alias));
		sql_add(b, ", ");
		sql_u64(b, UINT64_MAX);
		sql_add(b, ")");
	}
}

/* What a part has in its shared word, in its place there. */
static void add_shared(const struct part *p, struct sql_builder *b)
{
	char alias[SQL_WORD_MAX];

	alias_of(p->key, p->alias + p->is_address, alias);
	sql_add(b, p->is_wide ? "(" : "coalesce(");
	sql_add(b, alias);
	sql_add(b, p->is_wide ? " IS NULL)::UBIGINT" : "::UBIGINT");
	if (!p->is_wide) {
		sql_add(b, p->is_address ? " & 4294967295, " : ", ");
		sql_u64(b, UINT64_C(1) << p->bits);
		sql_add(b, ")");
	}
	sql_add(b, " * ");
	sql_u64(b, UINT64_C(1) << p->shift);
}

static void add_words(const struct layout *l, struct sql_builder *b)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->parts[i].is_wide)
			add_halves(&l->parts[i], b);
	for (size_t i = 0; i < l->len; i++) {
		bool is_first = !i || l->parts[i].shared != l->parts[i - 1].shared;

		sql_add(b, is_first ? ", " : " + ");
		add_shared(&l->parts[i], b);
	}
}

/*
 * All sums while the rows are at hand, unless columns are dear or groups may be many; who began a
 * conversation is no sum.
 */
static bool has_all_sums(const struct top *top)
{
	return !top->is_conversation && !top->is_brief && !top->scope.tiers.has_files &&
	       top->scope.tiers.rows[TIER_RAW] <= ALL_SUMS_ROWS;
}

static void add_question(const struct top *top, struct sql_builder *b)
{
	struct layout l = layout_of(top);
	bool all = has_all_sums(top);

	sql_add(b, all ? "SELECT wt_sums_all(" : "SELECT wt_sums(");
	sql_u64(b, STORE_SUMS_SPEC(top->n, top->order->sum));
	add_words(&l, b);
	sql_add(b, ", flows, packets, octets");
	sql_add(b, all ? ", l3_octets, start_us, end_us) FROM (SELECT " : ") FROM (SELECT ");
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, top->keys[i]->inner);
		sql_add(b, ", ");
	}
	sql_add(b, "records::UBIGINT AS flows, packets, l2_octets AS octets");
	sql_add(b, all ? ", l3_octets, start_us, end_us" : "");
	query_from_flows(&top->scope, b);
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

int top_sums_ask(const struct api_request *req, struct api_reply *reply, const struct top *top,
		 struct top_groups *ret)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	int err = sql_init(&b);

	if (err)
		return err;
	add_question(top, &b);
	err = query_run_reply(req, reply, &b, &rows);
	return err ? err : read_groups(&rows, ret);
}

/* ---- saying --------------------------------------------------------------------------------- */

static bool is_null(const struct part *p, const struct key_group *g)
{
	return g->keys[p->shared] >> (p->shift + p->bits) & 1;
}

static void add_value(bool null, uint64_t value, struct sql_builder *b)
{
	if (null)
		sql_add(b, "NULL::UBIGINT");
	else
		sql_u64(b, value);
	sql_add(b, ", ");
}

/* A part's value; of an address, its second half. */
static uint64_t last_half(const struct part *p, const struct key_group *g)
{
	uint64_t mask = (UINT64_C(1) << p->bits) - 1;

	if (p->is_wide)
		return g->keys[p->word + 1];
	return (p->is_address ? V4_MAPPED : 0) | (g->keys[p->shared] >> p->shift & mask);
}

/* (1, keys, sums); all groups together have a 0 and no keys. */
static void add_group(const struct top *top, const struct layout *l, const struct key_group *g,
		      bool is_group, struct sql_builder *b)
{
	size_t sums = has_all_sums(top) ? SUM_ALL : SUM_COUNTS;

	sql_add(b, is_group ? "(1, " : "(0, ");
	for (size_t i = 0; i < l->len; i++) {
		const struct part *p = &l->parts[i];
		bool null = !is_group || is_null(p, g);

		if (p->is_address)
			add_value(null, p->is_wide ? g->keys[p->word] : 0, b);
		add_value(null, last_half(p, g), b);
	}
	for (size_t i = 0; i < sums; i++) {
		sql_i64(b, g->sums[i]);
		sql_add(b, i + 1 < sums ? ", " : ")");
	}
}

static void add_winners(const struct top *top, const struct top_groups *g, struct sql_builder *b)
{
	struct layout l = layout_of(top);

	sql_add(b, "(VALUES ");
	for (size_t i = 0; i < g->len; i++) {
		add_group(top, &l, &g->at[i], i > 0, b);
		sql_add(b, i + 1 < g->len ? ", " : ") w(is_group, ");
	}
	for (size_t i = 0; i < top->keys_len; i++) {
		sql_add(b, top->keys[i]->aliases);
		sql_add(b, ", ");
	}
	sql_add(b, "flows, packets, octets");
	sql_add(b, has_all_sums(top) ? ", l3_octets, first_us, last_us)" : ")");
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

/* Whether all winners have an address there; a NULL's rows have one, too, only it is none. */
static bool is_known(const struct part *p, const struct top_groups *g)
{
	for (size_t k = 1; k < g->len; k++)
		if (is_null(p, &g->at[k]))
			return false;
	return g->len > 1;
}

/* "<column> IN (…" of the addresses that the winners have there. */
static void add_addresses(const struct part *p, const struct top_groups *g, const char *before,
			  struct sql_builder *b)
{
	for (size_t k = 1; k < g->len; k++) {
		sql_add(b, k == 1 ? before : ", ");
		sql_u64(b, last_half(p, &g->at[k]));
	}
}

/* " AND src_lo IN (…)": of files sorted by source that is a row group each. */
static void add_pushed(const struct top *top, const struct top_groups *g, struct sql_builder *b)
{
	struct layout l = layout_of(top);

	if (g->len > PUSHED_MAX + 1)
		return;
	for (size_t i = 0; i < l.len; i++) {
		const struct part *p = &l.parts[i], *other = p + 1;

		if (!p->key->pushed || !is_known(p, g))
			continue;
		sql_add(b, " AND ");
		sql_add(b, p->key->pushed);
		add_addresses(p, g, " IN (", b);
		if (p->key->bits == QUERY_KEY_PAIR) { /* either end may be either */
			add_addresses(other, g, ", ", b);
			sql_add(b, ") AND dst_lo");
			add_addresses(p, g, " IN (", b);
			add_addresses(other, g, ", ", b);
			i++;
		}
		sql_add(b, ")");
	}
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
	add_pushed(top, g, b);
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
	sql_add(b, has_all_sums(top) ? "" : ", r.l3_octets, r.first_us, r.last_us");
	sql_add(b, top->is_conversation ? ", r.is_swapped FROM " : " FROM ");
	add_winners(top, g, b);
	if (!has_all_sums(top))
		add_rest(top, g, b);
	sql_add(b, ") t ORDER BY is_group, ");
	top_add_order(top, b);
}
