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

/*
 * Addresses are two words each, and come first. What is narrower, as IPv4 addresses are where
 * there are no others, shares the words behind them: its bits, and one above them that says NULL,
 * as of an address a bit does.
 */
struct place {
	unsigned int word; /* of an address's first half */
	unsigned int shared, shift; /* where the rest of it is */
};

struct layout {
	struct place places[KEYS_MAX + 1];
	unsigned int words;
};

#define V4_BITS 32
#define V4_MAPPED (UINT64_C(0xffff) << V4_BITS) /* the second half above one; the first is 0 */

static bool is_address(const struct query_key *key)
{
	return key->bits == QUERY_KEY_ADDRESS;
}

/* In words of its own. */
static bool is_wide(const struct top *top, size_t i)
{
	return is_address(top->keys[i]) && top->scope.tiers.may_have & TRAIT_IPV6;
}

static unsigned int value_bits(const struct query_key *key)
{
	return is_address(key) ? V4_BITS : key->bits;
}

/* Bits in shared words, the one that says NULL included. */
static unsigned int shared_bits(const struct top *top, size_t i)
{
	return is_wide(top, i) ? 1 : value_bits(top->keys[i]) + 1;
}

static struct layout layout_of(const struct top *top)
{
	unsigned int used = 0;
	struct layout l = { .words = 0 };

	for (size_t i = 0; i < top->keys_len; i++) {
		l.places[i].word = l.words;
		l.words += is_wide(top, i) ? 2 : 0;
	}
	for (size_t i = 0; i < top->keys_len; i++) {
		unsigned int bits = shared_bits(top, i);

		if (used + bits > WORD_BITS) {
			l.words++;
			used = 0;
		}
		l.places[i].shared = l.words;
		l.places[i].shift = used;
		used += bits;
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

/* "k_a" of "k_a, k_b" into alias, which it returns. */
static const char *alias_of(const struct query_key *key, int which, char alias[SQL_WORD_MAX])
{
	const char *at = key->aliases;

	if (which)
		at += strcspn(at, ",") + 2;
	snprintf(alias, SQL_WORD_MAX, "%.*s", (int)strcspn(at, ","), at);
	return alias;
}

static void add_halves(const struct query_key *key, struct sql_builder *b)
{
	char alias[SQL_WORD_MAX];

	for (int half = 0; half < 2; half++) {
		sql_add(b, ", coalesce(");
		sql_add(b, alias_of(key, half, alias));
		sql_add(b, ", ");
		sql_u64(b, UINT64_MAX);
		sql_add(b, ")");
	}
}

/* What the key has in its shared word, in its place there. */
static void add_shared(const struct top *top, size_t i, const struct place *place,
		       struct sql_builder *b)
{
	const struct query_key *key = top->keys[i];
	char alias[SQL_WORD_MAX];

	alias_of(key, is_address(key), alias);
	sql_add(b, is_wide(top, i) ? "(" : "coalesce(");
	sql_add(b, alias);
	sql_add(b, is_wide(top, i) ? " IS NULL)::UBIGINT" : "::UBIGINT");
	if (!is_wide(top, i)) {
		sql_add(b, is_address(key) ? " & 4294967295, " : ", ");
		sql_u64(b, UINT64_C(1) << value_bits(key));
		sql_add(b, ")");
	}
	sql_add(b, " * ");
	sql_u64(b, UINT64_C(1) << place->shift);
}

static void add_words(const struct top *top, struct sql_builder *b)
{
	struct layout l = layout_of(top);

	for (size_t i = 0; i < top->keys_len; i++)
		if (is_wide(top, i))
			add_halves(top->keys[i], b);
	for (size_t i = 0; i < top->keys_len; i++) {
		bool is_first = !i || l.places[i].shared != l.places[i - 1].shared;

		sql_add(b, is_first ? ", " : " + ");
		add_shared(top, i, &l.places[i], b);
	}
}

/* All sums while the rows are at hand, unless columns are dear or groups may be many. */
static bool has_all_sums(const struct top *top)
{
	return !top->scope.tiers.has_files && top->scope.tiers.rows[TIER_RAW] <= ALL_SUMS_ROWS;
}

static void add_question(const struct top *top, struct sql_builder *b)
{
	bool all = has_all_sums(top);

	sql_add(b, all ? "SELECT wt_sums_all(" : "SELECT wt_sums(");
	sql_u64(b, STORE_SUMS_SPEC(top->n, top->order->sum));
	add_words(top, b);
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

static bool is_null(const struct top *top, const struct layout *l, size_t i,
		    const struct key_group *g)
{
	unsigned int null_bit = l->places[i].shift + shared_bits(top, i) - 1;

	return g->keys[l->places[i].shared] >> null_bit & 1;
}

static void add_value(bool null, uint64_t value, struct sql_builder *b)
{
	if (null)
		sql_add(b, "NULL::UBIGINT");
	else
		sql_u64(b, value);
	sql_add(b, ", ");
}

/* A key's value; of an address, its second half. */
static uint64_t last_half(const struct top *top, const struct place *place, size_t i,
			  const struct key_group *g)
{
	uint64_t mask = (UINT64_C(1) << (shared_bits(top, i) - 1)) - 1;

	if (is_wide(top, i))
		return g->keys[place->word + 1];
	return (is_address(top->keys[i]) ? V4_MAPPED : 0) |
	       (g->keys[place->shared] >> place->shift & mask);
}

/* (1, keys, sums); all groups together have a 0 and no keys. */
static void add_group(const struct top *top, const struct layout *l, const struct key_group *g,
		      bool is_group, struct sql_builder *b)
{
	size_t sums = has_all_sums(top) ? SUM_ALL : SUM_COUNTS;

	sql_add(b, is_group ? "(1, " : "(0, ");
	for (size_t i = 0; i < top->keys_len; i++) {
		const struct place *place = &l->places[i];
		bool null = !is_group || is_null(top, l, i, g);

		if (is_wide(top, i))
			add_value(null, g->keys[place->word], b);
		else if (is_address(top->keys[i]))
			add_value(null, 0, b);
		add_value(null, last_half(top, place, i, g), b);
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

/* " AND src_lo IN (…)": of files sorted by source that is a row group each. */
static void add_pushed(const struct top *top, const struct top_groups *g, struct sql_builder *b)
{
	struct layout l = layout_of(top);

	for (size_t i = 0; i < top->keys_len && g->len <= PUSHED_MAX + 1; i++) {
		const char *before = " AND ";

		for (size_t k = 1; k < g->len && top->keys[i]->pushed; k++)
			if (is_null(top, &l, i, &g->at[k]))
				return; /* their rows have an address, only it is none */
		for (size_t k = 1; k < g->len && top->keys[i]->pushed; k++) {
			sql_add(b, before);
			if (k == 1) {
				sql_add(b, top->keys[i]->pushed);
				sql_add(b, " IN (");
			}
			sql_u64(b, last_half(top, &l.places[i], i, &g->at[k]));
			before = ", ";
		}
		if (top->keys[i]->pushed && g->len > 1)
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
	sql_add(b, has_all_sums(top) ? " FROM " : ", r.l3_octets, r.first_us, r.last_us FROM ");
	add_winners(top, g, b);
	if (!has_all_sums(top))
		add_rest(top, g, b);
	sql_add(b, ") t ORDER BY is_group, ");
	top_add_order(top, b);
}
