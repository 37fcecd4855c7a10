// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Connections, drops and host counts of a batch: out as they went in, and nothing malformed in. */
#include "user/wire/batch.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "proto/wiretally.pb-c.h"
#include "user/wire/batch_check.h"

/* Every field another value, none of them its default. */
static struct connection a_connection(void)
{
	struct connection c = {
		.id = 0xfedcba9876543210,
		.events = 7,
		.local_port = 65535,
		.remote_port = 443,
		.netns = 4026531840,
		.protocol = PROTOCOL_TCP,
		.role = ROLE_SERVER,
		.end = END_TIMEOUT,
		.state = 7,
		.happened = CONNECTION_STARTED | CONNECTION_ENDED,
		.error = 110,
		.start_us = 1000001,
		.last_us = 1000002,
		.end_us = 1000003,
		.connect_ns = 11,
		.accept_ns = 12,
		.octets_acked = 13,
		.octets_received = 14,
		.retransmit_octets = 15,
		.pacing_rate = 16,
		.delivery_rate = 17,
		.cgroup = UINT64_MAX,
		.segments_out = 18,
		.retransmits = 19,
		.retransmits_rto = 20,
		.retransmits_fast = 21,
		.retransmits_syn = 22,
		.retransmits_synack = 23,
		.srtt_us = 24,
		.rttvar_us = 25,
		.min_rtt_us = 26,
		.cwnd = 27,
		.reordering = 28,
		.lost = 29,
		.unacked = 30,
		.pid = 31,
		.uid = CONNECTION_UID_UNKNOWN,
		.comm = "curl-a-b-c-d-ef",
		.cgroup_path = "/system.slice/nginx.service",
	};

	memset(c.local, 1, 16);
	memset(c.remote, 2, 16);
	return c;
}

static struct drop a_drop(void)
{
	struct drop d = {
		.has_tuple = true,
		.purged = true,
		.src_port = 1,
		.dst_port = 65535,
		.ethertype = 0x86dd,
		.proto = 17,
		.ifindex = 5,
		.netns = 6,
		.packets = 7,
		.octets = 8,
		.start_us = 9,
		.end_us = 10,
		.reason = "NO_SOCKET",
		.location = "__udp4_lib_rcv+0x5a1",
	};

	memset(d.src, 3, 16);
	memset(d.dst, 4, 16);
	return d;
}

static struct latency a_latency(void)
{
	struct latency l = {
		.netns = 4026531840,
		.port = 65535,
		.kind = LATENCY_RTT,
		.role = ROLE_SERVER,
		.count = 7,
		.sum_ns = INT64_MAX,
		.start_us = 8,
		.end_us = 9,
	};

	l.buckets[3] = 2;
	l.buckets[LATENCY_BUCKETS - 1] = 5;
	memset(l.remote, 5, 16);
	return l;
}

static struct batch *a_batch(void)
{
	struct batch *b = calloc(1, sizeof(*b));

	strcpy(b->head.agent, "agent-1");
	memset(b->head.instance, 1, 16);
	b->head.schema = BATCH_SCHEMA;
	b->head.sequence = b->head.interval = 1;
	b->connections_len = b->drops_len = b->host_counts_len = 2;
	b->connections = calloc(2, sizeof(*b->connections));
	b->drops = calloc(2, sizeof(*b->drops));
	b->host_counts = calloc(2, sizeof(*b->host_counts));
	b->connections[0] = a_connection();
	b->connections[1].events = 1;
	b->connections[1].protocol = PROTOCOL_UDP;
	b->drops[0] = a_drop();
	b->drops[1].packets = 1;
	b->latencies_len = 2;
	b->latencies = calloc(2, sizeof(*b->latencies));
	b->latencies[0] = a_latency();
	b->latencies[1] = (struct latency){ .count = 1, .buckets = { 1 } };
	b->host_counts[0] = (struct host_count){ 5, 6, true, "sockets/ipv4/ESTABLISHED" };
	b->host_counts[1] = (struct host_count){ 0, 0, false, "tcp/listen_overflows" };
	return b;
}

Test(batch_signal, what_goes_in_comes_out)
{
	struct batch *b = a_batch(), *back;
	uint8_t *bytes;
	const char *why;
	size_t len;

	cr_assert_eq(batch_encode(b, &bytes, &len), 0);
	cr_assert_eq(batch_decode(bytes, len, &back, &why), 0, "%s", why);
	cr_assert_eq(back->connections_len, 2);
	cr_assert_eq(back->drops_len, 2);
	cr_assert_eq(back->host_counts_len, 2);
	cr_expect_arr_eq(back->connections, b->connections, 2 * sizeof(*b->connections));
	cr_expect_arr_eq(back->drops, b->drops, 2 * sizeof(*b->drops));
	cr_assert_eq(back->latencies_len, 2);
	cr_expect_arr_eq(back->latencies, b->latencies, 2 * sizeof(*b->latencies));
	cr_expect_arr_eq(back->host_counts, b->host_counts, 2 * sizeof(*b->host_counts));
	free(bytes);
	batch_free(b);
	batch_free(back);
}

static void expect_bad(Wiretally__V1__Batch *m, const char *name, const char *expected)
{
	size_t len = wiretally__v1__batch__get_packed_size(m);
	uint8_t *bytes = malloc(len);
	struct batch *back = NULL;
	const char *why = NULL;

	wiretally__v1__batch__pack(m, bytes);
	cr_expect_eq(batch_decode(bytes, len, &back, &why), -EBADMSG, "%s", name);
	cr_expect(why && !strcmp(why, expected), "%s: says '%s', not '%s'", name, why, expected);
	free(bytes);
}

#define BYTES(at, n) ((ProtobufCBinaryData){ .len = n, .data = (uint8_t *)at })

Test(batch_signal, malformed_ones_are_named)
{
	static const char zeros[16];
	char long_text[CONNECTION_CGROUP_MAX + 1] = "";
	Wiretally__V1__Batch m = WIRETALLY__V1__BATCH__INIT;
	Wiretally__V1__Connection c, good_c = WIRETALLY__V1__CONNECTION__INIT, *cs[] = { &c };
	Wiretally__V1__Drop d, good_d = WIRETALLY__V1__DROP__INIT, *ds[] = { &d };
	Wiretally__V1__HostCount h, good_h = WIRETALLY__V1__HOST_COUNT__INIT, *hs[] = { &h };

	memset(long_text, 'x', CONNECTION_CGROUP_MAX);
	m.schema = BATCH_SCHEMA;
	m.agent = "agent-1";
	m.instance = BYTES(zeros, 16);
	m.sequence = m.interval = 1;
	m.connections = cs;
	m.drops = ds;
	m.host_counts = hs;
	m.n_connections = m.n_drops = m.n_host_counts = 1;
	good_c.local = good_c.remote = BYTES(zeros, 16);
	good_c.events = good_d.packets = 1;
	good_h.name = "a";
#define BAD(expected, change)                      \
	do {                                       \
		c = good_c;                        \
		d = good_d;                        \
		h = good_h;                        \
		change;                            \
		expect_bad(&m, #change, expected); \
	} while (0)
	BAD("connection's addresses are not 16 bytes each", c.local.len = 15);
	BAD("connection's addresses are not 16 bytes each", c.remote.len = 0);
	BAD("connection holds a value that is too large", c.local_port = 65536);
	BAD("connection holds a value that is too large", c.role = 256);
	BAD("connection holds a value that is too large", c.happened = 65536);
	BAD("connection's role or end is unknown", c.role = ROLES);
	BAD("connection's role or end is unknown", c.end = ENDS);
	BAD("connection's events are 0 or more than 2^48", c.events = 0);
	BAD("connection's protocol is neither 6 nor 17", c.protocol = 1);
	BAD("connection's events are 0 or more than 2^48", c.events = UINT64_MAX);
	BAD("connection counts more than 2^48", c.octets_acked = BATCH_COUNT_MAX + 1);
	BAD("connection's latency or rate is out of range", c.connect_ns = UINT64_MAX);
	BAD("time is out of range", c.start_us = -1);
	BAD("time is out of range", c.end_us = BATCH_TIME_MAX_US + 1);
	BAD("connection's comm or cgroup is too long", c.comm = (char *)"a name of 16 byt");
	BAD("connection's comm or cgroup is too long", c.cgroup_path = (char *)long_text);
	BAD("drop's addresses are neither 0 nor 16 bytes each", d.source = BYTES(zeros, 16));
	BAD("drop's addresses are neither 0 nor 16 bytes each",
	    d.source = d.destination = BYTES(zeros, 4));
	BAD("drop holds a value that is too large", d.source_port = 65536);
	BAD("drop holds a value that is too large", d.protocol = 256);
	BAD("drop's counts are 0 or more than 2^48", d.packets = 0);
	BAD("drop's counts are 0 or more than 2^48", d.octets = BATCH_COUNT_MAX + 1);
	BAD("end is before start", d.start_us = 5);
	BAD("time is out of range", d.end_us = -1);
	BAD("drop's reason or location is too long", d.reason = (char *)long_text);
	BAD("host count's name is not 1 to 47 printable characters", h.name = (char *)"");
	BAD("host count's name is not 1 to 47 printable characters", h.name = (char *)long_text);
	BAD("host count's name is not 1 to 47 printable characters", h.name = (char *)"a\"b");
	BAD("host count is more than 2^48", h.value = BATCH_COUNT_MAX + 1);
}

Test(batch_signal, malformed_latencies_are_named)
{
	static const char zeros[16];
	Wiretally__V1__Batch m = WIRETALLY__V1__BATCH__INIT;
	Wiretally__V1__Latency l, good_l = WIRETALLY__V1__LATENCY__INIT, *ls[] = { &l };
	uint32_t one[33] = { 1 };

	m.schema = BATCH_SCHEMA;
	m.agent = "agent-1";
	m.instance = BYTES(zeros, 16);
	m.sequence = m.interval = 1;
	m.latencies = ls;
	m.n_latencies = 1;
	good_l.remote = BYTES(zeros, 16);
	good_l.buckets = one;
	good_l.n_buckets = good_l.count = 1;
#undef BAD
#define BAD(expected, change)                      \
	do {                                       \
		l = good_l;                        \
		change;                            \
		expect_bad(&m, #change, expected); \
	} while (0)
	BAD("latency's address is not 16 bytes", l.remote.len = 4);
	BAD("latency has more than 32 buckets", l.n_buckets = 33);
	BAD("latency holds a value that is too large", l.port = 65536);
	BAD("latency holds a value that is too large", l.kind = 256);
	BAD("latency's role or kind is unknown", l.kind = LATENCY_KINDS);
	BAD("latency's role or kind is unknown", l.role = ROLES);
	BAD("latency's count is 0 or more than 2^48", l.count = 0);
	BAD("latency's count is 0 or more than 2^48", l.count = BATCH_COUNT_MAX + 1);
	BAD("latency's sum is out of range", l.sum_ns = UINT64_MAX);
	BAD("latency's buckets do not add up to its count", l.count = 2);
	BAD("latency's buckets do not add up to its count", l.n_buckets = 0);
	BAD("end is before start", l.start_us = 5);
	BAD("time is out of range", l.end_us = -1);
}

Test(batch_signal, too_many_are_refused)
{
	static struct batch b;

	b = (struct batch){ .connections_len = BATCH_CONNECTIONS_MAX + 1 };
	cr_expect_str_eq(batch_check_sizes(&b), "too many connections");
	b = (struct batch){ .drops_len = BATCH_DROPS_MAX + 1 };
	cr_expect_str_eq(batch_check_sizes(&b), "too many drops");
	b = (struct batch){ .host_counts_len = BATCH_HOST_COUNTS_MAX + 1 };
	cr_expect_str_eq(batch_check_sizes(&b), "too many host counts");
}

/* A process may call itself anything; terminals and logs must not obey it. */
Test(batch_signal, names_of_processes_are_cleaned)
{
	struct batch *b = a_batch(), *back;
	uint8_t *bytes;
	const char *why;
	size_t len;

	strcpy(b->connections[0].comm, "\x1b[2J\xff"
				       "ok");
	cr_assert_eq(batch_encode(b, &bytes, &len), 0);
	cr_assert_eq(batch_decode(bytes, len, &back, &why), 0, "%s", why);
	cr_assert_str_eq(back->connections[0].comm, "?[2J?ok");
	free(bytes);
	batch_free(b);
	batch_free(back);
}
