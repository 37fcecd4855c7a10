// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally series`: /v1/series as a table, a line of text for each step. */
#include "user/cli/ask.h"
#include "user/cli/columns.h"
#include "user/cli/show.h"

struct settings {
	struct ask_options ask;
	const char *by, *order, *exporter, *tier;
	int64_t step_us;
	uint64_t n;
	bool all, spread;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "step", 's', OPTION_DURATION, AT(step_us), "TIME", "1m", .min = 1000000,
	  .max = INT64_C(31536000) * 1000000, .help = "a sum for every TIME, in whole seconds" },
	{ "by", 'b', OPTION_TEXT, AT(by), "WHAT", NULL,
	  .help = "a line for each of the largest: src, dst, srcport, dstport, proto, direction, …" },
	{ "number", 'n', OPTION_NUMBER, AT(n), "N", "5", .min = 1, .max = 50,
	  .help = "with --by: N lines, and one of all others" },
	{ "order", 'o', OPTION_CHOICE, AT(order), NULL, "bytes", .choices = "bytes|packets|flows",
	  .help = "with --by: which are the largest" },
	{ "spread", 0, OPTION_FLAG, AT(spread),
	  .help = "share a record among all steps from its first packet to its last" },
	RANGE_ROWS(struct settings, ask.range),
	{ "all", 'a', OPTION_FLAG, AT(all),
	  .help = "every observation, even of one packet at several interfaces" },
	{ "tier", 0, OPTION_CHOICE, AT(tier), NULL, "auto", .choices = "auto|raw|minute|hour",
	  .help = "read records, or what was rolled up: docs/storage.md" },
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", NULL,
	  .help = "only what this agent, host or file has reported" },
	CLIENT_CSV_ROW(struct settings, ask.client),
	CLIENT_ROWS(struct settings, ask.client),
};

static const struct command_text text = {
	.usage = "wiretally series [OPTION]… [FILTER…]",
	.about = "Sums over time, for graphs. FILTER is in nfdump's words: docs/filters.md.",
	.examples = "  wiretally series --step 10s --last 5m\n"
		    "  wiretally series --step 1h --last 7d --by proto\n"
		    "  wiretally series --step 1m --by dst -n 3 --csv 'dst port 443' > https.csv\n",
};

static const struct column columns[] = {
	{ "LINE", "line", CELL_COUNT },	   { "FROM", "at_us", CELL_TIME },
	{ "FLOWS", "flows", CELL_COUNT },  { "PACKETS", "packets", CELL_COUNT },
	{ "BYTES", "octets", CELL_BYTES },
};

static int print_series(const struct show *show, const void *settings, const json_t *root)
{
	const json_t *list = json_object_get(root, "rows");
	bool has_keys = json_is_string(json_object_get(root, "by"));
	int status;

	if (!json_array_size(list)) {
		puts("no flows match");
		return EXIT_DONE;
	}
	status = columns_print(show, list, has_keys ? columns : columns + 1,
			       ARRAY_LEN(columns) - !has_keys, has_keys);
	show_tiers(root);
	return status;
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_number(q, "step", (uint64_t)s->step_us / 1000000);
	client_query_arg(q, "spread", s->spread ? "1" : NULL);
	client_query_arg(q, "by", s->by);
	client_query_number(q, "n", s->n);
	client_query_arg(q, "order", s->order);
	client_query_arg(q, "all", s->all ? "1" : NULL);
	client_query_arg(q, "tier", s->tier);
	client_query_arg(q, "exporter", s->exporter);
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/series",
	.add_args = add_args,
	.print = print_series,
};

int cmd_series(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
