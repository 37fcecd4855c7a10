// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "tests/user/exporters/message.h"

#define VARIABLE 65535

static void ipfix(struct message_text *m, uint32_t sequence, uint32_t domain)
{
	m->len = 0;
	PUT16(m, 10, 0);
	put32(m, NOW_S);
	put32(m, sequence);
	put32(m, domain);
}

static void end_ipfix(struct message_text *m)
{
	fill_length(m, 2, 0);
}

static void netflow9(struct message_text *m, uint32_t sequence)
{
	m->len = 0;
	PUT16(m, 9, 1);
	put32(m, 100000);
	put32(m, NOW_S);
	put32(m, sequence);
	put32(m, 17);
}

/* Source, destination, octets in 4 bytes, packets in 2, protocol, start and end in ms. */
static void plain_template(struct message_text *m, unsigned int set_id, unsigned int id)
{
	size_t set = begin_set(m, set_id);

	PUT16(m, (int)id, 7, 8, 4, 12, 4, 1, 4, 2, 2, 4, 1, 152, 8, 153, 8);
	end_set(m, set);
}

static void plain_record(struct message_text *m, uint32_t packets)
{
	put32(m, 0x0a000001);
	put32(m, 0x0a000002);
	put32(m, packets * 100);
	put16(m, packets);
	put(m, 17, 1);
	put(m, NOW_US / 1000 - 2000, 8);
	put(m, NOW_US / 1000 - 1000, 8);
}

static void plain_data(struct message_text *m, unsigned int id, int records)
{
	size_t set = begin_set(m, id);

	for (int i = 0; i < records; i++)
		plain_record(m, 5);
	end_set(m, set);
}

Test(ipfix, records_are_read_by_their_template)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m;
	struct flow_source *s;

	ipfix(&m, 0, 9);
	plain_template(&m, 2, 256);
	plain_data(&m, 256, 2);
	end_ipfix(&m);
	s = give(all, &m);
	cr_assert(s->rows_len == 2);
	cr_expect_str_eq(text_of(s->rows[1].dst), "10.0.0.2");
	cr_expect(s->rows[1].packets == 5 && s->rows[1].l3_octets == 500 && s->rows[1].proto == 17);
	cr_expect(s->rows[1].start_us == NOW_US - 2000000 && s->rows[1].end_us == NOW_US - 1000000);
	cr_expect(s->key.domain == 9);
	expect_balance(s);
}

Test(ipfix, a_template_serves_later_datagrams_of_its_session_and_domain_alone)
{
	static const struct {
		const char *name;
		uint32_t domain;
		uint16_t port;
		int64_t after_us;
		size_t rows;
		int refused;
	} cases[] = {
		{ "the same", 9, 4000, 0, 1, 0 },
		{ "another domain", 8, 4000, 0, 0, 1 },
		{ "another session", 9, 4001, 0, 0, 1 },
		{ "its life is over", 9, 4000, TEMPLATE_LIFE_US + 1, 0, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
		struct message_text m;
		struct flow_source *s;

		ipfix(&m, 0, 9);
		plain_template(&m, 2, 256);
		end_ipfix(&m);
		give(all, &m);
		ipfix(&m, 0, cases[i].domain);
		plain_data(&m, 256, 1);
		end_ipfix(&m);
		cr_assert(give_at(all, &m, m.len, "192.0.2.1", cases[i].port,
				  NOW_US + cases[i].after_us, &s) == 0);
		cr_expect(s->rows_len == cases[i].rows, "%s", cases[i].name);
		cr_expect((int)s->refused[REFUSAL_NO_TEMPLATE] == cases[i].refused, "%s",
			  cases[i].name);
	}
}

Test(ipfix, unknown_enterprise_and_variable_fields_are_skipped)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m;
	struct flow_source *s;
	size_t set;

	ipfix(&m, 0, 1);
	set = begin_set(&m, 2);
	PUT16(&m, 300, 6, 8, 4);
	put16(&m, 0x8000 | 77); /* of enterprise 29305 it would be reverse, of this it is nothing */
	put16(&m, VARIABLE);
	put32(&m, 9999);
	PUT16(&m, 460, VARIABLE, 12, 4, 2, 8, 1, 8);
	end_set(&m, set);
	set = begin_set(&m, 300);
	put32(&m, 0x0a000001);
	put(&m, 3, 1);
	put_bytes(&m, "abc", 3);
	put(&m, 255, 1); /* the long form */
	put16(&m, 4);
	put_bytes(&m, "/url", 4);
	put32(&m, 0x0a000002);
	put(&m, 1, 8);
	put(&m, 60, 8);
	put16(&m, 0); /* padding, shorter than a record */
	end_set(&m, set);
	end_ipfix(&m);
	s = give(all, &m);
	cr_assert(s->rows_len == 1);
	cr_expect_str_eq(text_of(s->rows[0].dst), "10.0.0.2");
	cr_expect(s->rows[0].packets == 1 && s->rows[0].l3_octets == 60);
	cr_expect(s->rows[0].start_us == NOW_US, "no time of its own: when it was sent");
	expect_balance(s);
}

Test(ipfix, the_way_back_is_a_row_of_its_own)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m;
	struct flow_source *s;
	size_t set;

	ipfix(&m, 0, 1);
	set = begin_set(&m, 2);
	PUT16(&m, 256, 11, 27, 16, 28, 16, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 10, 4, 14, 4);
	for (int i = 1; i <= 2; i++) {
		PUT16(&m, 0x8000 | i, 4);
		put32(&m, ELEMENT_PEN_REVERSE);
	}
	end_set(&m, set);
	set = begin_set(&m, 256);
	for (int i = 1; i <= 2; i++) {
		put(&m, 0x20010db800000000, 8);
		put(&m, (uint64_t)i, 8);
	}
	PUT16(&m, 5000, 443);
	put(&m, 6, 1);
	put32(&m, 700);
	put32(&m, 7);
	put32(&m, 1);
	put32(&m, 2);
	put32(&m, 900);
	put32(&m, 9);
	end_set(&m, set);
	end_ipfix(&m);
	s = give(all, &m);
	cr_assert(s->rows_len == 2);
	cr_expect_str_eq(text_of(s->rows[0].src), "2001:db8::1");
	cr_expect_str_eq(text_of(s->rows[1].src), "2001:db8::2");
	cr_expect(s->rows[0].ethertype == 0x86dd);
	cr_expect(s->rows[0].packets == 7 && s->rows[1].packets == 9);
	cr_expect(s->rows[1].l3_octets == 900 && s->rows[1].src_port == 443);
	cr_expect(s->rows[1].ifindex == 2 && s->rows[1].peer_ifindex == 1);
	expect_balance(s);
}

Test(ipfix, templates_can_be_withdrawn_and_changed)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m;
	struct flow_source *s;
	size_t set;

	ipfix(&m, 0, 1);
	plain_template(&m, 2, 256);
	set = begin_set(&m, 2);
	PUT16(&m, 256, 0);
	end_set(&m, set);
	plain_data(&m, 256, 1);
	end_ipfix(&m);
	s = give(all, &m);
	cr_expect(s->rows_len == 0 && s->refused[REFUSAL_NO_TEMPLATE] == 1);
	ipfix(&m, 0, 1);
	set = begin_set(&m, 2);
	PUT16(&m, 256, 3, 8, 4, 12, 4, 2, 1);
	end_set(&m, set);
	set = begin_set(&m, 256);
	put32(&m, 1);
	put32(&m, 2);
	put(&m, 3, 1);
	end_set(&m, set);
	end_ipfix(&m);
	s = give(all, &m);
	cr_expect(s->rows_len == 1 && s->rows[0].packets == 3);
	expect_balance(s);
}

Test(ipfix, sequence_counts_records)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m;
	struct flow_source *s;

	ipfix(&m, 10, 1);
	plain_template(&m, 2, 256);
	plain_data(&m, 256, 3);
	end_ipfix(&m);
	give(all, &m);
	ipfix(&m, 18, 1); /* 13 was next */
	plain_data(&m, 256, 1);
	end_ipfix(&m);
	s = give(all, &m);
	cr_expect(s->counts[EXPORT_MISSING_RECORDS] == 5);
	ipfix(&m, 19, 1);
	plain_data(&m, 999, 1); /* of how many records nobody knows */
	end_ipfix(&m);
	give(all, &m);
	ipfix(&m, 25, 1);
	plain_data(&m, 256, 1);
	end_ipfix(&m);
	s = give(all, &m);
	cr_expect(s->counts[EXPORT_MISSING_RECORDS] == 5, "not told by what is uncertain");
	expect_balance(s);
}

Test(ipfix, moments_come_in_many_units)
{
	static const struct {
		const char *name;
		int start, end, bytes;
		uint64_t start_value, end_value;
		int64_t start_us, end_us;
	} cases[] = {
		{ "seconds", 150, 151, 4, NOW_S - 9, NOW_S - 3, NOW_US - 9000000,
		  NOW_US - 3000000 },
		{ "NTP fractions", 154, 155, 8, (NOW_S + UINT64_C(2208988800)) << 32 | 0x80000000,
		  (NOW_S + UINT64_C(2208988801)) << 32, NOW_US + 500000, NOW_US + 1000000 },
		{ "µs before the message", 158, 159, 4, 7000, 2000, NOW_US - 7000, NOW_US - 2000 },
		{ "end before start", 152, 153, 8, NOW_US / 1000, 5, NOW_US, NOW_US },
		{ "beyond all time", 152, 153, 8, UINT64_MAX, UINT64_MAX, NOW_US, NOW_US },
		{ "uptime without a start", 22, 21, 4, 5, 6, NOW_US, NOW_US },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
		struct message_text m;
		struct flow_source *s;
		size_t set;

		ipfix(&m, 0, 1);
		set = begin_set(&m, 2);
		PUT16(&m, 256, 4, 8, 4, 2, 1, cases[i].start, cases[i].bytes, cases[i].end,
		      cases[i].bytes);
		end_set(&m, set);
		set = begin_set(&m, 256);
		put32(&m, 1);
		put(&m, 1, 1);
		put(&m, cases[i].start_value, (size_t)cases[i].bytes);
		put(&m, cases[i].end_value, (size_t)cases[i].bytes);
		end_set(&m, set);
		end_ipfix(&m);
		s = give(all, &m);
		cr_assert(s->rows_len == 1, "%s", cases[i].name);
		cr_expect(s->rows[0].start_us == cases[i].start_us, "%s: start %lld", cases[i].name,
			  (long long)s->rows[0].start_us);
		cr_expect(s->rows[0].end_us == cases[i].end_us, "%s: end %lld", cases[i].name,
			  (long long)s->rows[0].end_us);
	}
}

/* A sampler's rate, an interface's name, when the exporter was started. */
Test(ipfix, options_say_of_sampling_interfaces_and_start)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m;
	struct flow_source *s;
	size_t set;

	ipfix(&m, 0, 1);
	set = begin_set(&m, 3);
	PUT16(&m, 400, 6, 1, 302, 2, 305, 4, 306, 4, 10, 4, 82, 8, 160, 8);
	end_set(&m, set);
	set = begin_set(&m, 400);
	put16(&m, 7);
	put32(&m, 1);
	put32(&m, 99);
	put32(&m, 12);
	put_bytes(&m, "ge-0/\x01\0\0", 8);
	put(&m, NOW_US / 1000 - 60000, 8);
	end_set(&m, set);
	set = begin_set(&m, 2);
	PUT16(&m, 256, 4, 8, 4, 2, 1, 302, 2, 22, 4);
	end_set(&m, set);
	set = begin_set(&m, 256);
	put32(&m, 1);
	put(&m, 1, 1);
	put16(&m, 7);
	put32(&m, 50000);
	end_set(&m, set);
	end_ipfix(&m);
	s = give(all, &m);
	cr_assert(s->rows_len == 1 && s->counts[EXPORT_OPTIONS] == 1);
	cr_expect(s->rows[0].sampling == 100, "1 of %u", s->rows[0].sampling);
	cr_expect(s->rows[0].start_us == NOW_US - 10000000);
	cr_assert(s->interfaces_len == 1 && s->interfaces_are_new);
	cr_expect(s->interfaces[0].index == 12);
	cr_expect_str_eq(s->interfaces[0].name, "ge-0/?");
	expect_balance(s);
}

Test(ipfix, what_a_router_reports_where_it_left_counts_once)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	static const struct {
		int direction;
		uint32_t in, out;
		bool is_counted;
	} rows[] = {
		{ 1, 3, 4, true }, /* what comes in at 3 is not known to be reported */
		{ 0, 3, 4, true }, { 1, 3, 4, false }, { 1, 5, 4, true },
		{ 1, 3, 3, true }, /* both directions of one interface, softflowd and the like */
		{ 1, 0, 3, true },
	};
	struct message_text m;
	struct flow_source *s;
	size_t set;

	ipfix(&m, 0, 1);
	set = begin_set(&m, 2);
	PUT16(&m, 256, 5, 8, 4, 2, 1, 61, 1, 10, 4, 14, 4);
	end_set(&m, set);
	set = begin_set(&m, 256);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put32(&m, 1);
		put(&m, 1, 1);
		put(&m, (uint64_t)rows[i].direction, 1);
		put32(&m, rows[i].in);
		put32(&m, rows[i].out);
	}
	end_set(&m, set);
	end_ipfix(&m);
	s = give(all, &m);
	cr_assert(s->rows_len == ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect(!!(s->rows[i].flags & FLOW_COUNTED) == rows[i].is_counted, "row %zu", i);
	cr_expect(s->rows[2].flags & FLOW_EGRESS && s->rows[2].ifindex == 4);
}

Test(ipfix, malformed_messages_have_reasons)
{
	static const struct {
		const char *name;
		int set_id, words[8];
		size_t words_len;
		enum refusal why;
	} cases[] = {
		{ "template id below 256", 2, { 255, 1, 8, 4 }, 4, REFUSAL_TEMPLATE },
		{ "template of no bytes", 2, { 256, 1, 8, 0 }, 4, REFUSAL_TEMPLATE },
		{ "template cut off", 2, { 256, 2, 8, 4 }, 4, REFUSAL_TEMPLATE },
		{ "more fields than may be", 2, { 256, 257, 8, 4 }, 4, REFUSAL_TEMPLATE },
		{ "options without a scope", 3, { 256, 1, 0, 8, 4 }, 5, REFUSAL_TEMPLATE },
		{ "more scopes than fields", 3, { 256, 1, 2, 8, 4 }, 5, REFUSAL_TEMPLATE },
		{ "records nobody described", 256, { 1, 2 }, 2, REFUSAL_NO_TEMPLATE },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
		struct message_text m;
		struct flow_source *s;
		size_t set;

		ipfix(&m, 0, 1);
		set = begin_set(&m, (unsigned int)cases[i].set_id);
		for (size_t k = 0; k < cases[i].words_len; k++)
			put16(&m, (unsigned int)cases[i].words[k]);
		end_set(&m, set);
		end_ipfix(&m);
		s = give(all, &m);
		cr_expect(s->refused[cases[i].why] == 1, "%s", cases[i].name);
		expect_balance(s);
	}
}

Test(ipfix, cut_off_or_changed_anywhere_it_balances)
{
	struct message_text m;

	ipfix(&m, 0, 1);
	plain_template(&m, 2, 256);
	plain_data(&m, 256, 3);
	end_ipfix(&m);
	for (size_t i = 0; i < m.len * 2; i++) {
		AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
		struct message_text changed = m;
		struct flow_source *s = NULL;

		if (i >= m.len)
			changed.bytes[i - m.len] ^= 0xff;
		if (!give_at(all, &changed, i < m.len ? i : m.len, "192.0.2.1", 1, NOW_US, &s))
			expect_balance(s);
	}
}

Test(netflow9, templates_options_and_records)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m;
	struct flow_source *s;
	size_t set;

	netflow9(&m, 5);
	set = begin_set(&m, 0);
	PUT16(&m, 260, 7, 8, 4, 12, 4, 1, 4, 2, 4, 4, 1, 22, 4, 21, 4);
	end_set(&m, set);
	set = begin_set(&m, 1);
	PUT16(&m, 261, 4, 8, 1, 4, 34, 4, 35, 1); /* lengths in bytes; scope: system */
	put16(&m, 0);
	end_set(&m, set);
	set = begin_set(&m, 261);
	put32(&m, 0);
	put32(&m, 64);
	put(&m, 1, 1);
	put(&m, 0, 3);
	end_set(&m, set);
	set = begin_set(&m, 260);
	put32(&m, 0x0a000001);
	put32(&m, 0x0a000002);
	put32(&m, 1500);
	put32(&m, 1);
	put(&m, 47, 1);
	put32(&m, 99000);
	put32(&m, 99500);
	end_set(&m, set);
	s = give(all, &m);
	cr_assert(s->rows_len == 1);
	cr_expect(s->key.domain == 17 && s->rows[0].proto == 47 && s->rows[0].sampling == 64);
	cr_expect(s->rows[0].start_us == NOW_US - 1000000 && s->rows[0].end_us == NOW_US - 500000);
	netflow9(&m, 8);
	s = give(all, &m);
	cr_expect(s->counts[EXPORT_MISSING_DATAGRAMS] == 2);
	expect_balance(s);
}

Test(datagram, what_speaks_no_protocol_of_ours_is_nobodys)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m = { .len = 0 };
	struct flow_source *s;

	PUT16(&m, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
	cr_expect(give_at(all, &m, m.len, "192.0.2.1", 1, NOW_US, &s) == -EPROTONOSUPPORT);
	cr_expect(give_at(all, &m, 0, "192.0.2.1", 1, NOW_US, &s) == -EPROTONOSUPPORT);
	cr_expect(give_at(all, &m, 1, "192.0.2.1", 1, NOW_US, &s) == -EPROTONOSUPPORT);
	cr_expect(flow_sources_len(all) == 0);
}

Test(datagram, those_that_are_silent_make_room)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m;
	struct flow_source *s;

	for (uint32_t i = 0; i < FLOW_SOURCES_MAX; i++) {
		ipfix(&m, 0, i);
		end_ipfix(&m);
		flow_source_clear(give(all, &m));
	}
	ipfix(&m, 0, FLOW_SOURCES_MAX);
	end_ipfix(&m);
	cr_expect(give_at(all, &m, m.len, "192.0.2.1", 4000, NOW_US, &s) == -ENOSPC && !s);
	cr_expect(give_at(all, &m, m.len, "192.0.2.1", 4000, NOW_US + FLOW_SOURCE_IDLE_US + 1,
			  &s) == 0);
	cr_expect(s && flow_sources_len(all) == FLOW_SOURCES_MAX);
}
