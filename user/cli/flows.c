// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally flows`: /v1/flows as a table. */
#include "user/cli/ask.h"
#include "user/cli/columns.h"
#include "user/cli/show.h"

struct settings {
	struct ask_options ask;
	const char *order, *exporter, *tier;
	uint64_t limit, offset;
	bool all, aggregate, wide;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "number", 'n', OPTION_NUMBER, AT(limit), "N", "100", .min = 1, .max = 100000,
	  .help = "show N rows" },
	{ "offset", 0, OPTION_NUMBER, AT(offset), "N", "0", .max = 1000000000,
	  .help = "leave out the first N" },
	{ "order", 'o', OPTION_CHOICE, AT(order), NULL, "start",
	  .choices = "start|end|bytes|packets|duration", .help = "newest or largest first by" },
	{ "aggregate", 'A', OPTION_FLAG, AT(aggregate),
	  .help = "one row a flow, not one for every interval it lasts" },
	{ "wide", 'w', OPTION_FLAG, AT(wide),
	  .help = "with process, connect latency, round trip and retransmits of the connection" },
	RANGE_ROWS(struct settings, ask.range),
	FOLLOW_OPTIONS(struct settings, ask),
	{ "all", 'a', OPTION_FLAG, AT(all),
	  .help = "every observation, even of one packet at several interfaces" },
	{ "tier", 0, OPTION_CHOICE, AT(tier), NULL, "raw", .choices = "auto|raw|minute|hour",
	  .help = "read records, or what was rolled up: docs/storage.md" },
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", NULL,
	  .help = "only what this agent, host or file has reported" },
	CLIENT_CSV_ROW(struct settings, ask.client),
	CLIENT_ROWS(struct settings, ask.client),
};

static const struct command_text text = {
	.usage = "wiretally flows [OPTION]… [FILTER…]",
	.about = "Lists flow records, newest first. FILTER is in nfdump's words: docs/filters.md.",
	.examples =
		"  wiretally flows dst port 443\n"
		"  wiretally flows --aggregate --order bytes 'src net 10.0.0.0/8 and not icmp'\n"
		"  wiretally flows --wide --last 5m tcp\n"
		"  wiretally flows --last all --exporter trace.pcap --csv > trace.csv\n",
};

static const struct column columns[] = {
	{ "START", "start_us", CELL_TIME },
	{ "DURATION", "end_us", CELL_SPAN, "start_us" },
	{ "PROTO", "proto_name", CELL_PROTOCOL },
	{ "SOURCE", "src", CELL_ENDPOINT, "src_port" },
	{ "DESTINATION", "dst", CELL_ENDPOINT, "dst_port" },
	{ "INTERFACE", "interface", CELL_INTERFACE },
	{ "FLAGS", "tcp_flags", CELL_TEXT },
	{ "PACKETS", "packets", CELL_COUNT },
	{ "BYTES", "octets", CELL_BYTES },
	{ "EXPORTER", "exporter", CELL_EXPORTER },
	/* --wide from here */
	{ "PROCESS", "process", CELL_OWNER, "pid" },
	{ "CONNECT/ms", "connect_us", CELL_MS_OF_US },
	{ "RTT/ms", "srtt_us", CELL_MS_OF_US },
	{ "RETRANS", "retransmits", CELL_COUNT },
};
#define WIDE_COLUMNS 4

static int print_flows(const struct show *show, const void *settings, const json_t *root)
{
	const struct settings *s = settings;
	const json_t *list = json_object_get(root, "rows");
	size_t len = ARRAY_LEN(columns) - (s->wide ? 0 : WIDE_COLUMNS);
	int status;

	if (!json_array_size(list)) {
		puts("no flows match");
		return EXIT_DONE;
	}
	status = columns_print(show, list, columns, len, false);
	show_matched(show, root, "flow");
	show_tiers(root);
	return status;
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_number(q, "limit", s->ask.after ? ASK_ROWS_MAX : s->limit);
	client_query_number(q, "offset", s->ask.after ? 0 : s->offset);
	client_query_arg(q, "order", s->ask.after ? "start" : s->order);
	client_query_arg(q, "aggregate", s->aggregate ? "1" : NULL);
	client_query_arg(q, "all", s->all ? "1" : NULL);
	client_query_arg(q, "tier", s->tier);
	client_query_arg(q, "exporter", s->exporter);
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/flows",
	.follow = FOLLOW_ROWS,
	.add_args = add_args,
	.print = print_flows,
};

int cmd_flows(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
