// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Any text as a filter: it is refused with a position in the text and a printable message, or its
 * SQL holds nothing but our own characters and as many placeholders as there are values.
 *
 * needs: user/collector/filter.c user/collector/filter_lex.c user/collector/filter_names.c
 * needs: user/collector/filter_sql.c user/collector/filter_term.c user/collector/filter_value.c
 * needs: user/collector/query_sql.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/filter.h"
#include "user/collector/query_sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_error(const struct filter_error *error, size_t len)
{
	check(error->position <= len);
	check(error->message[0] != '\0');
	for (const char *c = error->message; *c; c++)
		check(*c >= ' ' && *c <= '~');
}

/* Placeholders in the text, all of them $1…$n. */
static void check_sql(struct sql_builder *b)
{
	size_t placeholders = 0;

	check(sql_finish(b) == 0);
	check(!strpbrk(b->text, "';\"\\\n"));
	for (const char *c = b->text; (c = strchr(c, '$')); c++) {
		placeholders++;
		check((size_t)strtoul(c + 1, NULL, 10) == placeholders);
	}
	check(placeholders == b->params_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct filter_error error = { SIZE_MAX, "" };
	char *text = malloc(len + 1);
	struct filter *f = NULL;
	struct sql_builder b;
	int err;

	check(text != NULL);
	memcpy(text, bytes, len);
	text[len] = '\0';
	err = filter_parse(text, FILTER_FLOWS, &f, &error);
	if (err) {
		check(!f);
		check_error(&error, len);
		free(text);
		return 0;
	}
	free(text); /* the tree keeps what it needs */
	check(sql_init(&b) == 0);
	check(filter_sql(f, &b) == 0);
	check(filter_sql_fold(f, &b) == 0);
	check_sql(&b);
	sql_done(&b);
	filter_free(f);
	return 0;
}
