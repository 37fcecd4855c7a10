// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Option rows and a command line in, checked settings out. */
#include "user/lib/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/config_file.h"
#include "user/lib/suggest.h"
#include "user/lib/timespec.h"
#include "user/lib/units.h"

#define OPTION_ROWS_MAX 64
#define HELP_COLUMN 28

static const struct option_row *row_find(const struct option_row *rows, size_t len,
					 const char *name)
{
	for (size_t i = 0; i < len; i++) {
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	}
	return NULL;
}

/* The exact amount in the unit people would use: limits in messages and help. */
static const char *limit_format(const struct option_row *row, uint64_t n, char *text)
{
	if (row->type == OPTION_DURATION)
		return units_format_duration(n, text);
	if (row->type == OPTION_BYTES)
		return units_format_bytes(n, text);
	return units_format_exact(n, text);
}

static int set_amount(const struct option_row *row, void *target, const char *value,
		      struct option_error *error)
{
	char min[UNITS_TEXT_MAX], max[UNITS_TEXT_MAX];
	int64_t us = 0;
	uint64_t n = 0;
	int err;

	if (row->type == OPTION_DURATION) {
		err = timespec_parse_duration(value, &us);
		n = (uint64_t)us;
	} else if (row->type == OPTION_BYTES) {
		err = units_parse_bytes(value, &n);
	} else {
		err = units_parse_count(value, &n);
	}
	if (err && err != -ERANGE) {
		snprintf(error->message, sizeof(error->message), "--%s: '%.40s' is not a %s",
			 row->name, value,
			 row->type == OPTION_DURATION ? "duration (like 5s, 1h30m)"
			 : row->type == OPTION_BYTES  ? "size (like 64M)"
						      : "number");
		return -EINVAL;
	}
	if (err || n < row->min || (row->max && n > row->max)) {
		snprintf(error->message, sizeof(error->message),
			 "--%s: '%.40s' is not from %s to %s", row->name, value,
			 limit_format(row, row->min, min),
			 limit_format(row, row->max ? row->max : INT64_MAX, max));
		return -EINVAL;
	}
	memcpy(target, &n, sizeof(n));
	return 0;
}

static int set_choice(const struct option_row *row, const char **target, const char *value,
		      struct option_error *error)
{
	size_t value_len = strlen(value);

	for (const char *c = row->choices; c;) {
		size_t n = strcspn(c, "|");

		if (value_len && n == value_len && !strncmp(c, value, n)) {
			*target = value;
			return 0;
		}
		c = c[n] ? c + n + 1 : NULL;
	}
	snprintf(error->message, sizeof(error->message), "--%s: '%.40s' is not one of %s",
		 row->name, value, row->choices);
	return -EINVAL;
}

static int set_list(const struct option_row *row, struct option_list *list, const char *value,
		    struct option_error *error)
{
	if (list->len == OPTION_LIST_MAX) {
		snprintf(error->message, sizeof(error->message), "--%s: given more than %d times",
			 row->name, OPTION_LIST_MAX);
		return -EINVAL;
	}
	list->values[list->len++] = value;
	return 0;
}

static int set_flag(const struct option_row *row, bool *target, const char *value,
		    struct option_error *error)
{
	static const char *const yes[] = { "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (!strcmp(value, yes[i]) || !strcmp(value, no[i])) {
			*target = !strcmp(value, yes[i]);
			return 0;
		}
	}
	snprintf(error->message, sizeof(error->message), "%s: '%.40s' is neither yes nor no",
		 row->name, value);
	return -EINVAL;
}

static int row_set(const struct option_row *row, void *settings, const char *value,
		   struct option_error *error)
{
	char *target = (char *)settings + row->offset;

	switch (row->type) {
	case OPTION_FLAG:
		return set_flag(row, (bool *)target, value, error);
	case OPTION_TEXT:
		*(const char **)target = value;
		return 0;
	case OPTION_LIST:
		return set_list(row, (struct option_list *)target, value, error);
	case OPTION_CHOICE:
		return set_choice(row, (const char **)target, value, error);
	default:
		return set_amount(row, target, value, error);
	}
}

void options_init(const struct option_row *rows, size_t len, void *settings)
{
	struct option_error error = { "" };

	for (size_t i = 0; i < len; i++) {
		if (rows[i].fallback && row_set(&rows[i], settings, rows[i].fallback, &error)) {
			fprintf(stderr, "bug: default of %s\n", error.message);
			abort();
		}
	}
}

int options_set(const struct option_row *rows, size_t len, void *settings, const char *name,
		const char *value, struct option_error *error)
{
	const struct option_row *row = row_find(rows, len, name);

	if (!row) {
		snprintf(error->message, sizeof(error->message), "unknown option '%.40s'", name);
		return -ENOENT;
	}
	return row_set(row, settings, value, error);
}

static int refuse(const struct option_row *rows, size_t len, int found, const char *arg,
		  struct option_error *error)
{
	const char *names[OPTION_ROWS_MAX], *near;
	size_t name_len = strcspn(arg, "=");
	char name[48];

	if (found == ':') {
		snprintf(error->message, sizeof(error->message), "%.40s needs a value", arg);
		return -EINVAL;
	}
	if (strncmp(arg, "--", 2)) {
		snprintf(error->message, sizeof(error->message), "unknown option '%.40s'", arg);
		return -EINVAL;
	}
	for (size_t i = 0; i < len; i++)
		names[i] = rows[i].name;
	snprintf(name, sizeof(name), "%.*s", (int)(name_len - 2), arg + 2);
	near = suggest_nearest(name, names, len);
	if (row_find(rows, len, name))
		snprintf(error->message, sizeof(error->message), "--%s takes no value", name);
	else if (near)
		snprintf(error->message, sizeof(error->message),
			 "unknown option '--%s'; did you mean '--%s'?", name, near);
	else
		snprintf(error->message, sizeof(error->message), "unknown option '--%s'", name);
	return -EINVAL;
}

/* getopt's own tables, made from the rows. A row is found again by its index. */
static void getopt_tables(const struct option_row *rows, size_t len, struct option *longs,
			  char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < len; i++) {
		int has_arg = rows[i].type == OPTION_FLAG ? no_argument : required_argument;

		longs[i] = (struct option){ rows[i].name, has_arg, NULL, 256 + (int)i };
		if (rows[i].letter) {
			*letters++ = rows[i].letter;
			if (has_arg)
				*letters++ = ':';
		}
	}
	*letters = '\0';
	longs[len] = (struct option){ 0 };
}

static const struct option_row *row_of(const struct option_row *rows, size_t len, int found)
{
	if (found >= 256)
		return &rows[found - 256];
	for (size_t i = 0; i < len; i++) {
		if (rows[i].letter && rows[i].letter == found)
			return &rows[i];
	}
	return NULL;
}

/* argv over what is in *settings. */
static int parse_argv(const struct option_row *rows, size_t len, void *settings, int argc,
		      char **argv, int *rest, struct option_error *error)
{
	struct option longs[OPTION_ROWS_MAX + 1];
	bool given[OPTION_ROWS_MAX] = { false };
	char letters[2 * OPTION_ROWS_MAX + 2];
	int found;

	getopt_tables(rows, len, longs, letters);
	optind = 0; /* glibc: start anew */
	opterr = 0;
	while ((found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_row *row = row_of(rows, len, found);
		const char *arg = argv[optind - 1];
		char letter[3] = { '-', (char)optopt, '\0' };
		int err;

		if (!row)
			return refuse(rows, len, found,
				      optopt && optopt < 256 && strncmp(arg, "--", 2) ? letter
										      : arg,
				      error);
		/* the first one given replaces a list's default */
		if (row->type == OPTION_LIST && !given[row - rows])
			((struct option_list *)((char *)settings + row->offset))->len = 0;
		given[row - rows] = true;
		err = row_set(row, settings, row->type == OPTION_FLAG ? "yes" : optarg, error);
		if (err)
			return err;
	}
	*rest = optind;
	return 0;
}

int options_parse(const struct option_row *rows, size_t len, void *settings, int argc, char **argv,
		  int *rest, struct option_error *error)
{
	assert(len <= OPTION_ROWS_MAX);
	options_init(rows, len, settings);
	return parse_argv(rows, len, settings, argc, argv, rest, error);
}

/* The last one that argv names; what else is wrong with it is found later. */
static const char *find_config(const struct option_row *rows, size_t len, int argc, char **argv)
{
	struct option longs[OPTION_ROWS_MAX + 1];
	char letters[2 * OPTION_ROWS_MAX + 2];
	const char *path = NULL;
	int found;

	getopt_tables(rows, len, longs, letters);
	optind = 0;
	opterr = 0;
	while ((found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_row *row = row_of(rows, len, found);

		if (row && !strcmp(row->name, "config"))
			path = optarg;
	}
	return path;
}

int options_parse_with_file(const struct option_row *rows, size_t len, void *settings, int argc,
			    char **argv, int *rest, struct option_error *error)
{
	const char *path;
	int err = 0;

	assert(len <= OPTION_ROWS_MAX);
	options_init(rows, len, settings);
	path = find_config(rows, len, argc, argv);
	if (path)
		err = config_file_load(path, rows, len, settings, error);
	return err ? -EINVAL : parse_argv(rows, len, settings, argc, argv, rest, error);
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool is_same_list(const struct option_list *a, const struct option_list *b)
{
	bool same = a->len == b->len;

	for (size_t i = 0; same && i < a->len; i++)
		same = is_same_text(a->values[i], b->values[i]);
	return same;
}

static bool is_same(const struct option_row *row, const char *a, const char *b)
{
	switch (row->type) {
	case OPTION_FLAG:
		return *(const bool *)a == *(const bool *)b;
	case OPTION_TEXT:
	case OPTION_CHOICE:
		return is_same_text(*(const char *const *)a, *(const char *const *)b);
	case OPTION_LIST:
		return is_same_list((const struct option_list *)a, (const struct option_list *)b);
	default:
		return !memcmp(a, b, sizeof(uint64_t));
	}
}

void options_diff(const struct option_row *rows, size_t len, const void *a, const void *b,
		  void (*fn)(void *arg, const struct option_row *row), void *arg)
{
	for (size_t i = 0; i < len; i++)
		if (!is_same(&rows[i], (const char *)a + rows[i].offset,
			     (const char *)b + rows[i].offset))
			fn(arg, &rows[i]);
}

static int help_name(const struct option_row *row, FILE *out)
{
	char letter[5] = "    ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	if (row->type == OPTION_FLAG)
		return fprintf(out, "  %s--%s", letter, row->name);
	return fprintf(out, "  %s--%s %s", letter, row->name,
		       row->choices ? row->choices : row->value);
}

void options_help(const struct option_row *rows, size_t len, FILE *out)
{
	for (size_t i = 0; i < len; i++) {
		const struct option_row *row = &rows[i];
		int n = help_name(row, out);

		if (n >= HELP_COLUMN - 1) {
			fputc('\n', out);
			n = 0;
		}
		fprintf(out, "%*s%s", HELP_COLUMN - n, "", row->help);
		if (row->fallback && row->type != OPTION_FLAG)
			fprintf(out, " (default %s)", row->fallback);
		fputc('\n', out);
	}
}
