// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A filter's text in, its tokens out. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "user/collector/filter_tree.h"

/* Longer signs before those they start with. */
static const struct {
	const char *text;
	enum token_kind kind;
} signs[] = {
	{ "&&", TOKEN_AND },	   { "||", TOKEN_OR },	 { "==", TOKEN_EQ },
	{ "!=", TOKEN_NE },	   { "<=", TOKEN_LE },	 { ">=", TOKEN_GE },
	{ "(", TOKEN_OPEN },	   { ")", TOKEN_CLOSE }, { "[", TOKEN_LIST_OPEN },
	{ "]", TOKEN_LIST_CLOSE }, { ",", TOKEN_COMMA }, { "!", TOKEN_NOT },
	{ "=", TOKEN_EQ },	   { "<", TOKEN_LT },	 { ">", TOKEN_GT },
};

/* Words that are signs. */
static const struct {
	const char *text;
	enum token_kind kind;
} sign_words[] = {
	{ "and", TOKEN_AND }, { "or", TOKEN_OR }, { "not", TOKEN_NOT },
	{ "eq", TOKEN_EQ },   { "ne", TOKEN_NE }, { "lt", TOKEN_LT },
	{ "le", TOKEN_LE },   { "gt", TOKEN_GT }, { "ge", TOKEN_GE },
};

static const char blanks[] = " \t\r\n";

/* Everything that is no blank, sign or quote: names and addresses hold all kinds of letters. */
static bool in_word(unsigned char c)
{
	return c > ' ' && c != 0x7f && !strchr("()[],!=<>&|\"'", c);
}

static const char *keep_string(struct filter *f, const char *text, size_t len)
{
	char *copy = f->strings + f->strings_len;

	memcpy(copy, text, len);
	copy[len] = '\0';
	f->strings_len += len + 1;
	return copy;
}

static size_t lex_word(struct filter_parser *p, size_t at, struct token *token)
{
	size_t len = 0;

	while (in_word((unsigned char)p->text[at + len]))
		len++;
	token->kind = TOKEN_WORD;
	token->text = keep_string(p->filter, p->text + at, len);
	for (size_t i = 0; i < ARRAY_LEN(sign_words); i++) {
		if (!strcasecmp(token->text, sign_words[i].text))
			token->kind = sign_words[i].kind;
	}
	return len;
}

static size_t lex_sign(const char *text, struct token *token)
{
	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		size_t len = strlen(signs[i].text);

		if (!strncmp(text, signs[i].text, len)) {
			token->kind = signs[i].kind;
			token->text = signs[i].text;
			return len;
		}
	}
	return 0;
}

/* One token from `at` on; *ret_len bytes of text. */
static int lex_token(struct filter_parser *p, size_t at, struct token *token, size_t *ret_len)
{
	const char *text = p->text + at, *close;

	token->position = at;
	if (in_word((unsigned char)*text)) {
		*ret_len = lex_word(p, at, token);
		return 0;
	}
	if (*text == '"' || *text == '\'') {
		close = strchr(text + 1, *text);
		if (!close)
			return filter_fail(p, at, "the quote is never closed");
		token->kind = TOKEN_STRING;
		token->text = keep_string(p->filter, text + 1, (size_t)(close - text - 1));
		*ret_len = (size_t)(close - text) + 1;
		return 0;
	}
	*ret_len = lex_sign(text, token);
	if (*ret_len)
		return 0;
	if (*text == '&' || *text == '|')
		return filter_fail(p, at, "a single '%c'; did you mean '%c%c'?", *text, *text,
				   *text);
	return filter_fail(p, at, "character 0x%02x has no place in a filter",
			   (unsigned char)*text);
}

int filter_lex(struct filter_parser *p)
{
	size_t at = strspn(p->text, blanks), n = 0, len = 0;
	int err;

	for (; p->text[at]; at += len, at += strspn(p->text + at, blanks)) {
		if (n == FILTER_TOKENS_MAX)
			return filter_fail(p, at, "the filter has more than %d words and signs",
					   FILTER_TOKENS_MAX);
		err = lex_token(p, at, &p->tokens[n++], &len);
		if (err)
			return err;
	}
	p->tokens[n] = (struct token){ TOKEN_END, strlen(p->text), "the end" };
	return 0;
}
