// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally drops`: /v1/drops as a table. */
#include "user/cli/ask.h"
#include "user/cli/columns.h"
#include "user/cli/show.h"

struct settings {
	struct ask_options ask;
	const char *by, *exporter;
	uint64_t n;
	bool purged;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "by", 'b', OPTION_TEXT, AT(by), "WHAT", "reason",
	  .help = "reason, location, interface, flow, process, cgroup, proto, host; several with commas" },
	{ "number", 'n', OPTION_NUMBER, AT(n), "N", "50", .min = 1, .max = 100000,
	  .help = "show N rows" },
	{ "purged", 'p', OPTION_FLAG, AT(purged),
	  .help = "instead, what was freed with a closing socket or queue: no loss on the way" },
	RANGE_ROWS(struct settings, ask.range),
	FOLLOW_OPTIONS(struct settings, ask),
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", NULL,
	  .help = "only what this agent or host has reported" },
	CLIENT_CSV_ROW(struct settings, ask.client),
	CLIENT_ROWS(struct settings, ask.client),
};

static const struct command_text text = {
	.usage = "wiretally drops [OPTION]… [FILTER…]",
	.about = "Shows which packets the kernel dropped, why and where. FILTER: docs/filters.md.",
	.examples = "  wiretally drops\n"
		    "  wiretally drops --by reason,interface --last 5m\n"
		    "  wiretally drops --by flow reason NO_SOCKET and udp\n",
};

static const struct column columns[] = {
	{ "PACKETS", "packets", CELL_COUNT },
	{ "BYTES", "octets", CELL_BYTES },
	{ "FIRST", "start_us", CELL_TIME },
	{ "LAST", "end_us", CELL_TIME },
};

static void print_total(const struct show *show, const json_t *root)
{
	char packets[UNITS_TEXT_MAX], octets[UNITS_TEXT_MAX];

	printf("total: %s packets %s, %s%s\n", show_count(show, show_int(root, "packets"), packets),
	       json_is_true(json_object_get(root, "purged")) ? "purged" : "dropped",
	       show_bytes(show, show_int(root, "octets"), octets), show->is_human ? "" : " bytes");
}

static int print_drops(const struct show *show, const void *settings, const json_t *root)
{
	const json_t *list = json_object_get(root, "rows");
	int status;

	if (!json_array_size(list)) {
		puts("no drops match");
		return EXIT_DONE;
	}
	status = columns_print(show, list, columns, ARRAY_LEN(columns), true);
	if (!show->below)
		print_total(show, root);
	return status;
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_arg(q, "by", s->by);
	client_query_number(q, "n", s->ask.after ? ASK_ROWS_MAX : s->n);
	client_query_arg(q, "purged", s->purged ? "1" : NULL);
	client_query_arg(q, "exporter", s->exporter);
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/drops",
	.follow = FOLLOW_GROUPS,
	.add_args = add_args,
	.print = print_drops,
};

int cmd_drops(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
