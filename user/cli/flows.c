// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally flows`: /v1/flows as a table. */
#include <string.h>

#include "user/cli/client.h"
#include "user/cli/show.h"
#include "user/lib/table.h"
#include "user/lib/timespec.h"

struct settings {
	struct client_options client;
	struct range_options range;
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
	RANGE_ROWS(struct settings, range),
	{ "all", 'a', OPTION_FLAG, AT(all),
	  .help = "every observation, even of one packet at several interfaces" },
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", NULL,
	  .help = "only what this agent, host or file has reported" },
	CLIENT_CSV_ROW(struct settings, client),
	CLIENT_ROWS(struct settings, client),
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

#define ENDPOINT_MAX 80

/* "10.0.0.1:443", "[2001:db8::1]:443", or the address alone. */
static const char *endpoint(json_t *row, const char *address, const char *port, char *ret)
{
	const char *host = show_text(row, address);
	json_t *number = json_object_get(row, port);

	if (!*host)
		return "-";
	if (!json_is_integer(number) || !strncmp(show_text(row, "proto_name"), "icmp", 4)) {
		snprintf(ret, ENDPOINT_MAX, "%s", host);
		return ret;
	}
	if (strchr(host, ':'))
		snprintf(ret, ENDPOINT_MAX, "[%s]:%lld", host, json_integer_value(number));
	else
		snprintf(ret, ENDPOINT_MAX, "%s:%lld", host, json_integer_value(number));
	return ret;
}

/* "tcp", "icmp 8/0", and the ethertype of what is not IP. */
static const char *protocol(json_t *row, char *ret)
{
	const char *name = show_text(row, "proto_name");

	if (!*name)
		snprintf(ret, ENDPOINT_MAX, "%s", show_text(row, "ethertype"));
	else if (!strncmp(name, "icmp", 4) && json_is_integer(json_object_get(row, "src_port")))
		snprintf(ret, ENDPOINT_MAX, "%s %lld/%lld", name,
			 (long long)show_int(row, "src_port"),
			 (long long)show_int(row, "dst_port"));
	else
		snprintf(ret, ENDPOINT_MAX, "%s", name);
	return ret;
}

static void add_row(struct table *t, const struct show *show, json_t *row)
{
	char cell[ENDPOINT_MAX], time[TIMESPEC_TEXT_MAX], number[UNITS_TEXT_MAX];
	int64_t duration_us = show_int(row, "end_us") - show_int(row, "start_us");

	timespec_format(show_int(row, "start_us"), time);
	snprintf(cell, sizeof(cell), "%.23s", time);
	table_cell(t, cell);
	if (show->is_human)
		units_format_duration(duration_us > 0 ? (uint64_t)duration_us : 0, number);
	else
		snprintf(number, sizeof(number), "%.3f", (double)duration_us / 1e6);
	table_cell(t, number);
	table_cell(t, protocol(row, cell));
	table_cell(t, endpoint(row, "src", "src_port", cell));
	table_cell(t, endpoint(row, "dst", "dst_port", cell));
	snprintf(cell, sizeof(cell), "%.40s %s", show_text(row, "interface"),
		 !strcmp(show_text(row, "direction"), "egress") ? "out" : "in");
	table_cell(t, cell);
	table_cell(t, *show_text(row, "tcp_flags") ? show_text(row, "tcp_flags") : "-");
	table_cell(t, show_count(show, show_int(row, "packets"), number));
	table_cell(t, show_bytes(show, show_int(row, "octets"), number));
	table_cell(t, show_exporter(row));
}

static int print_flows(const struct show *show, const json_t *root)
{
	json_t *list = json_object_get(root, "rows"), *row;
	AUTO(table_free) struct table *t = table_new(ARRAY_LEN(columns));
	size_t shown = json_array_size(list), i;
	int status;

	if (!shown) {
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
	if ((int64_t)shown < show_int(root, "matched"))
		printf("%zu of %lld flows; more with -n\n", shown,
		       (long long)show_int(root, "matched"));
	else
		printf("%zu flow%s\n", shown, shown == 1 ? "" : "s");
	return status;
}

static int build_query(const struct settings *s, struct client_query *q)
{
	if (client_query_init(q, "/v1/flows"))
		return EXIT_FAILED;
	client_query_number(q, "limit", s->limit);
	client_query_number(q, "offset", s->offset);
	client_query_arg(q, "order", s->order);
	client_query_arg(q, "aggregate", s->aggregate ? "1" : NULL);
	client_query_arg(q, "all", s->all ? "1" : NULL);
	client_query_arg(q, "exporter", s->exporter);
	client_query_arg(q, "format", s->client.csv ? "csv" : NULL);
	return client_query_range(q, &s->range);
}

int cmd_flows(int argc, char **argv)
{
	struct settings s = { 0 };
	AUTO(client_query_done) struct client_query q = { 0 };
	AUTO_FREE char *filter = NULL;
	AUTO_JSON json_t *root = NULL;
	struct show show;
	int rest, status;

	status = command_options(&text, rows, ARRAY_LEN(rows), &s, &s.client.help, argc, argv,
				 &rest);
	if (status != COMMAND_GO_ON)
		return status;
	status = build_query(&s, &q);
	if (status != COMMAND_GO_ON)
		return status;
	filter = show_join(argc - rest, argv + rest);
	q.filter = filter;
	q.wants_fresh = true;
	client_query_arg(&q, "filter", filter);
	status = client_get_json(&s.client, &q, &root);
	if (status != COMMAND_GO_ON || s.client.json)
		return status == COMMAND_GO_ON ? EXIT_DONE : status;
	show_init(&show, s.client.exact);
	return print_flows(&show, root);
}
