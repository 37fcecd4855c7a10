/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * SQL text and the texts bound to it. The text is ours, word for word; what came from the outside
 * is a number that was read and is written here, or goes in as a value and stands as $1, $2, …
 */
#ifndef WT_QUERY_SQL_H
#define WT_QUERY_SQL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "user/lib/cleanup.h"

#define SQL_PARAMS_MAX 32768 /* twice the longest filter stays below */
#define SQL_TEXT_MAX (4u << 20)
#define SQL_WORD_MAX 32 /* of sql_each(), with NUL */

struct sql_builder {
	FILE *out;
	char *text; /* valid after sql_finish() */
	size_t text_len;
	const char **params; /* borrowed until the query ran */
	size_t params_len, params_size;
	int err; /* the first thing that went wrong: later calls do nothing */
};

/* 0 or -ENOMEM; sql_done() in any case. */
int sql_init(struct sql_builder *b);
void sql_done(struct sql_builder *b);
static inline void sql_done_auto(struct sql_builder *b)
{
	sql_done(b);
}

/* Append our own words: a constant, never text from outside. */
void sql_add(struct sql_builder *b, const char *words);

/*
 * add(b, word) for each word of "a, b, …", with *before in front of it; behind the first, *before is
 * `separator`, so that several lists become one.
 */
void sql_each(struct sql_builder *b, const char *words, const char **before, const char *separator,
	      void (*add)(struct sql_builder *b, const char *word));

/* Append a number, of type UBIGINT or BIGINT. */
void sql_u64(struct sql_builder *b, uint64_t value);
void sql_i64(struct sql_builder *b, int64_t value);
/* Append a placeholder and bind its value. A value twice is two placeholders. */
void sql_text(struct sql_builder *b, const char *borrowed);

/* 0 and b->text is the statement, or what went wrong: -ENOMEM, -E2BIG. */
int sql_finish(struct sql_builder *b);

#endif
