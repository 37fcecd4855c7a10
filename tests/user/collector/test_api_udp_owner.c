// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Owners of UDP flows: connected sockets, bound ones, and those that take every address. */
#include "tests/user/collector/query_ask.h"

#include "user/wire/signal.h"

#define S INT64_C(1000000) /* µs */
#define NETNS 7 /* of fixture_flow() */

/* 10.0.0.1 and fd00::1 are the agent's own; 10.0.0.2 is somebody else; it forwards for 10.9.0.9. */
static const struct udp_socket {
	uint64_t id;
	const char *local;
	uint16_t local_port;
	const char *remote;
	uint16_t remote_port;
	bool ipv6_only;
	int64_t start_us, end_us; /* behind T0; -1: not known, lives */
	const char *comm;
} sockets[] = {
	{ 1, "10.0.0.1", 1000, "10.0.0.2", 53, false, 0, 10 * S, "connected" },
	{ 2, "10.0.0.1", 1001, "0.0.0.0", 0, false, 0, 10 * S, "bound" },
	{ 3, "0.0.0.0", 53, "0.0.0.0", 0, false, -1, -1, "resolver" },
	{ 4, "::", 5353, "::", 0, false, -1, -1, "dual" },
	{ 5, "::", 5354, "::", 0, true, -1, -1, "six" },
	/* two that share a port */
	{ 6, "0.0.0.0", 4000, "0.0.0.0", 0, false, -1, -1, "one" },
	{ 7, "0.0.0.0", 4000, "0.0.0.0", 0, false, -1, -1, "two" },
	/* the closer one is the owner */
	{ 8, "0.0.0.0", 4001, "0.0.0.0", 0, false, -1, -1, "all" },
	{ 9, "10.0.0.1", 4001, "0.0.0.0", 0, false, -1, -1, "mine" },
	{ 10, "10.0.0.1", 4001, "10.0.0.2", 99, false, -1, -1, "pair" },
	/* a port used again */
	{ 11, "10.0.0.1", 4002, "0.0.0.0", 0, false, 0, 10 * S, "first" },
	{ 12, "10.0.0.1", 4002, "0.0.0.0", 0, false, 20 * S, 30 * S, "second" },
};

static const struct udp_flow {
	const char *src;
	uint16_t src_port;
	const char *dst;
	uint16_t dst_port;
	bool is_egress;
	int64_t at_us;
	const char *join, *process;
} cases[] = {
	{ "10.0.0.1", 1000, "10.0.0.2", 53, true, S, "one", "connected" },
	{ "10.0.0.2", 53, "10.0.0.1", 1000, false, S, "one", "connected" },
	{ "10.0.0.1", 1000, "10.0.0.3", 53, true, S, "none", NULL }, /* it talks to one alone */
	{ "10.0.0.1", 1000, "10.0.0.2", 53, true, 16 * S, "none", NULL },
	{ "10.0.0.1", 1001, "10.0.0.3", 77, true, S, "one", "bound" },
	{ "10.0.0.3", 77, "10.0.0.1", 1001, false, S, "one", "bound" },
	{ "10.0.0.3", 77, "10.0.0.1", 53, false, S, "one", "resolver" },
	{ "10.0.0.1", 53, "10.0.0.3", 77, true, S, "one", "resolver" },
	{ "127.0.0.1", 9999, "127.0.0.53", 53, false, S, "one", "resolver" },
	/* forwarded here, to somebody else's port 53 and from it */
	{ "10.9.0.9", 77, "10.0.0.2", 53, false, S, "none", NULL },
	{ "10.0.0.2", 53, "10.9.0.9", 77, true, S, "none", NULL },
	/* families */
	{ "10.0.0.3", 77, "10.0.0.1", 5353, false, S, "one", "dual" },
	{ "fd00::3", 77, "fd00::1", 5353, false, S, "one", "dual" },
	{ "10.0.0.3", 77, "10.0.0.1", 5354, false, S, "none", NULL },
	{ "fd00::3", 77, "fd00::1", 5354, false, S, "one", "six" },
	{ "fd00::3", 77, "fd00::1", 53, false, S, "none", NULL }, /* 0.0.0.0 takes no IPv6 */
	{ "10.0.0.3", 77, "10.0.0.1", 4000, false, S, "ambiguous", NULL },
	{ "10.0.0.2", 99, "10.0.0.1", 4001, false, S, "one", "pair" },
	{ "10.0.0.2", 98, "10.0.0.1", 4001, false, S, "one", "mine" },
	{ "10.0.0.3", 77, "10.0.0.1", 4002, false, 5 * S, "one", "first" },
	{ "10.0.0.3", 77, "10.0.0.1", 4002, false, 25 * S, "one", "second" },
	{ "10.0.0.3", 77, "10.0.0.1", 4003, false, S, "none", NULL },
};

static void put_socket(struct fixture *fx, const struct udp_socket *u)
{
	struct connection c = { .id = u->id,
				.events = 1,
				.netns = NETNS,
				.uid = UINT32_MAX,
				.protocol = PROTOCOL_UDP,
				.state = u->ipv6_only };
	struct batch b = { .connections = &c, .connections_len = 1 };

	addr_parse(u->local, c.local);
	addr_parse(u->remote, c.remote);
	c.local_port = u->local_port;
	c.remote_port = u->remote_port;
	c.start_us = u->start_us < 0 ? 0 : T0 + u->start_us;
	c.end_us = u->end_us < 0 ? 0 : T0 + u->end_us;
	c.last_us = u->end_us < 0 ? T0 + 1 : c.end_us;
	snprintf(c.comm, sizeof(c.comm), "%s", u->comm);
	cr_assert_eq(store_begin(fx->store), 0);
	cr_assert_eq(store_append_batch(fx->store, 1, &b, T0), 0);
	cr_assert_eq(store_commit(fx->store), 0);
}

static void fill(struct fixture *fx)
{
	static uint8_t own[2][16];

	addr_parse("10.0.0.1", own[0]);
	addr_parse("fd00::1", own[1]);
	fixture_open(fx);
	fixture_exporter(fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	cr_assert_eq(store_begin(fx->store), 0);
	cr_assert_eq(store_replace_addresses(fx->store, "a", own, 2), 0);
	cr_assert_eq(store_commit(fx->store), 0);
	for (size_t i = 0; i < ARRAY_LEN(sockets); i++)
		put_socket(fx, &sockets[i]);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flow f = fixture_flow(cases[i].src, cases[i].dst);

		f.proto = 17;
		f.src_port = cases[i].src_port;
		f.dst_port = cases[i].dst_port;
		f.flags |= cases[i].is_egress ? FLOW_EGRESS : 0;
		f.start_us = f.end_us = T0 + cases[i].at_us;
		f.packets = i + 1;
		fixture_rows(fx, 1, &f, 1);
	}
}

static const char *text(json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

Test(api_udp_owner, which_socket_a_flow_is_of)
{
	struct fixture fx;
	json_t *reply, *rows, *row;
	size_t n;

	fill(&fx);
	reply = ask_json(&fx, api_flows, "last=all&all=1&limit=1000");
	rows = json_object_get(reply, "rows");
	cr_assert_eq(json_array_size(rows), ARRAY_LEN(cases), "each flow once");
	json_array_foreach(rows, n, row) {
		size_t i = (size_t)json_integer_value(json_object_get(row, "packets")) - 1;
		const char *process = text(row, "process");

		cr_expect_str_eq(text(row, "join"), cases[i].join, "case %zu: %s, %s", i,
				 text(row, "join"), process ? process : "-");
		if (!strcmp(cases[i].join, "ambiguous"))
			cr_expect_not_null(process, "case %zu: one of both", i);
		else if (cases[i].process)
			cr_expect_str_eq(process ? process : "", cases[i].process, "case %zu", i);
		else
			cr_expect_null(process, "case %zu", i);
	}
	json_decref(reply);
	fixture_close(&fx);
}

/* Sockets are no connections: what is TCP's does not count them. */
Test(api_udp_owner, are_not_among_connections)
{
	struct fixture fx;
	json_t *reply;

	fill(&fx);
	reply = ask_json(&fx, api_connections, "last=all");
	cr_expect_eq(json_array_size(json_object_get(reply, "rows")), 0);
	json_decref(reply);
	fixture_close(&fx);
}
