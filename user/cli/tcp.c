// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally tcp`: /v1/tcp as a table. */
#include "user/cli/listing.h"

struct settings {
	struct listing_options list;
};

static const struct option_row rows[] = {
	LISTING_BY(struct settings, "dst", "dst, dstport, src, process, cgroup, role, host"),
	LISTING_NUMBER(struct settings, "10"),
	LISTING_ORDER(struct settings, "connections|connect|rtt|retransmits|failures|octets",
		      "connections", "sort by"),
	LISTING_ROWS(struct settings),
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

static const struct listing tcp = {
	.text = { .usage = "wiretally tcp [OPTION]… [FILTER…]",
		  .about =
			  "Shows how TCP fares, to whom: connections, failures, medians and 95th percentiles of\n"
			  "connect latency and round trip, retransmits. FILTER: docs/filters.md.",
		  .examples =
			  "  wiretally tcp\n"
			  "  wiretally tcp --by process --order retransmits --last 5m\n"
			  "  wiretally tcp --by dst,dstport --order connect dst net 10.0.0.0/8\n" },
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/tcp",
	.follow = FOLLOW_AGAIN,
	.none = "no connections match",
	.columns = columns,
	.columns_len = ARRAY_LEN(columns),
	.has_keys = true,
};

int cmd_tcp(int argc, char **argv)
{
	struct settings s = { 0 };

	return listing_run(&tcp, &s, argc, argv);
}
