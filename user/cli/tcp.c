// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally tcp`: /v1/tcp as a table. */
#include "user/cli/ask.h"
#include "user/cli/columns.h"

struct settings {
	struct ask_options ask;
	const char *by, *order, *exporter;
	uint64_t n;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "by", 'b', OPTION_TEXT, AT(by), "WHAT", "dst",
	  .help = "dst, dstport, src, process, cgroup, role, host; several with commas" },
	{ "number", 'n', OPTION_NUMBER, AT(n), "N", "10", .min = 1, .max = 100000,
	  .help = "show N rows" },
	{ "order", 'o', OPTION_CHOICE, AT(order), NULL, "connections",
	  .choices = "connections|connect|rtt|retransmits|failures|octets", .help = "sort by" },
	RANGE_ROWS(struct settings, ask.range),
	FOLLOW_OPTIONS(struct settings, ask),
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", NULL,
	  .help = "only what this agent or host has reported" },
	CLIENT_CSV_ROW(struct settings, ask.client),
	CLIENT_ROWS(struct settings, ask.client),
};

static const struct command_text text = {
	.usage = "wiretally tcp [OPTION]… [FILTER…]",
	.about =
		"Shows how TCP fares, to whom: connections, failures, medians and 95th percentiles of\n"
		"connect latency and round trip, retransmits. FILTER: docs/filters.md.",
	.examples = "  wiretally tcp\n"
		    "  wiretally tcp --by process --order retransmits --last 5m\n"
		    "  wiretally tcp --by dst,dstport --order connect dst net 10.0.0.0/8\n",
};

static const struct column columns[] = {
	{ "CONNECTIONS", "connections", CELL_COUNT },
	{ "FAILED", "failed", CELL_COUNT },
	{ "CONNECT/ms", "connect_p50_ns", CELL_MS_OF_NS },
	{ "p95", "connect_p95_ns", CELL_MS_OF_NS },
	{ "RTT/ms", "srtt_p50_us", CELL_MS_OF_US },
	{ "p95", "srtt_p95_us", CELL_MS_OF_US },
	{ "RETRANS", "retransmits", CELL_COUNT },
	{ "OF SENT", "retransmits", CELL_SHARE, "segments_out" },
	{ "BYTES OUT", "octets_acked", CELL_BYTES },
	{ "BYTES IN", "octets_received", CELL_BYTES },
};

static int print_tcp(const struct show *show, const void *settings, const json_t *root)
{
	const json_t *list = json_object_get(root, "rows");

	if (json_array_size(list))
		return columns_print(show, list, columns, ARRAY_LEN(columns), true);
	puts("no connections match");
	return EXIT_DONE;
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_arg(q, "by", s->by);
	client_query_number(q, "n", s->n);
	client_query_arg(q, "order", s->order);
	client_query_arg(q, "exporter", s->exporter);
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/tcp",
	.follow = FOLLOW_AGAIN,
	.add_args = add_args,
	.print = print_tcp,
};

int cmd_tcp(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
