// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* "packets < 3 and flows > 10" in, a condition on groups out. */
#include "user/collector/query_having.h"

#include <string.h>
#include <strings.h>

#include "user/collector/api.h"
#include "user/collector/query_sql.h"
#include "user/lib/cleanup.h"
#include "user/lib/units.h"

#define WORD_MAX 32 /* with NUL */
#define SIGNS "=!<>"

static const struct {
	const char *word, *column;
} words[] = { { "flows", "flows" }, { "packets", "packets" }, { "bytes", "octets" } };

static const struct {
	const char *sign, *sql;
} signs[] = {
	{ "==", " = " },  { "=", " = " }, { "!=", " <> " }, { "<=", " <= " },
	{ ">=", " >= " }, { "<", " < " }, { ">", " > " },
};

struct cursor {
	const char *text, *at;
};

static int refuse(struct api_reply *reply, const struct cursor *c, const char *want)
{
	int err = api_error(reply, 400, "having", (long)(c->at - c->text), "having wants %s here",
			    want);

	return err < 0 ? err : 1;
}

/* Behind blanks: what is of one kind, signs or the rest. */
static void next(struct cursor *c, char word[WORD_MAX])
{
	size_t n;

	c->at += strspn(c->at, " \t");
	n = strspn(c->at, SIGNS);
	if (!n)
		n = strcspn(c->at, " \t" SIGNS);
	if (n >= WORD_MAX)
		n = WORD_MAX - 1;
	memcpy(word, c->at, n);
	word[n] = '\0';
}

static int take_term(struct api_reply *reply, struct cursor *c, struct having_term *ret)
{
	char word[WORD_MAX];

	next(c, word);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcasecmp(words[i].word, word))
			ret->column = words[i].column;
	if (!ret->column)
		return refuse(reply, c, "flows, packets or bytes");
	c->at += strlen(word);
	next(c, word);
	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (!strcmp(signs[i].sign, word))
			ret->sign = signs[i].sql;
	if (!ret->sign)
		return refuse(reply, c, "one of = != < <= > >=");
	c->at += strlen(word);
	next(c, word);
	if (units_parse_count(word, &ret->number))
		return refuse(reply, c, "a number (like 1000 or 1k)");
	c->at += strlen(word);
	return 0;
}

int having_arg(const struct api_request *req, struct api_reply *reply, struct having *ret)
{
	const char *text = req->arg(req, "having");
	struct cursor c = { text, text };
	struct having having = { 0 };
	char word[WORD_MAX];
	int err = 0;

	*ret = having;
	if (!text)
		return 0;
	for (;;) {
		if (having.len == HAVING_TERMS_MAX)
			return refuse(reply, &c, "fewer conditions");
		err = take_term(reply, &c, &having.terms[having.len++]);
		if (err)
			return err;
		next(&c, word);
		if (!*word)
			break;
		if (strcasecmp(word, "and") != 0)
			return refuse(reply, &c, "'and' or the end");
		c.at += strlen(word);
	}
	*ret = having;
	return 0;
}

void having_add(const struct having *h, struct sql_builder *b)
{
	for (size_t i = 0; i < h->len; i++) {
		sql_add(b, i ? " AND " : " WHERE ");
		sql_add(b, h->terms[i].column);
		sql_add(b, h->terms[i].sign);
		sql_u64(b, h->terms[i].number);
	}
}
