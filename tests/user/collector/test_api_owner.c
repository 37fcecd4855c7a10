// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Owners of flows: which connection a row is joined with, and that every row stays one row. */
#include "tests/user/collector/query_ask.h"

#include "user/wire/signal.h"

#define S INT64_C(1000000) /* µs */
#define NETNS 7 /* of fixture_flow() */

/* One connection: 10.0.0.1:port to 10.0.0.2:443, seen from its client's end or its server's. */
struct end {
	uint64_t id;
	uint32_t exporter_id, netns;
	uint16_t port;
	bool is_server;
	int64_t start_us, end_us; /* behind T0; -1: not known, lives */
	const char *comm;
};

static const struct end ends[] = {
	{ 1, 1, NETNS, 1000, false, 0, 10 * S, "plain" },
	{ 2, 1, NETNS, 1001, true, 0, 10 * S, "serves" },
	{ 3, 1, NETNS, 1002, false, -1, -1, "long" },
	/* a port used again */
	{ 4, 1, NETNS, 1003, false, 0, 10 * S, "first" },
	{ 5, 1, NETNS, 1003, false, 12 * S, 20 * S, "second" },
	/* both ends are on this host, in one namespace: loopback */
	{ 6, 1, NETNS, 1004, false, 0, 10 * S, "client" },
	{ 7, 1, NETNS, 1004, true, 0, 10 * S, "server" },
	{ 8, 1, NETNS + 1, 1005, false, 0, 10 * S, "elsewhere" },
	{ 9, 3, NETNS, 1006, false, 0, 10 * S, "stranger" },
	/* the agent was started again and heard of it anew */
	{ 10, 1, NETNS, 1007, false, 0, -1, "before" },
	{ 11, 2, NETNS, 1007, false, -1, -1, "after" },
	{ 12, 2, NETNS, 1008, false, -1, -1, "later" },
	{ 13, 1, NETNS, 1009, false, 0, 10 * S, "" },
};

static void put(struct fixture *fx, const struct end *e, const struct connection *more)
{
	struct connection c = { .id = e->id, .events = 1, .netns = e->netns, .uid = UINT32_MAX };
	struct batch b = { .connections = &c, .connections_len = 1 };
	uint8_t *near = e->is_server ? c.remote : c.local, *far = e->is_server ? c.local : c.remote;

	if (more)
		c = *more;
	addr_parse("10.0.0.1", near);
	addr_parse("10.0.0.2", far);
	c.local_port = e->is_server ? 443 : e->port;
	c.remote_port = e->is_server ? e->port : 443;
	c.start_us = e->start_us < 0 ? 0 : T0 + e->start_us;
	c.end_us = e->end_us < 0 ? 0 : T0 + e->end_us;
	c.last_us = e->end_us < 0 ? T0 + 1 : c.end_us;
	snprintf(c.comm, sizeof(c.comm), "%s", e->comm);
	cr_assert_eq(store_begin(fx->store), 0);
	cr_assert_eq(store_append_batch(fx->store, e->exporter_id, &b, T0), 0);
	cr_assert_eq(store_commit(fx->store), 0);
}

static void fill(struct fixture *fx)
{
	fixture_open(fx);
	fixture_exporter(fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	fixture_exporter(fx, &(struct fixture_exporter){ 2, "a", "host-a", "" });
	fixture_exporter(fx, &(struct fixture_exporter){ 3, "b", "host-b", "" });
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		put(fx, &ends[i], NULL);
}

/* A row of flows, and what becomes of it. */
static const struct joined {
	uint32_t exporter_id;
	uint16_t port; /* 10.0.0.1's; 10.0.0.2 has 443 */
	bool is_answer, is_egress;
	int64_t start_us, end_us; /* behind T0 */
	const char *join, *process;
} cases[] = {
	{ 1, 1000, false, true, 1 * S, 2 * S, "one", "plain" },
	{ 1, 1000, true, false, 1 * S, 2 * S, "one", "plain" },
	{ 1, 1001, false, false, 1 * S, 2 * S, "one", "serves" },
	{ 1, 1001, true, true, 1 * S, 2 * S, "one", "serves" },
	{ 1, 1002, false, true, 900 * S, 901 * S, "one", "long" },
	{ 1, 1999, false, true, 1 * S, 2 * S, "none", NULL },
	/* around it, up to 5 s */
	{ 1, 1000, false, true, 15 * S, 15 * S, "one", "plain" },
	{ 1, 1000, false, true, 15 * S + 1, 16 * S, "none", NULL },
	{ 1, 1000, false, true, -5 * S, -5 * S, "one", "plain" },
	{ 1, 1000, false, true, -6 * S, -5 * S - 1, "none", NULL },
	/* who lived then is the one; who lived longer then is the better of two */
	{ 1, 1003, false, true, 9 * S, 10 * S, "one", "first" },
	{ 1, 1003, false, true, 10 * S, 10 * S, "one", "first" },
	{ 1, 1003, false, true, 12 * S, 13 * S, "one", "second" },
	{ 1, 1003, false, true, 5 * S, 18 * S, "ambiguous", "second" },
	{ 1, 1003, false, true, 3 * S, 18 * S, "ambiguous", "first" },
	{ 1, 1003, false, true, 10 * S + 1, 11 * S - 1, "ambiguous", "first" },
	{ 1, 1003, false, true, 11 * S + 1, 12 * S - 1, "ambiguous", "second" },
	/* each owns its direction */
	{ 1, 1004, false, true, 1 * S, 2 * S, "one", "client" },
	{ 1, 1004, false, false, 1 * S, 2 * S, "one", "server" },
	{ 1, 1004, true, true, 1 * S, 2 * S, "one", "server" },
	{ 1, 1004, true, false, 1 * S, 2 * S, "one", "client" },
	{ 1, 1005, false, true, 1 * S, 2 * S, "none", NULL },
	{ 1, 1006, false, true, 1 * S, 2 * S, "none", NULL },
	{ 3, 1006, false, true, 1 * S, 2 * S, "one", "stranger" },
	{ 1, 1007, false, true, 1 * S, 2 * S, "one", "before" },
	{ 2, 1007, false, true, 1 * S, 2 * S, "one", "after" },
	{ 1, 1008, false, true, 1 * S, 2 * S, "one", "later" },
	{ 1, 1009, false, true, 1 * S, 2 * S, "one", NULL },
};

static struct flow flow_of(const struct joined *c, size_t i)
{
	struct flow f = c->is_answer ? fixture_flow("10.0.0.2", "10.0.0.1")
				     : fixture_flow("10.0.0.1", "10.0.0.2");

	f.src_port = c->is_answer ? 443 : c->port;
	f.dst_port = c->is_answer ? c->port : 443;
	f.flags |= c->is_egress ? FLOW_EGRESS : 0;
	f.start_us = T0 + c->start_us;
	f.end_us = T0 + c->end_us;
	f.packets = i + 1;
	return f;
}

static void put_flows(struct fixture *fx)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct flow f = flow_of(&cases[i], i);

		fixture_rows(fx, cases[i].exporter_id, &f, 1);
	}
}

static const char *text(json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

static void expect(json_t *row, const char *join, const char *process, const char *what)
{
	const char *got = text(row, "process");

	cr_expect_str_eq(text(row, "join"), join, "%s", what);
	cr_expect(process ? got && !strcmp(got, process) : !got, "%s: process %s, want %s", what,
		  got ? got : "null", process ? process : "null");
}

Test(api_owner, which_connection_a_flow_is_of)
{
	struct fixture fx;
	json_t *root, *row;
	char what[64];
	size_t i;

	fill(&fx);
	put_flows(&fx);
	root = ask_json(&fx, api_flows, "last=all");
	cr_assert_eq(json_array_size(json_object_get(root, "rows")), ARRAY_LEN(cases));
	json_array_foreach(json_object_get(root, "rows"), i, row) {
		const struct joined *c = &cases[number_at(row, "packets") - 1];

		snprintf(what, sizeof(what), "case %zu, port %u", (size_t)(c - cases), c->port);
		expect(row, c->join, c->process, what);
	}
	json_decref(root);
	fixture_close(&fx);
}

/* What the cases say a process has: packets of row i are i + 1. */
static int64_t packets_of(const char *process)
{
	int64_t packets = 0;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!strcmp(cases[i].process ? cases[i].process : "unknown", process))
			packets += (int64_t)i + 1;
	return packets;
}

Test(api_owner, top_counts_every_flow_once)
{
	static const char *const queries[] = {
		"by=process",	       "by=process,src",	"by=process,direction",
		"by=process,exporter", "by=process,interface",	"by=process,conversation",
		"by=cgroup",	       "by=process&order=flows"
	};
	int64_t all = ARRAY_LEN(cases) * (ARRAY_LEN(cases) + 1) / 2;
	struct fixture fx;
	json_t *root, *row;
	char query[64];
	size_t i;

	fill(&fx);
	put_flows(&fx);
	for (size_t q = 0; q < ARRAY_LEN(queries); q++) {
		int64_t packets = 0, flows = 0;

		snprintf(query, sizeof(query), "last=all&n=1000&%s", queries[q]);
		root = ask_json(&fx, api_top, query);
		json_array_foreach(json_object_get(root, "rows"), i, row) {
			packets += number_at(row, "packets");
			flows += number_at(row, "flows");
		}
		cr_expect_eq(packets, all, "%s: %lld of %lld packets", query, (long long)packets,
			     (long long)all);
		cr_expect_eq(flows, ARRAY_LEN(cases), "%s", query);
		cr_expect_eq(number_at(json_object_get(root, "total"), "packets"), all, "%s",
			     query);
		json_decref(root);
	}
	fixture_close(&fx);
}

Test(api_owner, top_by_process)
{
	struct fixture fx;
	json_t *root, *row;
	size_t i;

	fill(&fx);
	put_flows(&fx);
	root = ask_json(&fx, api_top, "last=all&n=1000&by=process");
	json_array_foreach(json_object_get(root, "rows"), i, row)
		cr_expect_eq(number_at(row, "packets"), packets_of(text(row, "process")), "%s",
			     text(row, "process"));
	cr_expect_eq(i, 12, "processes with flows, and unknown: %zu", i);
	json_decref(root);

	root = ask_json(&fx, api_top, "last=all&n=1&by=process&order=packets&filter=src port 1003");
	row = json_array_get(json_object_get(root, "rows"), 0);
	cr_expect_eq(number_at(json_object_get(root, "total"), "flows"), 7);
	cr_expect_eq(number_at(row, "packets"), packets_of(text(row, "process")));
	json_decref(root);

	root = ask_json(&fx, api_top, "last=all&by=cgroup");
	row = json_array_get(json_object_get(root, "rows"), 0);
	cr_expect_str_eq(text(row, "cgroup"), "unknown");
	json_decref(root);
	fixture_close(&fx);
}

/* Of connection "plain"'s tuple, but not of it. */
/* The same rows that grouping by process gives it. */
Test(api_owner, filters_ask_for_owners)
{
	struct fixture fx;
	json_t *root, *row, *one;
	char query[256];
	size_t i;

	fill(&fx);
	put_flows(&fx);
	root = ask_json(&fx, api_top, "last=all&n=1000&by=process");
	json_array_foreach(json_object_get(root, "rows"), i, row) {
		const char *process = text(row, "process");

		if (!strcmp(process, "unknown"))
			continue;
		snprintf(query, sizeof(query), "last=all&by=process&filter=process \"%s\"",
			 process);
		one = ask_json(&fx, api_top, query);
		cr_expect_eq(number_at(json_object_get(one, "total"), "packets"),
			     number_at(row, "packets"), "%s", query);
		cr_expect_eq(json_array_size(json_object_get(one, "rows")), 1, "%s", query);
		json_decref(one);
		snprintf(query, sizeof(query), "last=all&filter=not process \"%s\"", process);
		one = ask_json(&fx, api_top, query);
		cr_expect_eq(number_at(json_object_get(one, "total"), "packets"),
			     number_at(json_object_get(root, "total"), "packets") -
				     number_at(row, "packets"),
			     "%s", query);
		json_decref(one);
	}
	json_decref(root);
	fixture_close(&fx);
}

Test(api_owner, what_has_no_connection)
{
	struct joined plain = { 1, 1000, false, true, 1 * S, 2 * S, "one", "plain" };
	struct flow f[4];
	struct fixture fx;
	json_t *root, *row;
	size_t i;

	fill(&fx);
	for (i = 0; i < ARRAY_LEN(f); i++)
		f[i] = flow_of(&plain, i);
	f[0].proto = 17;
	f[1].flags |= FLOW_LATER_FRAGMENT;
	f[2].src_port++; /* the server's: not seen from here */
	f[2].netns++;
	f[3].dst[15]++;
	fixture_rows(&fx, 1, f, ARRAY_LEN(f));
	root = ask_json(&fx, api_flows, "last=all");
	json_array_foreach(json_object_get(root, "rows"), i, row)
		expect(row, "none", NULL, "no connection");
	cr_assert_eq(i, ARRAY_LEN(f));
	json_decref(root);
	fixture_close(&fx);
}

Test(api_owner, what_is_said_of_it)
{
	static const struct end e = { 1, 1, NETNS, 1000, false, 0, 10 * S, "\033[2J\"\n" };
	struct connection first = { .id = 1, .events = 1, .netns = NETNS, .retransmits = 2 };
	struct connection last = { .id = 1,
				   .events = 1,
				   .netns = NETNS,
				   .retransmits = 3,
				   .srtt_us = 250,
				   .connect_ns = 1234567,
				   .pid = 77,
				   .cgroup_path = "/a" };
	struct joined c = { 1, 1000, false, true, 1 * S, 2 * S, "one", NULL };
	struct flow f = flow_of(&c, 0);
	struct fixture fx;
	json_t *root, *row;

	fixture_open(&fx);
	fixture_exporter(&fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	put(&fx, &e, &first);
	put(&fx, &e, &last);
	fixture_rows(&fx, 1, &f, 1);
	root = ask_json(&fx, api_flows, "last=all&aggregate=1");
	row = json_array_get(json_object_get(root, "rows"), 0);
	expect(row, "one", "\033[2J\"\n", "a hostile name");
	cr_expect_eq(number_at(row, "pid"), 77);
	cr_expect_eq(number_at(row, "retransmits"), 5);
	cr_expect_eq(number_at(row, "srtt_us"), 250);
	cr_expect_eq(number_at(row, "connect_us"), 1234);
	cr_expect_str_eq(text(row, "cgroup"), "/a");
	json_decref(root);
	fixture_close(&fx);
}

/* The server's and the client's side of "plain", a stranger's, and what has no tuple. */
Test(api_owner, drops_by_process)
{
	struct drop d[4] = {
		{ .packets = 1 }, { .packets = 2 }, { .packets = 4 }, { .packets = 8 }
	};
	struct batch b = { .drops = d, .drops_len = ARRAY_LEN(d) };
	int64_t packets = 0;
	struct fixture fx;
	json_t *root, *row;
	size_t i;

	fill(&fx);
	for (i = 0; i < ARRAY_LEN(d); i++) {
		d[i].has_tuple = i < 3;
		d[i].ethertype = 0x0800;
		d[i].proto = 6;
		d[i].netns = NETNS;
		d[i].start_us = d[i].end_us = T0 + S;
		addr_parse("10.0.0.1", i ? d[i].dst : d[i].src);
		addr_parse("10.0.0.2", i ? d[i].src : d[i].dst);
		d[i].src_port = i ? 443 : 1000;
		d[i].dst_port = i ? 1000 : 443;
	}
	d[2].netns++;
	memset(d[3].src, 0, 16);
	memset(d[3].dst, 0, 16);
	cr_assert_eq(store_begin(fx.store), 0);
	cr_assert_eq(store_append_batch(fx.store, 1, &b, T0), 0);
	cr_assert_eq(store_commit(fx.store), 0);
	root = ask_json(&fx, api_drops, "last=all&by=process,cgroup");
	json_array_foreach(json_object_get(root, "rows"), i, row) {
		packets += number_at(row, "packets");
		cr_expect_str_eq(text(row, "process"), i ? "plain" : "unknown");
		cr_expect_str_eq(text(row, "cgroup"), "unknown");
		cr_expect_eq(number_at(row, "packets"), i ? 3 : 12);
	}
	cr_expect_eq(i, 2);
	cr_expect_eq(packets, number_at(root, "packets"));
	json_decref(root);
	fixture_close(&fx);
}
