// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Words and values in, one SQL statement with placeholders out. */
#include "user/collector/query_sql.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int sql_init(struct sql_builder *b)
{
	memset(b, 0, sizeof(*b));
	b->out = open_memstream(&b->text, &b->text_len);
	if (!b->out)
		b->err = -ENOMEM;
	return b->err;
}

void sql_done(struct sql_builder *b)
{
	if (b->out)
		fclose(b->out);
	free(b->text);
	free(b->params);
	memset(b, 0, sizeof(*b));
}

void sql_add(struct sql_builder *b, const char *words)
{
	if (b->err)
		return;
	if (fputs(words, b->out) == EOF)
		b->err = -ENOMEM;
	else if (ftell(b->out) > (long)SQL_TEXT_MAX)
		b->err = -E2BIG;
}

void sql_text(struct sql_builder *b, const char *borrowed)
{
	char placeholder[16];

	if (b->err)
		return;
	if (b->params_len == SQL_PARAMS_MAX) {
		b->err = -E2BIG;
		return;
	}
	if (b->params_len == b->params_size) {
		size_t size = b->params_size ? 2 * b->params_size : 32;
		const char **params = reallocarray(b->params, size, sizeof(*params));

		if (!params) {
			b->err = -ENOMEM;
			return;
		}
		b->params = params;
		b->params_size = size;
	}
	b->params[b->params_len++] = borrowed;
	snprintf(placeholder, sizeof(placeholder), "$%zu", b->params_len);
	sql_add(b, placeholder);
}

void sql_each(struct sql_builder *b, const char *words, const char **before, const char *separator,
	      void (*add)(struct sql_builder *b, const char *word))
{
	char word[SQL_WORD_MAX];

	for (const char *at = words; *at; at += strspn(at, ", ")) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(at, ", "), at);
		at += strlen(word);
		sql_add(b, *before);
		add(b, word);
		*before = separator;
	}
}

/* With placeholders, DuckDB would plan once to prepare and once more with their values. */
void sql_u64(struct sql_builder *b, uint64_t value)
{
	char text[48];

	snprintf(text, sizeof(text), "%" PRIu64 "::UBIGINT", value);
	sql_add(b, text);
}

void sql_i64(struct sql_builder *b, int64_t value)
{
	char text[48];

	snprintf(text, sizeof(text), value < 0 ? "(%" PRId64 ")::BIGINT" : "%" PRId64 "::BIGINT",
		 value);
	sql_add(b, text);
}

int sql_finish(struct sql_builder *b)
{
	if (b->out) {
		/* fclose() puts the final length and terminator in place; text stays ours */
		if (fclose(b->out) && !b->err)
			b->err = -ENOMEM;
		b->out = NULL;
	}
	return b->err;
}
