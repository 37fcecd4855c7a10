// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally flows`: /v1/flows as a table. */
#include <string.h>

#include "user/cli/ask.h"
#include "user/cli/show.h"
#include "user/lib/table.h"

struct settings {
	struct ask_options ask;
	const char *order, *exporter;
	uint64_t limit, offset;
	bool all, aggregate;
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
	RANGE_ROWS(struct settings, ask.range),
	{ "all", 'a', OPTION_FLAG, AT(all),
	  .help = "every observation, even of one packet at several interfaces" },
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
		"  wiretally flows --last all --exporter trace.pcap --csv > trace.csv\n",
};

static const struct {
	const char *title;
	bool right;
} columns[] = {
	{ "START", false },	  { "DURATION", true },	  { "PROTO", false }, { "SOURCE", false },
	{ "DESTINATION", false }, { "INTERFACE", false }, { "FLAGS", false }, { "PACKETS", true },
	{ "BYTES", true },	  { "EXPORTER", false },
};

/* ICMP has its type and code where others have ports. */
static bool has_ports(const json_t *row)
{
	return strncmp(show_text(row, "proto_name"), "icmp", 4) != 0;
}

/* "tcp", "icmp 8/0", and the ethertype of what is not IP. */
static const char *protocol(json_t *row, char *ret)
{
	const char *name = show_text(row, "proto_name");

	if (!*name)
		snprintf(ret, SHOW_ENDPOINT_MAX, "%s", show_text(row, "ethertype"));
	else if (!has_ports(row) && json_is_integer(json_object_get(row, "src_port")))
		snprintf(ret, SHOW_ENDPOINT_MAX, "%s %lld/%lld", name,
			 (long long)show_int(row, "src_port"),
			 (long long)show_int(row, "dst_port"));
	else
		snprintf(ret, SHOW_ENDPOINT_MAX, "%s", name);
	return ret;
}

static void add_row(struct table *t, const struct show *show, json_t *row)
{
	char cell[SHOW_ENDPOINT_MAX], number[UNITS_TEXT_MAX];

	table_cell(t, show_time(show_int(row, "start_us"), cell));
	table_cell(t, show_duration(show, show_int(row, "end_us") - show_int(row, "start_us"),
				    number));
	table_cell(t, protocol(row, cell));
	table_cell(t, show_endpoint(row, "src", has_ports(row) ? "src_port" : "", cell));
	table_cell(t, show_endpoint(row, "dst", has_ports(row) ? "dst_port" : "", cell));
	snprintf(cell, sizeof(cell), "%.40s %s", show_text(row, "interface"),
		 !strcmp(show_text(row, "direction"), "egress") ? "out" : "in");
	table_cell(t, cell);
	table_cell(t, *show_text(row, "tcp_flags") ? show_text(row, "tcp_flags") : "-");
	table_cell(t, show_count(show, show_int(row, "packets"), number));
	table_cell(t, show_bytes(show, show_int(row, "octets"), number));
	table_cell(t, show_exporter(row));
}

static int print_flows(const struct show *show, const void *settings, const json_t *root)
{
	json_t *list = json_object_get(root, "rows"), *row;
	AUTO(table_free) struct table *t = table_new(ARRAY_LEN(columns));
	size_t i;
	int status;

	if (!json_array_size(list)) {
		puts("no flows match");
		return EXIT_DONE;
	}
	if (!t)
		return EXIT_FAILED;
	for (i = 0; i < ARRAY_LEN(columns); i++)
		table_column(t, columns[i].title, columns[i].right);
	json_array_foreach(list, i, row)
		add_row(t, show, row);
	status = show_table(show, t);
	show_matched(root, "flow");
	return status;
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_number(q, "limit", s->limit);
	client_query_number(q, "offset", s->offset);
	client_query_arg(q, "order", s->order);
	client_query_arg(q, "aggregate", s->aggregate ? "1" : NULL);
	client_query_arg(q, "all", s->all ? "1" : NULL);
	client_query_arg(q, "exporter", s->exporter);
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/flows",
	.add_args = add_args,
	.print = print_flows,
};

int cmd_flows(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
