// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally flows`: /v1/flows as a table. */
#include "user/cli/ask.h"
#include "user/cli/columns.h"
#include "user/cli/command.h"
#include "user/cli/flow_format.h"
#include "user/cli/show.h"

struct settings {
	struct ask_options ask;
	const char *order, *exporter, *tier, *output, *format;
	uint64_t limit, offset;
	bool all, aggregate, wide, bidir;
	struct flow_format parsed; /* format */
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
	{ "bidir", 'B', OPTION_FLAG, AT(bidir),
	  .help = "both directions of a conversation as one row" },
	{ "output", 0, OPTION_CHOICE, AT(output), NULL, "long",
	  .choices = "line|long|extended|wide", .help = "how much of each flow" },
	{ "wide", 'w', OPTION_FLAG, AT(wide),
	  .help = "as --output wide: with process, connect latency, round trip and retransmits" },
	{ "format", 0, OPTION_TEXT, AT(format), "TEXT", NULL,
	  .help = "a line of your own, with the tags below" },
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
		"  wiretally flows --bidir --order bytes tcp\n"
		"  wiretally flows --format '%ts %pr %sap -> %dap %byt' -n 5\n"
		"  wiretally flows --last all --exporter trace.pcap --csv > trace.csv\n"
		"\ntags of --format:\n" FLOW_FORMAT_HELP,
};

static const struct column both_ways[] = {
	{ "START", "start_us", CELL_TIME },
	{ "DURATION", "end_us", CELL_SPAN, "start_us" },
	{ "PROTO", "proto_name", CELL_PROTOCOL },
	{ "SOURCE", "src", CELL_ENDPOINT, "src_port" },
	{ "DESTINATION", "dst", CELL_ENDPOINT, "dst_port" },
	{ "FLAGS", "tcp_flags", CELL_TEXT },
	{ "PACKETS OUT", "packets_out", CELL_COUNT },
	{ "PACKETS IN", "packets_in", CELL_COUNT },
	{ "BYTES OUT", "octets_out", CELL_BYTES },
	{ "BYTES IN", "octets_in", CELL_BYTES },
	{ "FLOWS", "flows", CELL_COUNT },
};

static int print_flows(const struct show *show, const void *settings, const json_t *root)
{
	const struct settings *s = settings;
	const json_t *list = json_object_get(root, "rows");
	size_t len = ARRAY_LEN(both_ways);
	const struct column *columns = both_ways;
	int status;

	if (!s->bidir)
		columns = flow_format_columns(s->wide ? "wide" : s->output, &len);
	if (s->format)
		return flow_format_print(&s->parsed, show, list);
	if (!json_array_size(list)) {
		puts("no flows match");
		return EXIT_DONE;
	}
	status = columns_print(show, list, columns, len, false);
	show_matched(show, root, "flow");
	show_tiers(root);
	return status;
}

static int check(void *settings)
{
	struct settings *s = settings;
	const char *why;
	size_t position;

	if (s->bidir && (s->aggregate || s->wide || s->format || s->ask.follow)) {
		command_error(
			"flows: --bidir goes with neither --aggregate, --wide, --format nor --follow");
		return EXIT_USAGE;
	}
	if (!s->format || !flow_format_parse(s->format, &s->parsed, &why, &position))
		return COMMAND_GO_ON;
	command_error("--format: %s", why);
	command_error("    %.80s", s->format);
	command_error("    %*s^", (int)position, "");
	return EXIT_USAGE;
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_number(q, "limit", s->ask.after ? ASK_ROWS_MAX : s->limit);
	client_query_number(q, "offset", s->ask.after ? 0 : s->offset);
	client_query_arg(q, "order", s->ask.after ? "start" : s->order);
	client_query_arg(q, "aggregate", s->aggregate ? "1" : NULL);
	client_query_arg(q, "bidir", s->bidir ? "1" : NULL);
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
	.check = check,
	.add_args = add_args,
	.print = print_flows,
};

int cmd_flows(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
