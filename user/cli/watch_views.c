// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The views as a table, and what their rows lead to. A view more is a row more. */
#include <stdio.h>
#include <string.h>

#include "user/cli/watch.h"

static const struct column traffic[] = {
	{ "FLOWS", "flows", CELL_COUNT },  { "PACKETS", "packets", CELL_COUNT },
	{ "BYTES", "octets", CELL_BYTES }, { "PACKETS/s", "packets", CELL_PPS },
	{ "BIT/s", "octets", CELL_BPS },
};
static const struct column tcp[] = {
	{ "CONNECTIONS", "connections", CELL_COUNT },
	{ "FAILED", "failed", CELL_COUNT },
	{ "CONNECT/ms", "connect_p50_ns", CELL_MS_OF_NS },
	{ "p95", "connect_p95_ns", CELL_MS_OF_NS },
	{ "RTT/ms", "srtt_p50_us", CELL_MS_OF_US },
	{ "p95", "srtt_p95_us", CELL_MS_OF_US },
	{ "RETRANS", "retransmits", CELL_COUNT },
	{ "OF SENT", "retransmits", CELL_SHARE, "segments_out" },
};
static const struct column drops[] = {
	{ "PACKETS", "packets", CELL_COUNT },
	{ "BYTES", "octets", CELL_BYTES },
	{ "FIRST", "start_us", CELL_TIME },
	{ "LAST", "end_us", CELL_TIME },
};
static const struct column flows[] = {
	{ "START", "start_us", CELL_TIME },
	{ "PROTO", "proto_name", CELL_PROTOCOL },
	{ "SOURCE", "src", CELL_ENDPOINT, "src_port" },
	{ "DESTINATION", "dst", CELL_ENDPOINT, "dst_port" },
	{ "PACKETS", "packets", CELL_COUNT },
	{ "BYTES", "octets", CELL_BYTES },
	{ "FLAGS", "tcp_flags", CELL_TEXT },
	{ "INTERFACE", "interface", CELL_INTERFACE },
	{ "PROCESS", "process", CELL_OWNER, "pid" },
};
static const struct column connections[] = {
	{ "START", "start_us", CELL_TIME },
	{ "LOCAL", "local_address", CELL_ENDPOINT, "local_port" },
	{ "REMOTE", "remote_address", CELL_ENDPOINT, "remote_port" },
	{ "END", "end", CELL_TEXT },
	{ "ERROR", "error", CELL_TEXT },
	{ "CONNECT/ms", "connect_ns", CELL_MS_OF_NS },
	{ "RTT/ms", "srtt_us", CELL_MS_OF_US },
	{ "RETRANS", "retransmits", CELL_COUNT },
	{ "BYTES OUT", "octets_acked", CELL_BYTES },
	{ "PROCESS", "comm", CELL_OWNER, "pid" },
};

static const char *const by_amount[] = { "bytes", "packets", "flows", "bps", "pps", NULL };
static const char *const by_health[] = { "retransmits", "failures",    "connect",
					 "rtt",		"connections", NULL };
static const char *const by_record[] = { "start", "bytes", "packets", "duration", NULL };
static const char *const by_life[] = { "last", "retransmits", "connect", "rtt", "octets", NULL };
static const char *const by_nothing[] = { NULL };

static bool narrow_talker(const json_t *row, char *to, size_t size)
{
	snprintf(to, size, "ip %s", show_text(row, "src"));
	return *show_text(row, "src");
}

static bool narrow_conversation(const json_t *row, char *to, size_t size)
{
	snprintf(to, size, "ip %s and ip %s", show_text(row, "src"), show_text(row, "dst"));
	return *show_text(row, "src") && *show_text(row, "dst");
}

/* No filter can have a name in it that holds a quote: then its beginning has to do. */
static bool narrow_process(const json_t *row, char *to, size_t size)
{
	const char *name = show_text(row, "process");
	size_t len = strcspn(name, "'");

	snprintf(to, size, name[len] ? "process '%.*s*'" : "process '%.*s'", (int)len, name);
	return len > 0;
}

static bool narrow_service(const json_t *row, char *to, size_t size)
{
	snprintf(to, size, "dst ip %s and dst port %lld", show_text(row, "dst"),
		 (long long)show_int(row, "dst_port"));
	return *show_text(row, "dst");
}

static bool narrow_reason(const json_t *row, char *to, size_t size)
{
	snprintf(to, size, "reason '%.*s'", (int)strcspn(show_text(row, "reason"), "'"),
		 show_text(row, "reason"));
	return *show_text(row, "reason");
}

static bool narrow_port(const json_t *row, char *to, size_t size)
{
	size_t len = (size_t)snprintf(to, size, "src ip %s and dst ip %s", show_text(row, "src"),
				      show_text(row, "dst"));

	if (len < size && json_is_integer(json_object_get(row, "dstport")))
		snprintf(to + len, size - len, " and dst port %lld",
			 (long long)show_int(row, "dstport"));
	return *show_text(row, "src") && *show_text(row, "dst");
}

#define COLUMNS(of) of, ARRAY_LEN(of)

/* clang-format off */
const struct watch_view watch_views[WATCH_VIEWS] = {
	[WATCH_TALKERS] = { "talkers", "/v1/top", "src", by_amount, COLUMNS(traffic), true,
			    WATCH_CONVERSATIONS, narrow_talker },
	[WATCH_CONVERSATIONS] = { "conversations", "/v1/top", "conversation", by_amount,
				  COLUMNS(traffic), true, WATCH_PORTS, narrow_conversation },
	[WATCH_PROCESSES] = { "processes", "/v1/top", "process", by_amount, COLUMNS(traffic), true,
			      WATCH_CONVERSATIONS, narrow_process },
	[WATCH_TCP] = { "TCP", "/v1/tcp", "dst,dstport", by_health, COLUMNS(tcp), true,
			WATCH_CONNECTIONS, narrow_service },
	[WATCH_DROPS] = { "drops", "/v1/drops", "reason", by_nothing, COLUMNS(drops), true,
			  WATCH_DROP_FLOWS, narrow_reason },
	[WATCH_PORTS] = { "ports", "/v1/top", "src,dst,proto,dstport", by_amount, COLUMNS(traffic),
			  true, WATCH_FLOWS, narrow_port },
	[WATCH_FLOWS] = { "flow records", "/v1/flows", NULL, by_record, COLUMNS(flows), false, -1,
			  NULL },
	[WATCH_CONNECTIONS] = { "connections", "/v1/connections", NULL, by_life,
				COLUMNS(connections), false, -1, NULL },
	[WATCH_DROP_FLOWS] = { "dropped flows", "/v1/drops", "flow", by_nothing, COLUMNS(drops),
			       true, -1, NULL },
};
/* clang-format on */

const char *const watch_lasts[] = { "1m", "5m", "15m", "1h", "6h", "24h", "7d", "all", NULL };
