// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally connects`: /v1/connections as a table. */
#include "user/cli/listing.h"
#include "user/cli/show.h"

struct settings {
	struct listing_options list;
	int64_t slow_us; /* 0: however fast */
	bool failed;
};

static const struct option_row rows[] = {
	{ "slow", 's', OPTION_DURATION, offsetof(struct settings, slow_us), "TIME", NULL, .min = 1,
	  .max = INT64_MAX / 1000,
	  .help = "only those that took TIME (like 100ms) or longer to connect" },
	{ "failed", 0, OPTION_FLAG, offsetof(struct settings, failed),
	  .help = "only those that were never established" },
	LISTING_NUMBER(struct settings, "100"),
	{ "offset", 0, OPTION_NUMBER, LISTING_AT(struct settings, offset), "N", "0",
	  .max = 1000000000, .help = "leave out the first N" },
	LISTING_ORDER(struct settings, "last|start|connect|rtt|retransmits|octets", "last",
		      "newest or largest first by"),
	LISTING_ROWS(struct settings),
};

static const struct column columns[] = {
	{ "START", "start_us", CELL_TIME },
	{ "DURATION", "duration_us", CELL_DURATION, "start_us" },
	{ "ROLE", "role", CELL_TEXT },
	{ "LOCAL", "local_address", CELL_ENDPOINT, "local_port" },
	{ "REMOTE", "remote_address", CELL_ENDPOINT, "remote_port" },
	{ "CONNECT/ms", "connect_ns", CELL_MS_OF_NS },
	{ "RTT/ms", "srtt_us", CELL_MS_OF_US },
	{ "RETRANS", "retransmits", CELL_COUNT },
	{ "BYTES OUT", "octets_acked", CELL_BYTES },
	{ "BYTES IN", "octets_received", CELL_BYTES },
	{ "END", "end", CELL_TEXT },
	{ "ERROR", "error", CELL_TEXT },
	{ "PROCESS", "comm", CELL_OWNER, "pid" },
	{ "HOST", "host", CELL_TEXT },
};

static void print_matched(const struct show *show, const json_t *root)
{
	show_matched(show, root, "connection");
}

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;
	char slow[32] = "";

	if (s->slow_us)
		snprintf(slow, sizeof(slow), "%lldus", (long long)s->slow_us);
	client_query_arg(q, "slow", slow);
	client_query_arg(q, "failed", s->failed ? "1" : NULL);
}

static const struct listing connects = {
	.text = { .usage = "wiretally connects [OPTION]… [FILTER…]",
		  .about =
			  "Lists TCP connections, those last heard of first: how long they took to open, how they\n"
			  "fared, why they ended, whose they are. FILTER: docs/filters.md.",
		  .examples =
			  "  wiretally connects --slow 100ms --last 5m\n"
			  "  wiretally connects --failed dst net 10.0.0.0/8\n"
			  "  wiretally connects --order retransmits 'process nginx and rtt > 20ms'\n" },
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/connections",
	.follow = FOLLOW_ROWS,
	.none = "no connections match",
	.columns = columns,
	.columns_len = ARRAY_LEN(columns),
	.is_paged = true,
	.add_args = add_args,
	.print_below = print_matched,
};

int cmd_connects(int argc, char **argv)
{
	struct settings s = { 0 };

	return listing_run(&connects, &s, argc, argv);
}
