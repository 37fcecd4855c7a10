// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A grouped row of the API in, the titles and cells of its keys out. */
#include "user/cli/keys.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/cli/show.h"
#include "user/lib/cleanup.h"
#include "user/lib/table.h"
#include "user/lib/units.h"

#define TITLE_MAX 32

/* Members of a row that another one says better, where it is there. */
static const struct {
	const char *name, *better;
} hidden[] = {
	{ "proto", "proto_name" }, { "ifindex", "interface" }, { "netns", "interface" },
	{ "agent", "exporter" },   { "host", "exporter" },
};

static bool is_hidden(const json_t *row, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (!strcmp(name, hidden[i].name))
			return json_object_get(row, hidden[i].better);
	return false;
}

static const char *title_of(const char *name, char title[TITLE_MAX])
{
	snprintf(title, TITLE_MAX, "%s", !strcmp(name, "proto_name") ? "proto" : name);
	for (char *c = title; *c; c++)
		*c = *c == '_' ? ' ' : *c >= 'a' && *c <= 'z' ? (char)(*c - ('a' - 'A')) : *c;
	return title;
}

size_t keys_count(json_t *row, const char *measure)
{
	const char *name;
	size_t keys = 0;
	json_t *value;

	json_object_foreach(row, name, value) {
		if (!strcmp(name, measure))
			break;
		keys += !is_hidden(row, name);
	}
	return keys;
}

void keys_titles(struct table *t, json_t *row, const char *measure)
{
	char title[TITLE_MAX];
	const char *name;
	json_t *value;

	json_object_foreach(row, name, value) {
		if (!strcmp(name, measure))
			break;
		if (!is_hidden(row, name))
			table_column(t, title_of(name, title), json_is_integer(value));
	}
}

static void add_key(struct table *t, const char *name, json_t *value, json_t *row)
{
	char number[UNITS_TEXT_MAX];

	if (!strcmp(name, "exporter")) {
		table_cell(t, show_exporter(row));
		return;
	}
	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
		table_cell(t, number);
		return;
	}
	table_cell(t, json_is_string(value) ? json_string_value(value) : "-");
}

void keys_cells(struct table *t, json_t *row, const char *measure)
{
	const char *name;
	json_t *value;

	json_object_foreach(row, name, value) {
		if (!strcmp(name, measure))
			break;
		if (!is_hidden(row, name))
			add_key(t, name, value, row);
	}
}
