// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * `wiretally audit`: the ledger as an equation, stage by stage, and whether it balances. Beside it
 * the kernel's own counters, which count something else: what explains the difference is said.
 */
#include <string.h>

#include "user/cli/ask.h"
#include "user/cli/show.h"
#include "user/lib/table.h"
#include "user/lib/timespec.h"

struct settings {
	struct ask_options ask;
};

static const struct option_row rows[] = {
	RANGE_ROWS(struct settings, ask.range),
	CLIENT_ROWS(struct settings, ask.client),
};

static const struct command_text text = {
	.usage = "wiretally audit [OPTION]…",
	.about =
		"Adds up what happened to every packet. Exits 0 when it balances, 3 when it does not.",
	.examples = "  wiretally audit\n"
		    "  wiretally audit --last 5m --exact\n"
		    "  wiretally audit --last all --json | jq .balanced\n",
};

/*
 * The equation in reading order. A stage is a count, or an object of counts by reason, each of
 * which gets a line.
 */
enum stage_shape { STAGE_COUNT, STAGE_REASONS, STAGE_RULE };

static const struct stage {
	enum stage_shape shape;
	const char *sign;
	const char *key; /* in the API's row */
	const char *label; /* STAGE_REASONS: in front of the reason */
	const char *only; /* reasons that start so; "!": all but those */
} stages[] = {
	{ STAGE_COUNT, "", "seen", "seen at the hook", NULL },
	{ STAGE_COUNT, "=", "recorded", "recorded", NULL },
	{ STAGE_COUNT, "+", "folded", "folded by protocol", NULL },
	{ STAGE_COUNT, "+", "filtered", "filtered", NULL },
	{ STAGE_COUNT, "+", "sampled_out", "sampled out", NULL },
	{ STAGE_COUNT, "+", "missed_nested", "missed, nested", NULL },
	{ STAGE_REASONS, "+", "unparsed", "not parsed: ", NULL },
	{ STAGE_REASONS, "+", "lost", "lost: ", "!spool_" },
	{ STAGE_RULE, "", "agent_balance", "not accounted for", NULL },
	{ STAGE_COUNT, "", "recorded", "recorded", NULL },
	{ STAGE_COUNT, "+", "folded", "folded by protocol", NULL },
	{ STAGE_COUNT, "=", "stored", "stored", NULL },
	{ STAGE_COUNT, "+", "stored_fold", "stored as folds", NULL },
	{ STAGE_REASONS, "+", "lost", "lost on the way: ", "spool_" },
	{ STAGE_RULE, "", "store_balance", "not accounted for", NULL },
};

static void add_line(struct table *t, const struct show *show, const char *sign, const char *label,
		     const json_t *count)
{
	char packets[UNITS_TEXT_MAX], octets[UNITS_TEXT_MAX];

	table_cell(t, sign);
	table_cell(t, label);
	table_cell(t, show_count(show, show_int(count, "packets"), packets));
	table_cell(t, show_bytes(show, show_int(count, "octets"), octets));
}

static bool is_zero(const json_t *count)
{
	return !show_int(count, "packets") && !show_int(count, "octets");
}

static bool is_wanted(const char *reason, const char *only)
{
	bool is_negated = only && *only == '!';
	const char *start = only ? only + is_negated : "";

	return (strncmp(reason, start, strlen(start)) == 0) != is_negated;
}

/* "spool_full" to "spool full". */
static void add_reasons(struct table *t, const struct show *show, const struct stage *stage,
			json_t *reasons)
{
	char label[96];
	const char *reason;
	json_t *count;

	json_object_foreach(reasons, reason, count) {
		if (is_zero(count) || !is_wanted(reason, stage->only))
			continue;
		snprintf(label, sizeof(label), "%s%.60s", stage->label, reason);
		for (char *c = label; *c; c++)
			*c = *c == '_' ? ' ' : *c;
		add_line(t, show, stage->sign, label, count);
	}
}

static bool is_of_exporter(const json_t *row)
{
	return !strcmp(show_text(row, "point"), "records");
}

static const char *label_of(const struct stage *stage, const json_t *row)
{
	return is_of_exporter(row) && !strcmp(stage->key, "seen") ? "arrived" : stage->label;
}

/* The main terms are shown even when 0, the rest where there is something. */
static void add_stage(struct table *t, const struct show *show, const struct stage *stage,
		      json_t *row)
{
	json_t *value = json_object_get(row, stage->key);

	if (stage->shape == STAGE_REASONS)
		add_reasons(t, show, stage, value);
	else if (stage->shape == STAGE_RULE)
		add_line(t, show, is_zero(value) ? "ok" : "!!", stage->label, value);
	else if (*stage->sign != '+' || !is_zero(value))
		add_line(t, show, stage->sign, label_of(stage, row), value);
}

static void print_point(const json_t *row)
{
	char from[TIMESPEC_TEXT_MAX], to[TIMESPEC_TEXT_MAX];

	show_line("%s  %s %s%s, %lld interval%s, %.19s to %.19s", show_exporter(row),
		  show_text(row, "interface"),
		  *show_text(row, "direction") ? show_text(row, "direction")
					       : show_text(row, "point"),
		  strcmp(show_text(row, "layer"), "inner") ? "" : ", inside tunnels",
		  (long long)show_int(row, "intervals"), show_int(row, "intervals") == 1 ? "" : "s",
		  timespec_format(show_int(row, "from_us"), from),
		  timespec_format(show_int(row, "to_us"), to));
}

static void print_fold_reasons(const struct show *show, json_t *row)
{
	char packets[UNITS_TEXT_MAX];
	const char *reason;
	char label[96];
	json_t *count;

	json_object_foreach(json_object_get(row, "fold_reasons"), reason, count) {
		if (is_zero(count))
			continue;
		snprintf(label, sizeof(label), "%.60s", reason);
		for (char *c = label; *c; c++)
			*c = *c == '_' ? ' ' : *c;
		show_line("    folded because: %s, %s packets", label,
			  show_count(show, show_int(count, "packets"), packets));
	}
}

/* Why the interface's own statistics say something else. */
static void explain(int64_t difference, const char *number)
{
	if (difference > 0)
		printf("      %s less than the hook saw: a GSO/GRO packet counts once there and by its segments here; frames before the agent's second look at the counters\n",
		       number);
	else if (difference < 0)
		printf("      %s more than the hook saw: frames past it (AF_XDP, qdisc bypass, XDP verdicts of others) or dropped before it\n",
		       number);
	else
		puts("      the same number as the hook saw");
}

/* Where the kernel has counters for the interval at all. */
static void print_kernel(const struct show *show, const json_t *row)
{
	const json_t *kernel = json_object_get(row, "kernel");
	const json_t *count = json_object_get(kernel, "packets");
	char packets[UNITS_TEXT_MAX], octets[UNITS_TEXT_MAX], rest[2][UNITS_TEXT_MAX];
	int64_t difference;

	if (!count)
		return;
	difference = show_int(json_object_get(row, "seen"), "packets") - show_int(count, "packets");
	printf("    beside it, the kernel's interface counters: %s packets, %s%s, dropped %s, errors %s\n",
	       show_count(show, show_int(count, "packets"), packets),
	       show_bytes(show, show_int(count, "octets"), octets), show->is_human ? "" : " bytes",
	       show_count(show, show_int(json_object_get(kernel, "dropped"), "packets"), rest[0]),
	       show_count(show, show_int(json_object_get(kernel, "errors"), "packets"), rest[1]));
	explain(difference, show_count(show, difference < 0 ? -difference : difference, packets));
}

/* Points of the host that are no packets: socket events, latencies. */
static bool counts_packets(const json_t *row)
{
	const char *point = show_text(row, "point");

	return !*point || !strcmp(point, "packets") || !strcmp(point, "drops");
}

/* What an exporter says it sent, and never came: nobody knows what was in it. */
static void print_export(const struct show *show, json_t *row)
{
	char packets[UNITS_TEXT_MAX], label[96];
	const char *what;
	json_t *count;

	json_object_foreach(json_object_get(row, "export"), what, count) {
		snprintf(label, sizeof(label), "%.60s", what);
		for (char *c = label; *c; c++)
			*c = *c == '_' ? ' ' : *c;
		show_line("    beside it, %s: %s", label,
			  show_count(show, show_int(count, "packets"), packets));
	}
}

static const char *heading(const json_t *row)
{
	if (is_of_exporter(row))
		return "RECORDS";
	return counts_packets(row) ? "PACKETS" : "EVENTS";
}

static int print_row(const struct show *show, json_t *row)
{
	AUTO(table_free) struct table *t = table_new(4);
	int status;

	if (!t)
		return EXIT_FAILED;
	print_point(row);
	table_column(t, "    ", true);
	table_column(t, "", false);
	table_column(t, heading(row), true);
	table_column(t, "BYTES", true);
	for (size_t i = 0; i < ARRAY_LEN(stages); i++)
		add_stage(t, show, &stages[i], row);
	status = show_table(show, t);
	print_fold_reasons(show, row);
	print_kernel(show, row);
	print_export(show, row);
	putchar('\n');
	return status;
}

static int judge(const json_t *root)
{
	return json_is_true(json_object_get(root, "balanced")) ? EXIT_DONE : EXIT_UNBALANCED;
}

static int print_audit(const struct show *show, const void *settings, const json_t *root)
{
	int64_t expired = show_int(root, "expired_intervals");
	json_t *list = json_object_get(root, "rows"), *row;
	int status = EXIT_DONE;
	size_t i;

	json_array_foreach(list, i, row) {
		status = print_row(show, row);
		if (status != EXIT_DONE)
			return status;
	}
	if (expired)
		printf("%lld intervals are left out: their flows are older than what is kept\n",
		       (long long)expired);
	if (!json_array_size(list))
		puts("nothing was reported in this time");
	else
		puts(judge(root) == EXIT_DONE
			     ? "balanced: every packet is in one record or one counter"
			     : "NOT BALANCED: see the lines with !!");
	return EXIT_DONE;
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/ledger",
	.no_filter = ": a ledger has no filter",
	.print = print_audit,
	.judge = judge,
};

int cmd_audit(int argc, char **argv)
{
	struct settings s = { 0 };

	return ask_run(&ask, &s, argc, argv);
}
