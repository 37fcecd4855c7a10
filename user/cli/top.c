// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally top`: /v1/top as a table. */
#include <string.h>

#include "user/cli/ask.h"
#include "user/cli/keys.h"
#include "user/cli/show.h"
#include "user/lib/table.h"
#include "user/lib/timespec.h"

struct settings {
	struct ask_options ask;
	const char *by, *order, *exporter, *tier, *having;
	uint64_t n;
	bool all;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "by", 'b', OPTION_TEXT, AT(by), "WHAT", "src",
	  .help = "src, dst, conversation, srcnet, srcport, dstport, proto, process, interface, srcas, flags, …; several with commas" },
	{ "number", 'n', OPTION_NUMBER, AT(n), "N", "10", .min = 1, .max = 100000,
	  .help = "show N rows" },
	{ "order", 'o', OPTION_CHOICE, AT(order), NULL, "bytes",
	  .choices = "bytes|packets|flows|bps|pps|bpp", .help = "sort by" },
	{ "having", 0, OPTION_TEXT, AT(having), "COND", NULL,
	  .help = "only what adds up to it: 'packets < 3', 'flows > 10 and bytes >= 1m'" },
	RANGE_ROWS(struct settings, ask.range),
	FOLLOW_OPTIONS(struct settings, ask),
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
	.usage = "wiretally top [OPTION]… [FILTER…]",
	.about = "Shows who talks most. FILTER is in nfdump's words: docs/filters.md.",
	.examples = "  wiretally top\n"
		    "  wiretally top --by conversation -n 20 --last 5m\n"
		    "  wiretally top --by dstport --order packets proto udp\n"
		    "  wiretally top --by process --last 5m\n"
		    "  wiretally top --having 'packets < 3' -n 100        # scans\n"
		    "  wiretally top --by src,dstport 'dst net 10.0.0.0/8 and not port 443'\n",
};

static const char *const titles[] = { "FLOWS", "PACKETS", "BYTES", "SHARE" };

static void add_row(struct table *t, const struct show *show, json_t *row, const char *measure,
		    int64_t total)
{
	char number[UNITS_TEXT_MAX];

	keys_cells(t, row, "flows");
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
	show_tiers(root);
}

static int print_top(const struct show *show, const void *settings, const json_t *root)
{
	const char *order = ((const struct settings *)settings)->order;
	const char *measure =
		!strcmp(order, "packets") || !strcmp(order, "flows") ? order : "octets";
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
	t = table_new(keys_count(row, "flows") + ARRAY_LEN(titles));
	if (!t)
		return EXIT_FAILED;
	keys_titles(t, row, "flows");
	for (i = 0; i < ARRAY_LEN(titles); i++)
		table_column(t, titles[i], true);
	json_array_foreach(list, i, row)
		add_row(t, show, row, measure, total);
	status = show_table(show, t);
	print_totals(show, root);
	return status;
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_arg(q, "by", s->by);
	client_query_number(q, "n", s->n);
	client_query_arg(q, "order", s->order);
	client_query_arg(q, "having", s->having);
	client_query_arg(q, "all", s->all ? "1" : NULL);
	client_query_arg(q, "tier", s->tier);
	client_query_arg(q, "exporter", s->exporter);
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/top",
	.follow = FOLLOW_AGAIN,
	.add_args = add_args,
	.print = print_top,
};

int cmd_top(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
