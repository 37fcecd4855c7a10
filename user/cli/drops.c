// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally drops`: /v1/drops as a table. */
#include "user/cli/listing.h"
#include "user/cli/show.h"

struct settings {
	struct listing_options list;
	bool purged;
};

static const struct option_row rows[] = {
	LISTING_BY(struct settings, "reason",
		   "reason, location, interface, flow, process, cgroup, proto, host"),
	LISTING_NUMBER(struct settings, "50"),
	{ "purged", 'p', OPTION_FLAG, offsetof(struct settings, purged),
	  .help = "instead, what was freed with a closing socket or queue: no loss on the way" },
	LISTING_ROWS(struct settings),
};

static const struct column columns[] = {
	{ "PACKETS", "packets", CELL_COUNT },
	{ "BYTES", "octets", CELL_BYTES },
	{ "FIRST", "start_us", CELL_TIME },
	{ "LAST", "end_us", CELL_TIME },
};

static void print_total(const struct show *show, const json_t *root)
{
	char packets[UNITS_TEXT_MAX], octets[UNITS_TEXT_MAX];

	if (show->below)
		return;
	printf("total: %s packets %s, %s%s\n", show_count(show, show_int(root, "packets"), packets),
	       json_is_true(json_object_get(root, "purged")) ? "purged" : "dropped",
	       show_bytes(show, show_int(root, "octets"), octets), show->is_human ? "" : " bytes");
}

static void add_args(const void *settings, struct client_query *q)
{
	client_query_arg(q, "purged", ((const struct settings *)settings)->purged ? "1" : NULL);
}

static const struct listing drops = {
	.text = { .usage = "wiretally drops [OPTION]… [FILTER…]",
		  .about =
			  "Shows which packets the kernel dropped, why and where. FILTER: docs/filters.md.",
		  .examples = "  wiretally drops\n"
			      "  wiretally drops --by reason,interface --last 5m\n"
			      "  wiretally drops --by flow reason NO_SOCKET and udp\n" },
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/drops",
	.follow = FOLLOW_GROUPS,
	.none = "no drops match",
	.columns = columns,
	.columns_len = ARRAY_LEN(columns),
	.has_keys = true,
	.add_args = add_args,
	.print_below = print_total,
};

int cmd_drops(int argc, char **argv)
{
	struct settings s = { 0 };

	return listing_run(&drops, &s, argc, argv);
}
