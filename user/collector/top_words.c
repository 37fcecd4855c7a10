// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What a top list groups by in, its keys packed into words out. */
#include "user/collector/top_words.h"

#include <stdio.h>
#include <string.h>

#include "user/collector/query_sql.h"
#include "user/collector/top_sql.h"
#include "user/collector/top_sums.h"
#include "user/lib/cleanup.h"

#define WORD_BITS 63 /* used of each */
#define PUSHED_MAX 50 /* winners that a scan of files is told of */

/* ---- keys as words -------------------------------------------------------------------------- */

#define V4_BITS 32
#define V4_MAPPED (UINT64_C(0xffff) << V4_BITS) /* the second half above one; the first is 0 */

static void add_part(const struct top *top, const struct query_key *key, int alias,
		     struct top_layout *l)
{
	struct top_part *p = &l->parts[l->len++];

	*p = (struct top_part){ .key = key, .alias = alias, .word = l->words, .bits = key->bits };
	p->is_address = key->bits >= QUERY_KEY_ADDRESS;
	p->is_wide = p->is_address && top->scope.tiers.may_have & TRAIT_IPV6;
	if (p->is_address)
		p->bits = p->is_wide ? 0 : V4_BITS;
	l->words += p->is_wide ? 2 : 0;
}

/* Of the second half of an IPv4 address the upper bits are always the same. */
static bool is_column(const struct top *top, const struct top_part *p)
{
	return p->is_address && !p->is_wide && p->key->word && p->key->pushed &&
	       !(top->scope.tiers.may_have & TRAIT_NOT_IP);
}

struct top_layout top_layout_of(const struct top *top)
{
	struct top_layout l = { .len = 0 };
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
	l.parts[0].is_plain = l.len == 1 && is_column(top, &l.parts[0]);
	return l;
}

/* The which-th of "k_a, k_b, …" into alias, which it returns. */
static const char *alias_of(const struct query_key *key, int which, char alias[SQL_WORD_MAX])
{
	const char *at = key->aliases;

	while (which--)
		at += strcspn(at, ",") + 2;
	snprintf(alias, SQL_WORD_MAX, "%.*s", (int)strcspn(at, ","), at);
	return alias;
}

static void add_halves(const struct top_part *p, struct sql_builder *b)
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
static void add_shared(const struct top_part *p, struct sql_builder *b)
{
	char alias[SQL_WORD_MAX];

	if (p->is_plain) {
		sql_add(b, p->key->pushed);
		return;
	}
	if (p->key->word && !p->is_wide) {
		sql_add(b, p->key->word);
		sql_u64(b, p->shift);
		sql_add(b, "::UTINYINT)");
		return;
	}
	alias_of(p->key, p->alias + p->is_address, alias);
	sql_add(b, p->is_wide ? "(" : "coalesce(");
	sql_add(b, alias);
	sql_add(b, p->is_wide ? " IS NULL)::UBIGINT" : "::UBIGINT");
	if (!p->is_wide) {
		sql_add(b, p->is_address ? " & 4294967295, " : ", ");
		sql_u64(b, UINT64_C(1) << p->bits);
		sql_add(b, ")");
	}
	if (p->shift) {
		sql_add(b, " * ");
		sql_u64(b, UINT64_C(1) << p->shift);
	}
}

void top_add_words(const struct top_layout *l, struct sql_builder *b)
{
	for (size_t i = 0; i < l->len; i++)
		if (l->parts[i].is_wide)
			add_halves(&l->parts[i], b);
	for (size_t i = 0; i < l->len; i++) {
		bool is_first = !i || l->parts[i].shared != l->parts[i - 1].shared;

		sql_add(b, is_first ? ", (" : " | (");
		add_shared(&l->parts[i], b);
		sql_add(b, ")");
	}
}

/* ---- winners as words ----------------------------------------------------------------------- */

bool top_part_is_null(const struct top_part *p, const struct key_group *g)
{
	return !p->is_plain && g->keys[p->shared] >> (p->shift + p->bits) & 1;
}

uint64_t top_part_value(const struct top_part *p, const struct key_group *g)
{
	uint64_t mask = (UINT64_C(1) << p->bits) - 1;

	if (p->is_wide)
		return g->keys[p->word + 1];
	return (p->is_address ? V4_MAPPED : 0) | (g->keys[p->shared] >> p->shift & mask);
}

/* Whether all winners have an address there; a NULL's rows have one, too, only it is none. */
static bool is_known(const struct top_part *p, const struct top_groups *g)
{
	for (size_t k = 1; k < g->len; k++)
		if (top_part_is_null(p, &g->at[k]))
			return false;
	return g->len > 1;
}

/* "<column> IN (…" of the addresses that the winners have there. */
static void add_addresses(const struct top_part *p, const struct top_groups *g, const char *before,
			  struct sql_builder *b)
{
	for (size_t k = 1; k < g->len; k++) {
		sql_add(b, k == 1 ? before : ", ");
		sql_u64(b, top_part_value(p, &g->at[k]));
	}
}

void top_add_pushed(const struct top *top, const struct top_groups *g, struct sql_builder *b)
{
	struct top_layout l = top_layout_of(top);

	if (g->len > PUSHED_MAX + 1)
		return;
	for (size_t i = 0; i < l.len; i++) {
		const struct top_part *p = &l.parts[i], *other = p + 1;

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
