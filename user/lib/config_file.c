// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Events of libyaml in, options set out. */
#include "user/lib/config_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "user/lib/cleanup.h"
#include "user/lib/suggest.h"

#define VALUE_MAX 4096 /* of one option, joined */
#define ROWS_MAX 64

struct reading {
	yaml_parser_t parser;
	const char *name;
	const struct option_row *rows;
	size_t len;
	void *settings;
	struct option_error *error;
	bool given[ROWS_MAX];
};

/* Settings point into these for as long as the process lives. */
static struct kept {
	struct kept *next;
	char text[];
} *all_kept;

static const char *keep(const char *text)
{
	struct kept *k = malloc(sizeof(*k) + strlen(text) + 1);

	if (!k)
		return NULL;
	strcpy(k->text, text);
	k->next = all_kept;
	all_kept = k;
	return k->text;
}

static __attribute__((format(printf, 3, 4))) int fail(const struct reading *r,
						      const yaml_mark_t *at, const char *fmt, ...)
{
	char what[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(r->error->message, sizeof(r->error->message), "%.60s:%zu:%zu: %s", r->name,
		 at->line + 1, at->column + 1, what);
	return -EINVAL;
}

static inline void yaml_event_delete_auto(yaml_event_t *e)
{
	yaml_event_delete(e);
}

/* The next event; what YAML itself refuses has a message. */
static int next(struct reading *r, yaml_event_t *e)
{
	if (yaml_parser_parse(&r->parser, e))
		return 0;
	return fail(r, &r->parser.problem_mark, "%s",
		    r->parser.problem ? r->parser.problem : "it is no YAML");
}

static const struct option_row *find_row(const struct reading *r, const char *name)
{
	for (size_t i = 0; i < r->len; i++)
		if (!strcmp(r->rows[i].name, name) && !r->rows[i].only_argv)
			return &r->rows[i];
	return NULL;
}

static int unknown(const struct reading *r, const yaml_event_t *e, const char *name)
{
	const char *names[ROWS_MAX], *near;
	size_t n = 0;

	for (size_t i = 0; i < r->len; i++)
		if (!r->rows[i].only_argv)
			names[n++] = r->rows[i].name;
	near = suggest_nearest(name, names, n);
	return near ? fail(r, &e->start_mark, "unknown option '%.40s'; did you mean '%s'?", name,
			   near)
		    : fail(r, &e->start_mark, "unknown option '%.40s'", name);
}

/* ---- values --------------------------------------------------------------------------------- */

static int set(const struct reading *r, const yaml_mark_t *at, const struct option_row *row,
	       const char *value)
{
	const char *kept = keep(value);
	struct option_error why;

	if (!kept)
		return -ENOMEM;
	if (!options_set(r->rows, r->len, r->settings, row->name, kept, &why))
		return 0;
	/* it speaks of the command line's name */
	return fail(r, at, "%s", why.message + (strncmp(why.message, "--", 2) ? 0 : 2));
}

static int append(const struct reading *r, const yaml_event_t *e, char *value, const char *before)
{
	size_t len = strlen(value);
	const char *text = (const char *)e->data.scalar.value;

	if (strlen(text) != e->data.scalar.length || strpbrk(text, "\n"))
		return fail(r, &e->start_mark, "a value is one line of text");
	if (len + strlen(before) + strlen(text) >= VALUE_MAX)
		return fail(r, &e->start_mark, "a value is at most %d octets long", VALUE_MAX - 1);
	strcat(strcat(value, before), text);
	return 0;
}

/* One event of a collection; *ret_end: it was the last. */
static int take_item(struct reading *r, const struct option_row *row, const yaml_mark_t *at,
		     bool is_mapping, size_t n, char *value, bool *ret_end)
{
	AUTO(yaml_event_delete) yaml_event_t e = { 0 };
	const char *before = !n ? "" : is_mapping && n % 2 ? "=" : ",";
	int err = next(r, &e);

	if (err)
		return err;
	*ret_end = e.type == YAML_SEQUENCE_END_EVENT || e.type == YAML_MAPPING_END_EVENT;
	if (*ret_end)
		return 0;
	if (e.type != YAML_SCALAR_EVENT)
		return fail(r, &e.start_mark, "'%s' is no list of lists", row->name);
	if (row->type == OPTION_LIST) {
		*value = '\0';
		before = "";
	}
	err = append(r, &e, value, before);
	return err || row->type != OPTION_LIST ? err : set(r, at, row, value);
}

/* Lists are several values, texts one with commas. */
static int take_collection(struct reading *r, const struct option_row *row,
			   const yaml_event_t *begin)
{
	bool is_mapping = begin->type == YAML_MAPPING_START_EVENT, is_end = false;
	char value[VALUE_MAX] = "";
	int err = 0;

	if (row->type != OPTION_TEXT && (row->type != OPTION_LIST || is_mapping))
		return fail(r, &begin->start_mark, "'%s' is one value", row->name);
	for (size_t n = 0; !err && !is_end; n++)
		err = take_item(r, row, &begin->start_mark, is_mapping, n, value, &is_end);
	return err || row->type == OPTION_LIST ? err : set(r, &begin->start_mark, row, value);
}

static int take_value(struct reading *r, const struct option_row *row)
{
	AUTO(yaml_event_delete) yaml_event_t e = { 0 };
	char value[VALUE_MAX] = "";
	int err = next(r, &e);

	if (err)
		return err;
	if (e.type == YAML_SEQUENCE_START_EVENT || e.type == YAML_MAPPING_START_EVENT)
		return take_collection(r, row, &e);
	if (e.type != YAML_SCALAR_EVENT)
		return fail(r, &e.start_mark, "'%s' needs a value", row->name);
	if (!e.data.scalar.length && e.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return fail(r, &e.start_mark, "'%s' needs a value", row->name);
	err = append(r, &e, value, "");
	return err ? err : set(r, &e.start_mark, row, value);
}

/* ---- the mapping ---------------------------------------------------------------------------- */

static int take_option(struct reading *r, const yaml_event_t *key)
{
	const struct option_row *row;
	const char *name;

	if (key->type != YAML_SCALAR_EVENT)
		return fail(r, &key->start_mark, "want the name of an option");
	name = (const char *)key->data.scalar.value;
	row = find_row(r, name);
	if (!row)
		return unknown(r, key, name);
	if (r->given[row - r->rows])
		return fail(r, &key->start_mark, "'%s' is given twice", name);
	r->given[row - r->rows] = true;
	if (row->type == OPTION_LIST) /* its default is replaced */
		((struct option_list *)((char *)r->settings + row->offset))->len = 0;
	return take_value(r, row);
}

/* One event outside of options; *ret_end: the stream is over. */
static int take(struct reading *r, bool *is_inside, bool *ret_end)
{
	AUTO(yaml_event_delete) yaml_event_t e = { 0 };
	int err = next(r, &e);

	if (err)
		return err;
	*ret_end = e.type == YAML_STREAM_END_EVENT;
	if (*ret_end || e.type == YAML_STREAM_START_EVENT || e.type == YAML_DOCUMENT_START_EVENT ||
	    e.type == YAML_DOCUMENT_END_EVENT)
		return 0;
	if (!*is_inside && e.type == YAML_SCALAR_EVENT && !e.data.scalar.length)
		return 0; /* a file of comments */
	if (!*is_inside && e.type != YAML_MAPPING_START_EVENT)
		return fail(r, &e.start_mark, "want lines 'option: value'");
	if (!*is_inside) {
		*is_inside = true;
		return 0;
	}
	if (e.type == YAML_MAPPING_END_EVENT) {
		*is_inside = false;
		return 0;
	}
	return take_option(r, &e);
}

static int check_size(FILE *f, const char *name, struct option_error *error)
{
	if (fseek(f, 0, SEEK_END) || ftell(f) < 0)
		return 0; /* a pipe: libyaml reads a little at a time */
	if (ftell(f) > (long)CONFIG_FILE_MAX) {
		snprintf(error->message, sizeof(error->message), "%.60s: is larger than 1 MiB",
			 name);
		return -EFBIG;
	}
	rewind(f);
	return 0;
}

int config_file_read(FILE *f, const char *name, const struct option_row *rows, size_t len,
		     void *settings, struct option_error *error)
{
	struct reading r = {
		.name = name, .rows = rows, .len = len, .settings = settings, .error = error
	};
	bool is_inside = false, is_end = false;
	int err = check_size(f, name, error);

	if (err)
		return err;
	if (!yaml_parser_initialize(&r.parser))
		return -ENOMEM;
	yaml_parser_set_input_file(&r.parser, f);
	while (!err && !is_end)
		err = take(&r, &is_inside, &is_end);
	yaml_parser_delete(&r.parser);
	return err;
}

int config_file_load(const char *path, const struct option_row *rows, size_t len, void *settings,
		     struct option_error *error)
{
	AUTO_FILE FILE *f = fopen(path, "re");

	if (f)
		return config_file_read(f, path, rows, len, settings, error);
	snprintf(error->message, sizeof(error->message), "%.160s: %s", path, strerror(errno));
	return -errno;
}
