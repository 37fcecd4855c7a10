// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Words and values in, one SQL statement with placeholders out. */
#include "user/collector/query_sql.h"

#include <errno.h>
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

static void sql_param(struct sql_builder *b, struct sql_param param)
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
		struct sql_param *params = reallocarray(b->params, size, sizeof(*params));

		if (!params) {
			b->err = -ENOMEM;
			return;
		}
		b->params = params;
		b->params_size = size;
	}
	b->params[b->params_len++] = param;
	snprintf(placeholder, sizeof(placeholder), "$%zu", b->params_len);
	sql_add(b, placeholder);
}

void sql_u64(struct sql_builder *b, uint64_t value)
{
	sql_param(b, (struct sql_param){ .type = SQL_U64, .u64 = value });
}

void sql_i64(struct sql_builder *b, int64_t value)
{
	sql_param(b, (struct sql_param){ .type = SQL_I64, .i64 = value });
}

void sql_text(struct sql_builder *b, const char *borrowed)
{
	sql_param(b, (struct sql_param){ .type = SQL_TEXT, .text = borrowed });
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
