// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally alerts`: /v1/alerts as a table; its exit status says whether one fires. */
#include <string.h>

#include "user/cli/ask.h"
#include "user/cli/columns.h"
#include "user/cli/show.h"

struct settings {
	struct ask_options ask;
	bool all;
};

static const struct option_row rows[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct settings, all),
	  .help = "those that are resolved, too" },
	FOLLOW_OPTIONS(struct settings, ask),
	CLIENT_ROWS(struct settings, ask.client),
};

static const struct command_text about = {
	.usage = "wiretally alerts [OPTION]…",
	.about =
		"Shows what the collector finds wrong, by its own rules: what fires, what will if it goes on, and\n"
		"with --all what did. The exit status is 3 when one fires. Limits: wiretally-collector --alert.",
	.examples =
		"  wiretally alerts\n"
		"  wiretally alerts --json | jq -r '.rows[] | select(.state == \"firing\").summary'\n",
};

static const struct column columns[] = {
	{ "STATE", "state", CELL_TEXT },       { "SINCE", "since_us", CELL_TIME },
	{ "SEVERITY", "severity", CELL_TEXT }, { "ALERT", "alert", CELL_TEXT },
	{ "WHAT", "summary", CELL_TEXT },      { "MORE", "advice", CELL_TEXT },
};

static bool is_state(const json_t *row, const char *state)
{
	const char *text = json_string_value(json_object_get(row, "state"));

	return text && !strcmp(text, state);
}

/* Those to show, as a new array; NULL: no memory. */
static json_t *chosen(const json_t *all, bool resolved)
{
	json_t *list = json_array(), *row;
	size_t i;

	json_array_foreach(all, i, row)
		if (list && (resolved || !is_state(row, "resolved")))
			json_array_append(list, row);
	return list;
}

static int print(const struct show *show, const void *settings, const json_t *root)
{
	const struct settings *s = settings;
	AUTO_JSON json_t *list = chosen(json_object_get(root, "rows"), s->all);

	if (!json_array_size(list)) {
		puts(s->all ? "no alert has fired" : "no alert fires");
		return EXIT_DONE;
	}
	return columns_print(show, list, columns, ARRAY_LEN(columns), false);
}

static int judge(const json_t *root)
{
	const json_t *list = json_object_get(root, "rows"), *row;
	size_t i;

	json_array_foreach(list, i, row)
		if (is_state(row, "firing"))
			return EXIT_UNBALANCED;
	return EXIT_DONE;
}

static const struct ask ask = {
	.text = &about,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/alerts",
	.no_filter = "",
	.follow = FOLLOW_AGAIN,
	.print = print,
	.judge = judge,
};

int cmd_alerts(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
