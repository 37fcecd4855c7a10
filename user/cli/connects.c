// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally connects`: /v1/connections as a table. */
#include "user/cli/ask.h"
#include "user/cli/columns.h"
#include "user/cli/show.h"

struct settings {
	struct ask_options ask;
	const char *order, *exporter;
	uint64_t limit, offset;
	int64_t slow_us; /* 0: however fast */
	bool failed;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "slow", 's', OPTION_DURATION, AT(slow_us), "TIME", NULL, .min = 1,
	  .max = INT64_MAX / 1000,
	  .help = "only those that took TIME (like 100ms) or longer to connect" },
	{ "failed", 0, OPTION_FLAG, AT(failed), .help = "only those that were never established" },
	{ "number", 'n', OPTION_NUMBER, AT(limit), "N", "100", .min = 1, .max = 100000,
	  .help = "show N rows" },
	{ "offset", 0, OPTION_NUMBER, AT(offset), "N", "0", .max = 1000000000,
	  .help = "leave out the first N" },
	{ "order", 'o', OPTION_CHOICE, AT(order), NULL, "last",
	  .choices = "last|start|connect|rtt|retransmits|octets",
	  .help = "newest or largest first by" },
	RANGE_ROWS(struct settings, ask.range),
	FOLLOW_OPTIONS(struct settings, ask),
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", NULL,
	  .help = "only what this agent or host has reported" },
	CLIENT_CSV_ROW(struct settings, ask.client),
	CLIENT_ROWS(struct settings, ask.client),
};

static const struct command_text text = {
	.usage = "wiretally connects [OPTION]… [FILTER…]",
	.about =
		"Lists TCP connections, those last heard of first: how long they took to open, how they\n"
		"fared, why they ended, whose they are. FILTER: docs/filters.md.",
	.examples = "  wiretally connects --slow 100ms --last 5m\n"
		    "  wiretally connects --failed dst net 10.0.0.0/8\n"
		    "  wiretally connects --order retransmits 'process nginx and rtt > 20ms'\n",
};

static const struct column columns[] = {
	{ "START", "start_us", CELL_TIME },
	{ "DURATION", "duration_us", CELL_DURATION, "start_us" },
	{ "ROLE", "role", CELL_TEXT },
	{ "LOCAL", "local_address", CELL_ENDPOINT, "local_port" },
	{ "REMOTE", "remote_address", CELL_ENDPOINT, "remote_port" },
	{ "CONNECT/ms", "connect_ns", CELL_MS_OF_NS },
	{ "RTT/ms", "srtt_us", CELL_MS_OF_US },
	{ "RETRANS", "retransmits", CELL_COUNT },
	{ "BYTES OUT", "octets_acked", CELL_BYTES },
	{ "BYTES IN", "octets_received", CELL_BYTES },
	{ "END", "end", CELL_TEXT },
	{ "ERROR", "error", CELL_TEXT },
	{ "PROCESS", "comm", CELL_OWNER, "pid" },
	{ "HOST", "host", CELL_TEXT },
};

static int print_connects(const struct show *show, const void *settings, const json_t *root)
{
	const json_t *list = json_object_get(root, "rows");
	int status;

	if (!json_array_size(list)) {
		puts("no connections match");
		return EXIT_DONE;
	}
	status = columns_print(show, list, columns, ARRAY_LEN(columns), false);
	show_matched(show, root, "connection");
	return status;
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;
	char slow[32] = "";

	if (s->slow_us)
		snprintf(slow, sizeof(slow), "%lldus", (long long)s->slow_us);
	client_query_arg(q, "slow", slow);
	client_query_arg(q, "failed", s->failed ? "1" : NULL);
	client_query_number(q, "limit", s->ask.after ? ASK_ROWS_MAX : s->limit);
	client_query_number(q, "offset", s->ask.after ? 0 : s->offset);
	client_query_arg(q, "order", s->ask.after ? "start" : s->order);
	client_query_arg(q, "exporter", s->exporter);
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/connections",
	.follow = FOLLOW_ROWS,
	.add_args = add_args,
	.print = print_connects,
};

int cmd_connects(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
