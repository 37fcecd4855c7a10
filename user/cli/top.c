// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally top`: /v1/top as a table. */
#include <string.h>

#include "user/cli/client.h"
#include "user/cli/show.h"
#include "user/lib/table.h"
#include "user/lib/timespec.h"

struct settings {
	struct client_options client;
	struct range_options range;
	const char *by, *order, *exporter;
	uint64_t n;
	bool all;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "by", 'b', OPTION_TEXT, AT(by), "WHAT", "src",
	  .help = "src, dst, conversation, srcport, dstport, proto, interface, exporter, …; several with commas" },
	{ "number", 'n', OPTION_NUMBER, AT(n), "N", "10", .min = 1, .max = 100000,
	  .help = "show N rows" },
	{ "order", 'o', OPTION_CHOICE, AT(order), NULL, "bytes", .choices = "bytes|packets|flows",
	  .help = "sort by" },
	RANGE_ROWS(struct settings, range),
	{ "all", 'a', OPTION_FLAG, AT(all),
	  .help = "every observation, even of one packet at several interfaces" },
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", NULL,
	  .help = "only what this agent, host or file has reported" },
	CLIENT_CSV_ROW(struct settings, client),
	CLIENT_ROWS(struct settings, client),
};

static const struct command_text text = {
	.usage = "wiretally top [OPTION]… [FILTER…]",
	.about = "Shows who talks most. FILTER is in nfdump's words: docs/filters.md.",
	.examples = "  wiretally top\n"
		    "  wiretally top --by conversation -n 20 --last 5m\n"
		    "  wiretally top --by dstport --order packets proto udp\n"
		    "  wiretally top --by src,dstport 'dst net 10.0.0.0/8 and not port 443'\n",
};

/* Members of a row that another one says better. */
static bool is_hidden(const char *name)
{
	static const char *const hidden[] = { "proto", "ifindex", "netns", "agent", "host" };

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		if (!strcmp(name, hidden[i]))
			return true;
	}
	return false;
}

static const char *title_of(const char *name, char *title, size_t size)
{
	snprintf(title, size, "%s", !strcmp(name, "proto_name") ? "proto" : name);
	for (char *c = title; *c; c++) {
		if (*c >= 'a' && *c <= 'z')
			*c -= 'a' - 'A';
	}
	return title;
}

/* The keys are the members of a row in front of "flows". */
static size_t count_keys(json_t *row)
{
	const char *name;
	size_t keys = 0;
	json_t *value;

	json_object_foreach(row, name, value) {
		if (!strcmp(name, "flows"))
			return keys;
		keys += !is_hidden(name);
	}
	return keys;
}

static void add_titles(struct table *t, json_t *row)
{
	const char *name;
	char title[32];
	json_t *value;

	json_object_foreach(row, name, value) {
		if (!strcmp(name, "flows"))
			break;
		if (!is_hidden(name))
			table_column(t, title_of(name, title, sizeof(title)),
				     json_is_integer(value));
	}
	table_column(t, "FLOWS", true);
	table_column(t, "PACKETS", true);
	table_column(t, "BYTES", true);
	table_column(t, "SHARE", true);
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

static void add_row(struct table *t, const struct show *show, json_t *row, const char *measure,
		    int64_t total)
{
	char number[UNITS_TEXT_MAX];
	const char *name;
	json_t *value;

	json_object_foreach(row, name, value) {
		if (!strcmp(name, "flows"))
			break;
		if (!is_hidden(name))
			add_key(t, name, value, row);
	}
	table_cell(t, show_count(show, show_int(row, "flows"), number));
	table_cell(t, show_count(show, show_int(row, "packets"), number));
	table_cell(t, show_bytes(show, show_int(row, "octets"), number));
	snprintf(number, sizeof(number), "%.1f %%",
		 total > 0 ? 100.0 * (double)show_int(row, measure) / (double)total : 0.0);
	table_cell(t, number);
}

static void print_amounts(const struct show *show, const char *words, const json_t *amounts,
			  const char *end)
{
	char packets[UNITS_TEXT_MAX], octets[UNITS_TEXT_MAX];

	printf("%s%s packets, %s%s%s", words,
	       show_count(show, show_int(amounts, "packets"), packets),
	       show_bytes(show, show_int(amounts, "octets"), octets),
	       show->is_human ? "" : " bytes", end);
}

static void print_totals(const struct show *show, const json_t *root)
{
	const json_t *folded = json_object_get(root, "folded");
	const json_t *undecided = json_object_get(root, "folded_undecided");
	char flows[UNITS_TEXT_MAX], from[TIMESPEC_TEXT_MAX], to[TIMESPEC_TEXT_MAX];

	printf("total: %s flows, ",
	       show_count(show, show_int(json_object_get(root, "total"), "flows"), flows));
	print_amounts(show, "", json_object_get(root, "total"), "");
	if (json_is_true(json_object_get(root, "sampled")))
		printf(" (estimated: some of it is sampled)");
	if (show_int(root, "from_us"))
		printf(", %.19s to %.19s\n", timespec_format(show_int(root, "from_us"), from),
		       timespec_format(show_int(root, "to_us"), to));
	else
		putchar('\n');
	if (show_int(folded, "packets"))
		print_amounts(show, "of them folded, without addresses: ", folded, "\n");
	if (show_int(undecided, "packets"))
		print_amounts(show, "folded, may or may not match the filter: ", undecided, "\n");
}

static int print_top(const struct show *show, const json_t *root, const char *order)
{
	const char *measure = !strcmp(order, "bytes") ? "octets" : order;
	json_t *list = json_object_get(root, "rows"), *row = json_array_get(list, 0);
	int64_t total = show_int(json_object_get(root, "total"), measure);
	AUTO(table_free) struct table *t = NULL;
	size_t i;
	int status;

	if (!row) {
		puts("no flows match");
		print_totals(show, root);
		return EXIT_DONE;
	}
	t = table_new(count_keys(row) + 4);
	if (!t)
		return EXIT_FAILED;
	add_titles(t, row);
	json_array_foreach(list, i, row)
		add_row(t, show, row, measure, total);
	status = show_table(show, t);
	print_totals(show, root);
	return status;
}

static int build_query(const struct settings *s, struct client_query *q)
{
	if (client_query_init(q, "/v1/top"))
		return EXIT_FAILED;
	client_query_arg(q, "by", s->by);
	client_query_number(q, "n", s->n);
	client_query_arg(q, "order", s->order);
	client_query_arg(q, "all", s->all ? "1" : NULL);
	client_query_arg(q, "exporter", s->exporter);
	client_query_arg(q, "format", s->client.csv ? "csv" : NULL);
	return client_query_range(q, &s->range);
}

int cmd_top(int argc, char **argv)
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
	filter = show_join(argc - rest, argv + rest);
	status = build_query(&s, &q);
	if (status != COMMAND_GO_ON)
		return status;
	q.filter = filter;
	q.wants_fresh = true;
	client_query_arg(&q, "filter", filter);
	status = client_get_json(&s.client, &q, &root);
	if (status != COMMAND_GO_ON || s.client.json)
		return status == COMMAND_GO_ON ? EXIT_DONE : status;
	show_init(&show, s.client.exact);
	return print_top(&show, root, s.order);
}
