// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * A filter's text in, its tree out:
 *
 *   filter = [ either ] END
 *   either = both { or both }
 *   both   = unary { and unary }
 *   unary  = not unary | ( either ) | term       terms: filter_term.c
 */
#include "user/collector/filter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/filter_tree.h"
#include "user/lib/suggest.h"

static int parse_either(struct filter_parser *p, struct filter_node **ret);

/* Bytes to characters: all but the continuation bytes of UTF-8. */
static size_t characters(const char *text, size_t bytes)
{
	size_t n = 0;

	for (size_t i = 0; i < bytes && text[i]; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

int filter_fail(struct filter_parser *p, size_t position, const char *fmt, ...)
{
	va_list ap;

	p->error->position = characters(p->text, position);
	va_start(ap, fmt);
	vsnprintf(p->error->message, sizeof(p->error->message), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

const char *filter_quote(const char *word, char quoted[FILTER_QUOTE_MAX])
{
	size_t n = 0;

	for (; n < FILTER_QUOTE_MAX - 4 && word[n]; n++)
		quoted[n] = word[n] < ' ' || word[n] > '~' ? '?' : word[n];
	strcpy(quoted + n, word[n] ? "..." : "");
	return quoted;
}

static int deeper(struct filter_parser *p, const struct token *token)
{
	if (++p->depth <= FILTER_DEPTH_MAX)
		return 0;
	return filter_fail(p, token->position, "brackets and 'not' are nested deeper than %d",
			   FILTER_DEPTH_MAX);
}

static int parse_unary(struct filter_parser *p, struct filter_node **ret);

static int parse_not(struct filter_parser *p, struct filter_node **ret)
{
	int err = deeper(p, &p->tokens[p->at++]);

	if (err)
		return err;
	*ret = filter_node_new(p->filter, FILTER_NOT);
	err = parse_unary(p, &(*ret)->child);
	p->depth--;
	return err;
}

static int parse_brackets(struct filter_parser *p, struct filter_node **ret)
{
	const struct token *open = &p->tokens[p->at++];
	int err = deeper(p, open);

	if (err)
		return err;
	err = parse_either(p, ret);
	if (err)
		return err;
	p->depth--;
	if (p->tokens[p->at].kind == TOKEN_END)
		return filter_fail(p, open->position, "'(' is never closed");
	p->at++; /* parse_either() stops nowhere else: see expect_end_of_term() */
	return 0;
}

static int parse_unary(struct filter_parser *p, struct filter_node **ret)
{
	const struct token *token = &p->tokens[p->at];
	char quoted[FILTER_QUOTE_MAX];

	switch (token->kind) {
	case TOKEN_NOT:
		return parse_not(p, ret);
	case TOKEN_OPEN:
		return parse_brackets(p, ret);
	case TOKEN_WORD:
		return filter_term(p, ret);
	case TOKEN_END:
		return filter_fail(p, token->position, "a condition is missing at the end");
	default:
		return filter_fail(p, token->position, "a condition is missing before '%s'",
				   filter_quote(token->text, quoted));
	}
}

/* What stands behind a condition: and, or, the end, or the bracket we are in. */
static int expect_end_of_term(struct filter_parser *p)
{
	static const char *const joins[] = { "and", "or" };
	const struct token *token = &p->tokens[p->at];
	char quoted[FILTER_QUOTE_MAX];
	const char *near;

	if (token->kind == TOKEN_END || token->kind == TOKEN_AND || token->kind == TOKEN_OR)
		return 0;
	if (token->kind == TOKEN_CLOSE && p->depth)
		return 0;
	if (token->kind == TOKEN_CLOSE)
		return filter_fail(p, token->position, "')' without '('");
	near = token->kind == TOKEN_WORD ? suggest_nearest(token->text, joins, 2) : NULL;
	filter_quote(token->text, quoted);
	if (near)
		return filter_fail(p, token->position, "unknown word '%s'; did you mean '%s'?",
				   quoted, near);
	return filter_fail(p, token->position, "expected 'and' or 'or' before '%s'", quoted);
}

/* Conditions joined by one kind of sign become children of one node. */
static int parse_joined(struct filter_parser *p, enum token_kind sign, enum filter_op op,
			int (*part)(struct filter_parser *, struct filter_node **),
			struct filter_node **ret)
{
	struct filter_node *joined, *last;
	int err = part(p, ret);

	if (err || p->tokens[p->at].kind != sign)
		return err;
	joined = filter_node_new(p->filter, op);
	joined->child = last = *ret;
	*ret = joined;
	while (p->tokens[p->at].kind == sign) {
		p->at++;
		err = part(p, &last->next);
		if (err)
			return err;
		last = last->next;
	}
	return 0;
}

static int parse_condition(struct filter_parser *p, struct filter_node **ret)
{
	int err = parse_unary(p, ret);

	return err ? err : expect_end_of_term(p);
}

static int parse_both(struct filter_parser *p, struct filter_node **ret)
{
	return parse_joined(p, TOKEN_AND, FILTER_AND, parse_condition, ret);
}

static int parse_either(struct filter_parser *p, struct filter_node **ret)
{
	return parse_joined(p, TOKEN_OR, FILTER_OR, parse_both, ret);
}

static struct filter *filter_new(size_t text_len)
{
	struct filter *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	/* every node but the first eats a token; every word is kept once, with its NUL */
	f->nodes = calloc(FILTER_TOKENS_MAX + 2, sizeof(*f->nodes));
	f->values = calloc(FILTER_TOKENS_MAX + 2, sizeof(*f->values));
	f->strings = malloc(text_len + FILTER_TOKENS_MAX + 1);
	if (f->nodes && f->values && f->strings)
		return f;
	filter_free(f);
	return NULL;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	free(f->nodes);
	free(f->values);
	free(f->strings);
	free(f);
}

int filter_parse(const char *text, enum filter_scope scope, struct filter **ret,
		 struct filter_error *error)
{
	size_t len = strnlen(text, FILTER_TEXT_MAX + 1);
	struct filter_parser p = { .text = text, .scope = scope, .error = error };
	AUTO_FREE struct token *tokens = NULL;
	AUTO(filter_free) struct filter *f = NULL;
	int err;

	if (len > FILTER_TEXT_MAX)
		return filter_fail(&p, FILTER_TEXT_MAX, "the filter is longer than %d bytes",
				   FILTER_TEXT_MAX);
	f = filter_new(len);
	tokens = calloc(FILTER_TOKENS_MAX + 1, sizeof(*tokens));
	if (!f || !tokens)
		return -ENOMEM;
	p.filter = f;
	p.tokens = tokens;
	err = filter_lex(&p);
	if (err)
		return err;
	if (tokens[0].kind == TOKEN_END)
		f->root = filter_node_new(f, FILTER_ANY);
	else
		err = parse_either(&p, &f->root);
	if (err)
		return err;
	*ret = TAKE(f);
	return 0;
}

bool filter_is_owned(const struct filter *f)
{
	for (size_t i = 0; f && i < f->nodes_len; i++) {
		const struct filter_node *n = &f->nodes[i];

		if (n->op == FILTER_TERM && n->field >= FIELD_PROCESS &&
		    n->field <= FIELD_CONNECT && n->field != FIELD_STATE && n->field != FIELD_ROLE)
			return true;
	}
	return false;
}
