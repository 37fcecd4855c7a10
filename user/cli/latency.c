// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally latency`: /v1/latencies as a table. */
#include "user/cli/listing.h"

struct settings {
	struct listing_options list;
	const char *kind, *role;
};

static const struct option_row rows[] = {
	LISTING_BY(struct settings, "remote", "remote, port, service, role, host"),
	{ "kind", 'k', OPTION_CHOICE, offsetof(struct settings, kind), NULL, "both",
	  .choices = "both|connect|rtt",
	  .help = "connect latency, round trips, or a row for each" },
	{ "role", 'r', OPTION_CHOICE, offsetof(struct settings, role), NULL, "all",
	  .choices = "all|client|server|unknown", .help = "which end this host was" },
	LISTING_NUMBER(struct settings, "10"),
	LISTING_ORDER(struct settings, "p99|p50|count|mean", "p99", "largest first by"),
	LISTING_ROWS(struct settings),
};

static const struct column columns[] = {
	{ "KIND", "kind", CELL_TEXT },		 { "COUNT", "count", CELL_COUNT },
	{ "MEAN/ms", "mean_ns", CELL_MS_OF_NS }, { "p50", "p50_ns", CELL_MS_OF_NS },
	{ "p90", "p90_ns", CELL_MS_OF_NS },	 { "p99", "p99_ns", CELL_MS_OF_NS },
	{ "MAX", "max_ns", CELL_MS_OF_NS },
};

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_arg(q, "kind", s->kind);
	client_query_arg(q, "role", s->role);
}

static const struct listing latency = {
	.text = { .usage = "wiretally latency [OPTION]… [FILTER…]",
		  .about =
			  "Shows how long connects and round trips took, to whom, from histograms: percentiles are\n"
			  "interpolated between powers of two, MAX is the upper end of the last bucket in use.\n"
			  "FILTER knows host, net, port, role and exporter: docs/filters.md.",
		  .examples = "  wiretally latency\n"
			      "  wiretally latency --by service --kind connect --last 5m\n"
			      "  wiretally latency --by port --role client net 10.0.0.0/8\n" },
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/latencies",
	.follow = FOLLOW_AGAIN,
	.none = "no latencies match",
	.columns = columns,
	.columns_len = ARRAY_LEN(columns),
	.has_keys = true,
	.add_args = add_args,
};

int cmd_latency(int argc, char **argv)
{
	struct settings s = { 0 };

	return listing_run(&latency, &s, argc, argv);
}
