// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What is written is what our own reader reads (user/exporters), for all kinds of rows. */
#include "user/sinks/connection_message.h"
#include "user/sinks/drop_message.h"
#include "user/sinks/flow_message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "user/exporters/datagram.h"
#include "user/lib/addr.h"
#include "user/sinks/sink.h"
#include "user/sinks/sink_kinds.h"

#define NOW_US INT64_C(1700000000123456)

struct wire {
	struct flow_sources *all;
	struct flow_source *source;
	size_t messages, longest;
	int err;
};

static int give(void *arg, const uint8_t *bytes, size_t len, uint32_t records)
{
	struct wire *w = arg;
	struct datagram d = { .bytes = { bytes, len }, .port = 1, .arrived_us = NOW_US };

	if (w->err)
		return w->err;
	addr_parse("192.0.2.1", d.address);
	cr_assert(datagram_read(w->all, &d, &w->source) == 0);
	w->messages++;
	if (len > w->longest)
		w->longest = len;
	return 0;
}

static struct flow row(const char *src, const char *dst, uint16_t ethertype, uint8_t proto)
{
	struct flow f = {
		.ethertype = ethertype,
		.proto = proto,
		.flags = FLOW_COUNTED,
		.ifindex = 3,
		.src_port = 8,
		.dst_port = 3,
		.packets = UINT64_C(1) << 40,
		.l2_octets = UINT64_C(1) << 41,
		.l3_octets = (UINT64_C(1) << 41) - 14,
		.dscp = 46,
		.ttl_min = 3,
		.ttl_max = 64,
		.sampling = 100,
		.src_as = 65001,
		.dst_as = 65002,
		.peer_ifindex = 4,
		.vlan_outer = 0x1000 | 100,
		.start_us = NOW_US - 5000000,
		.end_us = NOW_US - 1000,
	};

	if (src) {
		addr_parse(src, f.src);
		addr_parse(dst, f.dst);
	}
	if (proto == 6)
		f.tcp_flags = 0x1b;
	return f;
}

static void expect_same(const struct flow *have, const struct flow *want, bool is_v9)
{
	cr_expect_arr_eq(have->src, want->src, 16);
	cr_expect_arr_eq(have->dst, want->dst, 16);
	cr_expect(have->src_port == want->src_port && have->dst_port == want->dst_port,
		  "%u: ports %u, %u", want->proto, have->src_port, have->dst_port);
	cr_expect(have->proto == want->proto && have->ethertype == want->ethertype);
	cr_expect(have->packets == want->packets && have->l3_octets == want->l3_octets);
	cr_expect(is_v9 || have->l2_octets == want->l2_octets);
	cr_expect(have->dscp == want->dscp && have->tcp_flags == want->tcp_flags);
	cr_expect(have->ttl_min == want->ttl_min && have->ttl_max == want->ttl_max);
	cr_expect(have->sampling == want->sampling && have->vlan_outer == want->vlan_outer);
	cr_expect(have->ifindex == want->ifindex && have->peer_ifindex == want->peer_ifindex);
	cr_expect(have->src_as == want->src_as && have->dst_as == want->dst_as);
	cr_expect((have->flags & FLOW_EGRESS) == (want->flags & FLOW_EGRESS));
	cr_expect(have->start_us / 1000 == want->start_us / 1000, "start %lld, want %lld",
		  (long long)have->start_us, (long long)want->start_us);
	cr_expect(have->end_us / 1000 == want->end_us / 1000);
}

static void round_trip(bool is_v9)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct flow rows[] = {
		row("10.0.0.1", "10.0.0.2", 0x0800, 6),
		row("2001:db8::1", "2001:db8::2", 0x86dd, 17),
		row("10.0.0.1", "10.0.0.2", 0x0800, 1),
		row("2001:db8::1", "2001:db8::2", 0x86dd, 58),
		row("10.0.0.3", "10.0.0.4", 0x0800, 47),
	};
	struct wire w = { .all = all };
	struct flow_message m;

	rows[1].flags |= FLOW_EGRESS;
	flow_message_init(&m, is_v9, 17, NOW_US, give, &w);
	cr_assert(flow_message_add(&m, rows, 5, NOW_US) == 0);
	cr_assert(flow_message_flush(&m, NOW_US) == 0);
	cr_assert(w.source && w.source->rows_len == 5);
	cr_expect(w.source->key.domain == 17);
	for (size_t i = 0; i < 5; i++)
		expect_same(&w.source->rows[i], &rows[i], is_v9);
	for (int i = 0; i < REFUSALS; i++)
		cr_expect(w.source->refused[i] == 0, "%s", refusal_name((enum refusal)i));
	cr_expect(w.messages == 2, "templates and rows");
}

Test(flow_message, ipfix_comes_back_as_it_was)
{
	round_trip(false);
}

Test(flow_message, netflow9_comes_back_as_it_was)
{
	round_trip(true);
}

Test(flow_message, messages_are_bounded_and_counted)
{
	for (int is_v9 = 0; is_v9 < 2; is_v9++) {
		AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
		struct wire w = { .all = all };
		struct flow_message m;

		flow_message_init(&m, is_v9, 0, NOW_US, give, &w);
		for (int i = 0; i < 1000; i++) {
			struct flow f = i % 3 ? row("10.0.0.1", "10.0.0.2", 0x0800, 6)
					      : row("2001:db8::1", "::1", 0x86dd, 6);

			cr_assert(flow_message_add(&m, &f, 1, NOW_US + i * INT64_C(100000)) == 0);
		}
		cr_assert(flow_message_flush(&m, NOW_US) == 0);
		cr_expect(w.source->rows_len == 1000);
		cr_expect(w.longest <= FLOW_MESSAGE_BYTES && w.longest > 1200);
		cr_expect(w.source->counts[EXPORT_MISSING_RECORDS] == 0);
		cr_expect(w.source->counts[EXPORT_MISSING_DATAGRAMS] == 0);
		cr_expect(w.source->counts[EXPORT_RESTARTS] == 0);
		cr_expect(w.source->counts[EXPORT_OUT_OF_ORDER] == 0);
	}
}

/* What a connection's record is, read by hand. */
static uint8_t last[FLOW_MESSAGE_BYTES * 4];
static size_t last_len;

static int keep(void *arg, const uint8_t *bytes, size_t len, uint32_t records)
{
	cr_assert(last_len + len <= sizeof(last));
	memcpy(last + last_len, bytes, len);
	last_len += len;
	*(uint32_t *)arg += records;
	return 0;
}

static uint64_t number_at(size_t at, size_t bytes)
{
	uint64_t n = 0;

	cr_assert(at + bytes <= last_len);
	while (bytes--)
		n = n << 8 | last[at++];
	return n;
}

/* Where the set with this id begins; 0: nowhere. */
static size_t find_set(uint16_t id)
{
	for (size_t message = 0; message < last_len; message += number_at(message + 2, 2))
		for (size_t at = message + 16; at < message + number_at(message + 2, 2);
		     at += number_at(at + 2, 2))
			if (number_at(at, 2) == id)
				return at;
	return 0;
}

Test(flow_message, connections_have_elements_of_an_enterprise)
{
	struct connection c = { .id = 7,
				.protocol = 6,
				.role = ROLE_SERVER,
				.local_port = 443,
				.remote_port = 50000,
				.start_us = NOW_US - 1000000,
				.last_us = NOW_US,
				.retransmits = 3,
				.segments_out = 99,
				.pid = 4711,
				.comm = "nginx" };
	struct flow_message m;
	uint32_t records = 0;
	size_t at;

	last_len = 0;
	addr_parse("10.0.0.1", c.local);
	addr_parse("10.0.0.9", c.remote);
	flow_message_init(&m, false, 1, NOW_US, keep, &records);
	m.with_connections = true;
	m.enterprise = 32473;
	cr_assert(connection_message_add(&m, &c, 1, NOW_US) == 0);
	cr_assert(connection_message_add(&m, &c, 1, NOW_US) == 0);
	cr_assert(flow_message_flush(&m, NOW_US) == 0);
	cr_expect(records == 2 && m.sequence == 3, "two, and a name once");
	at = find_set(264); /* name before use */
	cr_assert(at && at < find_set(262));
	cr_expect(number_at(at + 4, 4) == 0x06000001);
	cr_expect(!memcmp(last + at + 8, "nginx", 6));
	at = find_set(262) + 4;
	cr_expect(number_at(at, 4) == 0x0a000009, "who opened it is the source");
	cr_expect(number_at(at + 4, 4) == 0x0a000001);
	cr_expect(number_at(at + 8, 2) == 50000 && number_at(at + 10, 2) == 443);
	cr_expect(number_at(at + 12, 1) == 6);
	cr_expect(number_at(at + 13, 8) == (NOW_US - 1000000) / 1000);
	cr_expect(number_at(at + 29, 1) == 2, "it lives");
	cr_expect(number_at(at + 30, 4) == 0x06000001);
	cr_expect(number_at(at + 34, 4) == 3 && number_at(at + 38, 4) == 99);
	at = find_set(2); /* templates: the first with the enterprise's bit has its number behind */
	while (number_at(at, 2) != (0x8000 | 1))
		at++;
	cr_expect(number_at(at + 2, 2) == 4 && number_at(at + 4, 4) == 32473);
	flow_message_forget(&m); /* somebody else reads: names come again */
	last_len = 0;
	cr_assert(connection_message_add(&m, &c, 1, NOW_US) == 0);
	cr_assert(flow_message_flush(&m, NOW_US) == 0);
	cr_expect(find_set(264) && find_set(3));
}

Test(flow_message, drops_say_why)
{
	struct drop d = { .has_tuple = true,
			  .src_port = 53,
			  .dst_port = 9,
			  .proto = 17,
			  .ethertype = 0x0800,
			  .ifindex = 3,
			  .start_us = NOW_US - 1000000,
			  .end_us = NOW_US,
			  .packets = 4,
			  .octets = 400,
			  .reason = "IP_RPFILTER",
			  .location = "here+0x1" };
	struct flow_message m;
	uint32_t records = 0;
	size_t at;

	last_len = 0;
	addr_parse("10.0.0.9", d.src);
	addr_parse("10.0.0.1", d.dst);
	flow_message_init(&m, false, 1, NOW_US, keep, &records);
	m.with_connections = m.with_drops = true; /* all templates there are */
	m.enterprise = 32473;
	cr_assert(drop_message_add(&m, &d, 1, NOW_US) == 0);
	d.has_tuple = false;
	d.purged = true;
	cr_assert(drop_message_add(&m, &d, 1, NOW_US) == 0);
	cr_assert(flow_message_flush(&m, NOW_US) == 0);
	cr_expect(records == 2);
	at = find_set(265) + 4;
	cr_expect(number_at(at, 4) == 0x0a000009 && number_at(at + 4, 4) == 0x0a000001);
	cr_expect(number_at(at + 8, 2) == 53 && number_at(at + 10, 2) == 9);
	cr_expect(number_at(at + 12, 1) == 17 && number_at(at + 13, 2) == 0x0800);
	cr_expect(number_at(at + 15, 4) == 3);
	cr_expect(number_at(at + 35, 8) == 4 && number_at(at + 43, 8) == 400);
	cr_expect(number_at(at + 51, 1) == 140, "reverse path");
	cr_expect(number_at(at + 52, 1) == 11 && !memcmp(last + at + 53, "IP_RPFILTER", 11));
	cr_expect(number_at(at + 64, 1) == 8 && !memcmp(last + at + 65, "here+0x1", 8));
	at = find_set(267) + 4;
	cr_expect(number_at(at, 2) == 0x0800 && number_at(at + 38, 1) == 192, "not a loss");
}

/* Names as long as they may be, and more rows than a message holds. */
Test(flow_message, drops_fit)
{
	struct drop d = { .packets = 1 };
	struct flow_message m;
	uint32_t records = 0;

	last_len = 0;
	memset(d.reason, 'r', sizeof(d.reason) - 1);
	memset(d.location, 'l', sizeof(d.location) - 1);
	flow_message_init(&m, false, 1, NOW_US, keep, &records);
	m.with_drops = true;
	for (int i = 0; i < 20; i++)
		cr_assert(drop_message_add(&m, &d, 1, NOW_US) == 0);
	cr_assert(flow_message_flush(&m, NOW_US) == 0);
	cr_expect(records == 20);
	for (size_t at = 0; at < last_len; at += number_at(at + 2, 2))
		cr_expect(number_at(at + 2, 2) <= FLOW_MESSAGE_BYTES);
}

/* Options are data records, which count for IPFIX's sequence: nothing is missing to who reads. */
Test(flow_message, options_go_along_and_count)
{
	for (int is_v9 = 0; is_v9 < 2; is_v9++) {
		AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
		struct wire w = { .all = all };
		struct flow_message m;
		struct flow f = row("10.0.0.1", "10.0.0.2", 0x0800, 6);

		flow_message_init(&m, is_v9, 0, NOW_US, give, &w);
		m.with_options = true;
		for (uint32_t i = 0; i < FLOW_MESSAGE_INTERFACES_MAX + 5; i++) {
			struct flow_message_interface what = { i, i % 3, "eth" };

			flow_message_describe(&m, &what);
			cr_assert(flow_message_add(&m, &f, 1, NOW_US + i * INT64_C(2000000)) == 0);
		}
		cr_assert(flow_message_flush(&m, NOW_US) == 0);
		cr_expect(w.source->rows_len == FLOW_MESSAGE_INTERFACES_MAX + 5);
		cr_expect(w.longest <= FLOW_MESSAGE_BYTES);
		cr_expect(w.source->counts[EXPORT_MISSING_RECORDS] == 0);
		cr_expect(w.source->counts[EXPORT_MISSING_DATAGRAMS] == 0);
		cr_expect(w.source->counts[EXPORT_RESTARTS] == 0);
		cr_expect(w.source->counts[EXPORT_OUT_OF_ORDER] == 0);
	}
}

Test(flow_message, what_cannot_be_sent_is_told)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct flow f = row("10.0.0.1", "10.0.0.2", 0x0800, 6);
	struct wire w = { .all = all, .err = -EPIPE };
	struct flow_message m;

	flow_message_init(&m, false, 0, NOW_US, give, &w);
	cr_expect(flow_message_add(&m, &f, 1, NOW_US) == -EPIPE);
	w.err = 0;
	flow_message_restart(&m);
	cr_assert(flow_message_add(&m, &f, 1, NOW_US) == 0 && flow_message_flush(&m, NOW_US) == 0);
	cr_expect(w.source->rows_len == 1, "with templates again");
}

Test(sink, addresses)
{
	static const struct {
		const char *url;
		bool is_good;
	} cases[] = {
		{ "ipfix://10.0.0.1:4739", true },
		{ "ipfix+tcp://[2001:db8::1]:4739", true },
		{ "netflow9://collector:2055?rate=1000&domain=7&all=1", true },
		{ "ipfix://10.0.0.1", false },
		{ "ipfix://:4739", false },
		{ "ipfix://10.0.0.1:0", false },
		{ "ipfix://10.0.0.1:70000", false },
		{ "ipfix://10.0.0.1:4739x", false },
		{ "kafka://10.0.0.1:9092", false },
		{ "ipfix://10.0.0.1:4739?options=1", true },
		{ "ipfix+tls://10.0.0.1:4739", true },
		{ "ipfix+tls://10.0.0.1:4739?cert=/x", false },
		{ "ipfix+tls://10.0.0.1:4739?ca=/none-such", false },
		{ "ipfix://10.0.0.1:4739?rate", false },
		{ "ipfix://10.0.0.1:4739?rate=0", false },
		{ "ipfix://10.0.0.1:4739?speed=1", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sink *s = NULL;
		const char *why = NULL;
		int err = sink_new(&sink_kinds_all, cases[i].url, &s, &why);

		cr_expect((err == 0) == cases[i].is_good, "'%s': %d", cases[i].url, err);
		cr_expect(cases[i].is_good || (why && *why), "'%s' says why", cases[i].url);
		sink_stop(s);
	}
}
