// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Connections, their health, and drops: each connection once whatever it was reported in. */
#include <errno.h>

#include "tests/user/collector/api_fixture.h"

#include "user/wire/signal.h"

static struct store *store;

static void setup(void)
{
	static const uint8_t instance[16] = { 1 };
	struct store_exporter e = { 1, "a", instance, "a-host", "", 1, 0, NOW, NOW };

	data_make();
	cr_assert(store_open(data_dir, &store) == 0);
	cr_assert(store_insert_exporter(store, &e) == 0);
	cr_assert(store_run(store, NULL,
			    "INSERT INTO interfaces VALUES ('a', 2, 1, 'eth0', 'tcx', 0)",
			    "") == 0);
}

static void teardown(void)
{
	store_close(store);
	data_remove();
}

TestSuite(api_signal, .init = setup, .fini = teardown);

static const uint8_t client[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 1 };
static const uint8_t server[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 0, 2 };

static void put(const struct connection *c, size_t len, const struct drop *d, size_t drops)
{
	struct batch *b = make_batch("a", 1, 1, 0, false);

	b->connections = calloc(len + 1, sizeof(*c));
	b->drops = calloc(drops + 1, sizeof(*d));
	b->connections_len = len;
	b->drops_len = drops;
	if (len)
		memcpy(b->connections, c, len * sizeof(*c));
	if (drops)
		memcpy(b->drops, d, drops * sizeof(*d));
	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, 1, b, NOW) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
}

/* Connection n: 10.0.0.1:1000+n to 10.0.0.2:443. */
static struct connection conn(uint64_t n, uint8_t role)
{
	struct connection c = {
		.id = n,
		.events = 1,
		.netns = 1,
		.role = role,
		.state = 1,
		.local_port = 1000 + n,
		.remote_port = 443,
		.start_us = NOW - 100,
		.last_us = NOW - 50,
		.uid = UINT32_MAX,
		.happened = CONNECTION_ESTABLISHED,
		.connect_ns = n * 1000000,
		.srtt_us = n * 100,
	};

	memcpy(c.local, client, 16);
	memcpy(c.remote, server, 16);
	if (role != ROLE_SERVER)
		return c;
	memcpy(c.local, server, 16);
	memcpy(c.remote, client, 16);
	c.local_port = 443;
	c.remote_port = 1000 + n;
	return c;
}

static json_t *ask(api_endpoint *endpoint, const char *args)
{
	json_t *root = NULL;
	unsigned int status = call(endpoint, store, args, &root);

	cr_assert(status == 200, "%s: %u %s", args, status, json_dumps(root, 0));
	return root;
}

static json_t *row(json_t *root, size_t i)
{
	return json_array_get(json_object_get(root, "rows"), i);
}

static size_t rows(json_t *root)
{
	return json_array_size(json_object_get(root, "rows"));
}

static int64_t number(json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static const char *text(json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "(none)";
}

Test(api_signal, rows_of_a_connection_are_one)
{
	struct connection c[2] = { conn(5, ROLE_CLIENT), conn(5, ROLE_UNKNOWN) };
	json_t *root, *r;

	c[0].segments_out = 3;
	c[0].retransmits = 1;
	c[0].octets_acked = 100;
	c[0].pid = 77;
	c[0].uid = 0;
	strcpy(c[0].comm, "curl");
	strcpy(c[0].cgroup_path, "/user.slice/a");
	c[1].last_us = NOW - 10; /* later, and knows less */
	c[1].end_us = NOW - 11;
	c[1].end = END_LOCAL_FIN;
	c[1].state = 7;
	c[1].happened = CONNECTION_ENDED;
	c[1].segments_out = 4;
	c[1].retransmits = 2;
	c[1].octets_acked = 50;
	c[1].octets_received = 7;
	c[1].srtt_us = 0;
	c[1].connect_ns = 0;
	c[1].start_us = 0;
	put(c, 2, NULL, 0);
	root = ask(api_connections, "last=all");
	cr_assert(rows(root) == 1);
	cr_expect(number(root, "matched") == 1);
	r = row(root, 0);
	cr_expect_str_eq(text(r, "id"), "0000000000000005");
	cr_expect_str_eq(text(r, "role"), "client");
	cr_expect_str_eq(text(r, "local_address"), "10.0.0.1");
	cr_expect_str_eq(text(r, "remote_address"), "10.0.0.2");
	cr_expect(number(r, "local_port") == 1005 && number(r, "remote_port") == 443);
	cr_expect_str_eq(text(r, "state"), "closed");
	cr_expect_str_eq(text(r, "end"), "local_fin");
	cr_expect(json_is_null(json_object_get(r, "error")));
	cr_expect(number(r, "start_us") == NOW - 100 && number(r, "end_us") == NOW - 11);
	cr_expect(number(r, "duration_us") == 89);
	cr_expect(number(r, "segments_out") == 7 && number(r, "retransmits") == 3);
	cr_expect(number(r, "octets_acked") == 150 && number(r, "octets_received") == 7);
	cr_expect(number(r, "srtt_us") == 500 && number(r, "connect_ns") == 5000000);
	cr_expect(number(r, "pid") == 77 && number(r, "uid") == 0);
	cr_expect(json_is_integer(json_object_get(r, "uid")));
	cr_expect_str_eq(text(r, "comm"), "curl");
	cr_expect_str_eq(text(r, "cgroup_path"), "/user.slice/a");
	cr_expect_str_eq(text(r, "agent"), "a");
	cr_expect_str_eq(text(r, "host"), "a-host");
	json_decref(root);
}

Test(api_signal, a_start_nobody_saw_is_no_duration)
{
	struct connection c = conn(1, ROLE_UNKNOWN);
	json_t *root;

	c.start_us = 0;
	put(&c, 1, NULL, 0);
	root = ask(api_connections, "last=all");
	cr_expect(number(row(root, 0), "start_us") == 0);
	cr_expect(json_is_null(json_object_get(row(root, 0), "duration_us")));
	json_decref(root);
}

/* 1…3 clients, 4 a server, 5 failed. */
static void put_five(void)
{
	struct connection c[] = { conn(1, ROLE_CLIENT), conn(2, ROLE_CLIENT), conn(3, ROLE_CLIENT),
				  conn(4, ROLE_SERVER), conn(5, ROLE_CLIENT) };

	strcpy(c[0].comm, "curl");
	strcpy(c[1].comm, "curl");
	strcpy(c[2].comm, "wget");
	strcpy(c[3].comm, "nginx");
	strcpy(c[2].cgroup_path, "/system.slice/a.service");
	c[1].retransmits = 9;
	c[4].end = END_FAILED;
	c[4].happened = CONNECTION_STARTED | CONNECTION_ENDED;
	c[4].error = ECONNREFUSED;
	c[4].connect_ns = c[4].srtt_us = 0;
	c[4].end_us = NOW - 50;
	put(c, 5, NULL, 0);
}

Test(api_signal, connections_are_chosen)
{
	static const struct {
		const char *args;
		size_t rows;
	} cases[] = {
		{ "last=all", 5 },
		{ "last=all&failed=1", 1 },
		{ "last=all&slow=2ms", 3 },
		{ "last=all&slow=2ms&failed=1", 0 },
		{ "last=all&limit=2", 2 },
		{ "last=all&limit=2&offset=4", 1 },
		{ "last=all&exporter=a-host", 5 },
		{ "last=all&exporter=b", 0 },
		{ "last=1us", 0 },
		{ "last=all&filter=process curl", 2 },
		{ "last=all&filter=process in [curl wget]", 3 },
		{ "last=all&filter=not process curl", 3 },
		{ "last=all&filter=cgroup /system.slice/*", 1 },
		{ "last=all&filter=role server", 1 },
		{ "last=all&filter=retransmits > 3", 1 },
		{ "last=all&filter=rtt >= 300us", 2 },
		{ "last=all&filter=connect < 2ms", 1 },
		{ "last=all&filter=failed", 1 },
		{ "last=all&filter=state established", 5 },
		{ "last=all&filter=src ip 10.0.0.1 and dst port 443", 5 },
		{ "last=all&filter=dst ip 10.0.0.1", 0 },
		{ "last=all&filter=src port 1004", 1 },
		{ "last=all&filter=tcp", 5 },
		{ "last=all&filter=udp", 0 },
		{ "last=all&filter=ipv6", 0 },
	};

	put_five();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *root = ask(api_connections, cases[i].args);

		cr_expect(rows(root) == cases[i].rows, "%s: %zu rows", cases[i].args, rows(root));
		json_decref(root);
	}
}

Test(api_signal, connections_are_ordered)
{
	static const struct {
		const char *order;
		int64_t first_port;
	} cases[] = { { "connect", 443 }, { "rtt", 443 }, { "retransmits", 1002 } };

	put_five();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char args[64];
		json_t *root;

		snprintf(args, sizeof(args), "last=all&order=%s", cases[i].order);
		root = ask(api_connections, args);
		cr_expect(number(row(root, 0), "local_port") == cases[i].first_port, "%s", args);
		json_decref(root);
	}
}

/* All sums of all connections at once would take more than the store may have. */
Test(api_signal, a_page_of_many_takes_little_memory)
{
	struct store_limits limits = { 100u << 20, 1 };
	size_t len = 200000;
	struct connection *c = calloc(len, sizeof(*c));
	json_t *root;

	for (size_t i = 0; i < len; i++)
		c[i] = conn(i, ROLE_CLIENT);
	put(c, len, NULL, 0);
	free(c);
	store_close(store);
	cr_assert(store_open_limited(data_dir, &limits, &store) == 0);
	root = ask(api_connections, "last=all&limit=100&order=rtt");
	cr_expect(rows(root) == 100 && number(root, "matched") == (json_int_t)len);
	cr_expect(number(row(root, 0), "srtt_us") == (json_int_t)(len - 1) * 100);
	json_decref(root);

	/* and what does not fit says so */
	store_close(store);
	limits.memory_bytes = 16u << 20;
	cr_assert(store_open_limited(data_dir, &limits, &store) == 0);
	cr_expect(call(api_connections, store, "last=all&limit=100000", &root) == 503);
	cr_expect(strstr(text(json_object_get(root, "error"), "message"), "more memory"));
	json_decref(root);
}

Test(api_signal, bad_requests_are_explained)
{
	static const struct {
		api_endpoint *endpoint;
		const char *args, *parameter;
	} cases[] = {
		{ api_connections, "order=size", "order" },
		{ api_connections, "slow=soon", "slow" },
		{ api_connections, "failed=maybe", "failed" },
		{ api_connections, "limit=0", "limit" },
		{ api_connections, "filter=dscp ef", "filter" },
		{ api_connections, "filter=reason X", "filter" },
		{ api_drops, "by=resaon", "by" },
		{ api_drops, "by=reason,reason", "by" },
		{ api_drops, "by=", "by" },
		{ api_drops, "filter=process curl", "filter" },
		{ api_tcp, "by=port", "by" },
		{ api_tcp, "order=", "order" },
		{ api_flows, "filter=state closed", "filter" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *root = NULL;
		unsigned int status = call(cases[i].endpoint, store, cases[i].args, &root);

		cr_expect(status == 400, "%s: %u", cases[i].args, status);
		cr_expect_str_eq(text(json_object_get(root, "error"), "parameter"),
				 cases[i].parameter, "%s", cases[i].args);
		json_decref(root);
	}
}

Test(api_signal, health_of_tcp_by_whom)
{
	json_t *root, *r;

	put_five();
	root = ask(api_tcp, "last=all&by=dst");
	cr_assert(rows(root) == 1);
	r = row(root, 0);
	cr_expect_str_eq(text(r, "dst"), "10.0.0.2");
	cr_expect(number(r, "connections") == 5 && number(r, "established") == 4);
	cr_expect(number(r, "failed") == 1 && number(r, "retransmits") == 9);
	cr_expect(number(r, "connect_p50_ns") == 2000000 && number(r, "connect_max_ns") == 4000000);
	cr_expect(number(r, "srtt_p50_us") == 200 && number(r, "srtt_max_us") == 400);
	json_decref(root);

	root = ask(api_tcp, "last=all&by=process,dstport&order=retransmits");
	cr_assert(rows(root) == 4);
	cr_expect_str_eq(text(row(root, 0), "process"), "curl");
	cr_expect(number(row(root, 0), "dst_port") == 443);
	cr_expect(number(row(root, 0), "connections") == 2);
	json_decref(root);
}

Test(api_signal, ties_are_decided_by_the_keys)
{
	static const struct {
		const char *by, *key, *first;
	} cases[] = {
		{ "process", "process", "nginx" },
		{ "src", "src", "10.0.0.1" },
		{ "role,process", "process", "unknown" },
		{ "host", "host", "a-host" },
	};
	struct connection c[] = { conn(1, ROLE_CLIENT), conn(2, ROLE_SERVER),
				  conn(3, ROLE_CLIENT) };

	strcpy(c[0].comm, "wget");
	strcpy(c[1].comm, "nginx");
	put(c, 3, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char args[64];
		json_t *root;

		snprintf(args, sizeof(args), "last=all&order=failures&by=%s", cases[i].by);
		root = ask(api_tcp, args);
		cr_expect_str_eq(text(row(root, 0), cases[i].key), cases[i].first, "%s", args);
		json_decref(root);
	}
}

static void put_drops(void)
{
	struct drop d[] = {
		{ .has_tuple = true,
		  .src_port = 1,
		  .dst_port = 9,
		  .ethertype = 2048,
		  .proto = 17,
		  .ifindex = 2,
		  .netns = 1,
		  .packets = 5,
		  .octets = 500,
		  .start_us = NOW - 9,
		  .end_us = NOW - 5,
		  .reason = "NO_SOCKET",
		  .location = "udp_rcv+0x1" },
		{ .has_tuple = true,
		  .src_port = 1,
		  .dst_port = 9,
		  .ethertype = 2048,
		  .proto = 17,
		  .ifindex = 7,
		  .netns = 1,
		  .packets = 2,
		  .octets = 200,
		  .start_us = NOW - 4,
		  .end_us = NOW - 3,
		  .reason = "NO_SOCKET",
		  .location = "udp_rcv+0x1" },
		{ .packets = 4,
		  .octets = 40,
		  .start_us = NOW - 4,
		  .end_us = NOW - 4,
		  .location = "ip_rcv+0x20" },
		{ .purged = true,
		  .packets = 9,
		  .octets = 9,
		  .start_us = NOW - 4,
		  .end_us = NOW - 4,
		  .reason = "SOCKET_CLOSE",
		  .location = "x+0x1" },
	};

	memcpy(d[0].dst, server, 16);
	memcpy(d[1].dst, server, 16);
	put(NULL, 0, d, ARRAY_LEN(d));
}

Test(api_signal, drops_by_reason)
{
	json_t *root;

	put_drops();
	root = ask(api_drops, "last=all");
	cr_assert(rows(root) == 2);
	cr_expect_str_eq(text(row(root, 0), "reason"), "NO_SOCKET");
	cr_expect(number(row(root, 0), "packets") == 7 && number(row(root, 0), "octets") == 700);
	cr_expect(number(row(root, 0), "start_us") == NOW - 9);
	cr_expect(number(row(root, 0), "end_us") == NOW - 3);
	cr_expect_str_eq(text(row(root, 1), "reason"), "ip_rcv", "without a reason: the function");
	cr_expect(number(root, "packets") == 11 && number(root, "octets") == 740);
	json_decref(root);
}

Test(api_signal, drops_by_interface_and_flow)
{
	json_t *root;

	put_drops();
	root = ask(api_drops, "last=all&by=interface");
	cr_assert(rows(root) == 3);
	cr_expect_str_eq(text(row(root, 0), "interface"), "eth0");
	cr_expect_str_eq(text(row(root, 1), "interface"), "unknown");
	cr_expect_str_eq(text(row(root, 2), "interface"), "if7");
	json_decref(root);

	root = ask(api_drops, "last=all&by=flow");
	cr_assert(rows(root) == 2);
	cr_expect_str_eq(text(row(root, 0), "dst"), "10.0.0.2");
	cr_expect(number(row(root, 0), "dst_port") == 9);
	cr_expect_str_eq(text(row(root, 0), "proto"), "udp");
	cr_expect(json_is_null(json_object_get(row(root, 1), "dst")));
	json_decref(root);
}

Test(api_signal, drops_are_chosen)
{
	json_t *root;

	put_drops();
	root = ask(api_drops, "last=all&purged=1");
	cr_assert(rows(root) == 1);
	cr_expect(number(root, "packets") == 9);
	json_decref(root);

	root = ask(api_drops, "last=all&filter=reason NO_SOCKET and if eth0");
	cr_expect(number(root, "packets") == 5);
	json_decref(root);
	root = ask(api_drops, "last=all&filter=dst port 9 and udp");
	cr_expect(number(root, "packets") == 7);
	json_decref(root);
}
