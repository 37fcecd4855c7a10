// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally topology`: /v1/topology as a table, or as a graph that other programs draw. */
#include <string.h>

#include "user/cli/ask.h"
#include "user/cli/columns.h"
#include "user/cli/show.h"

struct settings {
	struct ask_options ask;
	const char *group, *order, *exporter, *tier, *format;
	uint64_t n, prefix4, prefix6;
	bool all;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "group", 'g', OPTION_CHOICE, AT(group), NULL, "host",
	  .choices = "host|subnet|service|process", .help = "what a node is" },
	{ "prefix4", 0, OPTION_NUMBER, AT(prefix4), "BITS", "24", .max = 32,
	  .help = "length of IPv4 subnets" },
	{ "prefix6", 0, OPTION_NUMBER, AT(prefix6), "BITS", "64", .max = 64,
	  .help = "length of IPv6 subnets" },
	{ "number", 'n', OPTION_NUMBER, AT(n), "N", "200", .min = 1, .max = 10000,
	  .help = "the N heaviest links" },
	{ "order", 'o', OPTION_CHOICE, AT(order), NULL, "bytes", .choices = "bytes|packets|flows",
	  .help = "what a link weighs" },
	{ "format", 'f', OPTION_CHOICE, AT(format), NULL, "table",
	  .choices = "table|d3|dot|mermaid",
	  .help = "d3: nodes and links as JSON; dot for Graphviz; mermaid for Markdown" },
	RANGE_ROWS(struct settings, ask.range),
	{ "all", 'a', OPTION_FLAG, AT(all),
	  .help = "every observation, even of one packet at several interfaces" },
	{ "tier", 0, OPTION_CHOICE, AT(tier), NULL, "auto", .choices = "auto|raw|minute|hour",
	  .help = "read records, or what was rolled up: docs/storage.md" },
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", NULL,
	  .help = "only what this agent, host or file has reported" },
	CLIENT_ROWS(struct settings, ask.client),
};

static const struct command_text text = {
	.usage = "wiretally topology [OPTION]… [FILTER…]",
	.about = "Who talks to whom. FILTER is in nfdump's words: docs/filters.md.",
	.examples =
		"  wiretally topology --last 5m\n"
		"  wiretally topology --group service --format dot | dot -Tsvg > net.svg\n"
		"  wiretally topology --group subnet --format d3 'not net 127.0.0.0/8' > net.json\n",
};

static const struct column columns[] = {
	{ "SOURCE", "source", CELL_TEXT }, { "TARGET", "target", CELL_TEXT },
	{ "FLOWS", "flows", CELL_COUNT },  { "PACKETS", "packets", CELL_COUNT },
	{ "BYTES", "octets", CELL_BYTES },
};

static int print_table(const struct show *show, const json_t *root)
{
	const json_t *links = json_object_get(root, "links"), *rest = json_object_get(root, "rest");
	char number[UNITS_TEXT_MAX];
	int status;

	if (!json_array_size(links)) {
		puts("no flows match");
		return EXIT_DONE;
	}
	status = columns_print(show, links, columns, ARRAY_LEN(columns), false);
	printf("%zu nodes, %zu links", json_array_size(json_object_get(root, "nodes")),
	       json_array_size(links));
	if (show_int(rest, "links"))
		printf("; %lld more links with %s", (long long)show_int(rest, "links"),
		       show_bytes(show, show_int(rest, "octets"), number));
	putchar('\n');
	show_tiers(root);
	return status;
}

/* Names of processes may hold anything printable. */
static void print_quoted(const char *name)
{
	putchar('"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			putchar('\\');
		putchar(*name);
	}
	putchar('"');
}

static void print_dot(const json_t *root)
{
	json_t *link;
	size_t i;

	puts("digraph wiretally {\n\trankdir=LR;\n\tnode [shape=box];");
	json_array_foreach(json_object_get(root, "links"), i, link) {
		fputs("\t", stdout);
		print_quoted(show_text(link, "source"));
		fputs(" -> ", stdout);
		print_quoted(show_text(link, "target"));
		printf(" [weight=%lld, label=\"%lld\"];\n", (long long)show_int(link, "weight"),
		       (long long)show_int(link, "weight"));
	}
	puts("}");
}

/* Mermaid's ids are words: nodes are numbered, their names are labels. */
static size_t number_of(const json_t *nodes, const char *id)
{
	json_t *node;
	size_t i;

	json_array_foreach(nodes, i, node)
		if (!strcmp(show_text(node, "id"), id))
			return i;
	return 0;
}

static void print_mermaid(const json_t *root)
{
	const json_t *nodes = json_object_get(root, "nodes");
	json_t *at;
	size_t i;

	puts("flowchart LR");
	json_array_foreach(nodes, i, at) {
		printf("    n%zu[\"", i);
		for (const char *c = show_text(at, "id"); *c; c++)
			if (*c == '"')
				fputs("#quot;", stdout);
			else
				putchar(*c);
		puts("\"]");
	}
	json_array_foreach(json_object_get(root, "links"), i, at)
		printf("    n%zu -->|%lld| n%zu\n", number_of(nodes, show_text(at, "source")),
		       (long long)show_int(at, "weight"),
		       number_of(nodes, show_text(at, "target")));
}

static int print_topology(const struct show *show, const void *settings, const json_t *root)
{
	const char *format = ((const struct settings *)settings)->format;

	if (!strcmp(format, "table"))
		return print_table(show, root);
	if (!strcmp(format, "dot")) {
		print_dot(root);
	} else if (!strcmp(format, "mermaid")) {
		print_mermaid(root);
	} else {
		json_dumpf(root, stdout, JSON_INDENT(1));
		putchar('\n');
	}
	return EXIT_DONE;
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_arg(q, "group", s->group);
	client_query_number(q, "prefix4", s->prefix4);
	client_query_number(q, "prefix6", s->prefix6);
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
	.path = "/v1/topology",
	.add_args = add_args,
	.print = print_topology,
};

int cmd_topology(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
