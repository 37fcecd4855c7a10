// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Lines of one text format in, of the other out. */
#include "user/metrics/openmetrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELP "# HELP "
#define TYPE "# TYPE "
#define TOTAL "_total"

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

/* The name behind "# HELP " or "# TYPE ": its length, without _total if it is a counter's. */
static size_t name_len(const char *name, bool is_counter)
{
	size_t len = strcspn(name, " "), suffix = strlen(TOTAL);

	if (is_counter && len > suffix && starts_with(name + len - suffix, TOTAL))
		return len - suffix;
	return len;
}

/* HELP and the TYPE after it; returns the end of both. */
static const char *print_heads(const char *help, FILE *out)
{
	const char *name = help + strlen(HELP), *type = strchr(help, '\n') + 1;
	const char *kind = NULL, *end = type;
	size_t kept;

	for (; starts_with(type, TYPE) && *end && *end != '\n'; end++)
		kind = *end == ' ' ? end : kind;
	kept = name_len(name, kind && starts_with(kind, " counter"));
	if (kind && starts_with(kind, " untyped"))
		fprintf(out, TYPE "%.*s unknown\n", (int)kept, name);
	else if (kind)
		fprintf(out, TYPE "%.*s%.*s\n", (int)kept, name, (int)(end - kind), kind);
	fprintf(out, HELP "%.*s%.*s", (int)kept, name,
		(int)(type - name - (long)strcspn(name, " ")), name + strcspn(name, " "));
	return *end == '\n' && kind ? end + 1 : end;
}

char *openmetrics_from_text(const char *text, size_t *ret_len)
{
	char *copy = NULL;
	FILE *out = open_memstream(&copy, ret_len);
	bool failed;

	if (!out)
		return NULL;
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (starts_with(text, HELP) && text[len]) {
			text = print_heads(text, out);
			continue;
		}
		fprintf(out, "%.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
	fputs("# EOF\n", out);
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(copy);
		return NULL;
	}
	return copy;
}
