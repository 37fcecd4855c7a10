// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "tests/user/exporters/message.h"

static void header(struct message_text *m, uint32_t sequence, uint32_t samples)
{
	put32(m, 5);
	put32(m, 1);
	put32(m, 0xc0000209); /* the agent's, not the sender's */
	put32(m, 3); /* sub-agent */
	put32(m, sequence);
	put32(m, 1000);
	put32(m, samples);
}

/* Pieces have a format and a length. */
static size_t begin_piece(struct message_text *m, uint32_t format)
{
	put32(m, format);
	put32(m, 0);
	return m->len;
}

static void end_piece(struct message_text *m, size_t piece)
{
	fill_length(m, piece - 2, piece);
}

static void flow_head(struct message_text *m, uint32_t at, uint32_t rate, uint32_t in, uint32_t out,
		      uint32_t records)
{
	put32(m, 1);
	put32(m, at);
	put32(m, rate);
	put32(m, 1000);
	put32(m, 0);
	put32(m, in);
	put32(m, out);
	put32(m, records);
}

/* Ethernet, IPv4, UDP: 18 bytes of payload, of which the sample has none. */
static void raw_header(struct message_text *m, int ethertype)
{
	size_t piece = begin_piece(m, 1);

	put32(m, 1);
	put32(m, 64); /* with FCS */
	put32(m, 4);
	put32(m, 42);
	put(m, 0x020000000001, 6);
	put(m, 0x020000000002, 6);
	put16(m, (unsigned int)ethertype);
	PUT16(m, 0x4500, 46, 1, 0, 0x4011, 0);
	put32(m, 0x0a000001);
	put32(m, 0x0a000002);
	PUT16(m, 1111, 53, 26, 0);
	put16(m, 0); /* to a multiple of four */
	end_piece(m, piece);
}

static void flow_sample(struct message_text *m, uint32_t at, uint32_t in, uint32_t out)
{
	size_t sample = begin_piece(m, 1);

	flow_head(m, at, 512, in, out, 1);
	raw_header(m, 0x0800);
	end_piece(m, sample);
}

Test(sflow, a_sampled_packet_is_a_row)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m = { .len = 0 };
	struct flow_source *s;
	const struct flow *f;

	header(&m, 1, 1);
	flow_sample(&m, 7, 7, 8);
	s = give(all, &m);
	cr_assert(s->rows_len == 1);
	f = s->rows;
	cr_expect_str_eq(text_of(s->key.address), "192.0.2.9");
	cr_expect(s->key.domain == 3);
	cr_expect_str_eq(text_of(f->src), "10.0.0.1");
	cr_expect(f->src_port == 1111 && f->dst_port == 53 && f->proto == 17);
	cr_expect(f->packets == 1 && f->sampling == 512);
	cr_expect(f->l2_octets == 60, "without FCS: %d", (int)f->l2_octets);
	cr_expect(f->l3_octets == 46);
	cr_expect(f->ifindex == 7 && f->peer_ifindex == 8 && !(f->flags & FLOW_EGRESS));
	cr_expect(f->start_us == NOW_US);
	expect_balance(s);
}

Test(sflow, the_side_that_sampled_is_the_direction)
{
	static const struct {
		const char *name;
		uint32_t at, in, out, ifindex;
		bool is_egress;
	} cases[] = {
		{ "where it came in", 7, 7, 8, 7, false },
		{ "where it went out", 8, 7, 8, 8, true },
		{ "dropped", 7, 7, 0x40000101, 7, false },
		{ "to several", 7, 7, 0x80000002, 7, false },
		{ "of the switch itself", 7, 0x3fffffff, 7, 7, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
		struct message_text m = { .len = 0 };
		struct flow_source *s;

		header(&m, 1, 1);
		flow_sample(&m, cases[i].at, cases[i].in, cases[i].out);
		s = give(all, &m);
		cr_assert(s->rows_len == 1, "%s", cases[i].name);
		cr_expect(s->rows[0].ifindex == cases[i].ifindex, "%s", cases[i].name);
		cr_expect(!!(s->rows[0].flags & FLOW_EGRESS) == cases[i].is_egress, "%s",
			  cases[i].name);
	}
}

Test(sflow, without_a_header_what_the_exporter_read_in_it_serves)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m = { .len = 0 };
	struct flow_source *s;
	size_t sample, piece;

	header(&m, 1, 1);
	sample = begin_piece(&m, 3); /* expanded */
	for (int i = 0; i < 2; i++)
		put32(&m, 0);
	put32(&m, 5);
	put32(&m, 100);
	put32(&m, 0);
	put32(&m, 0);
	for (int i = 0; i < 2; i++) {
		put32(&m, 0);
		put32(&m, 5u + (uint32_t)i);
	}
	put32(&m, 2);
	piece = begin_piece(&m, 1001); /* extended switch: skipped */
	put32(&m, 1);
	end_piece(&m, piece);
	piece = begin_piece(&m, 3);
	put32(&m, 120);
	put32(&m, 6);
	put32(&m, 0x0a000003);
	put32(&m, 0x0a000004);
	put32(&m, 80);
	put32(&m, 50000);
	put32(&m, 0x12);
	put32(&m, 0);
	end_piece(&m, piece);
	end_piece(&m, sample);
	s = give(all, &m);
	cr_assert(s->rows_len == 1);
	cr_expect_str_eq(text_of(s->rows[0].dst), "10.0.0.4");
	cr_expect(s->rows[0].tcp_flags == 0x12 && s->rows[0].l3_octets == 120);
	cr_expect(s->rows[0].ifindex == 5 && s->rows[0].peer_ifindex == 6);
	expect_balance(s);
}

static void counters(struct message_text *m, uint64_t octets, uint32_t unicast)
{
	size_t sample = begin_piece(m, 2), piece;

	put32(m, 1);
	put32(m, 7);
	put32(m, 1);
	piece = begin_piece(m, 1);
	put32(m, 7);
	put32(m, 6);
	put(m, 1000000000, 8);
	put32(m, 1);
	put32(m, 3);
	put(m, octets, 8);
	put32(m, unicast);
	for (int i = 0; i < 5; i++)
		put32(m, 0);
	put(m, 0, 8);
	for (int i = 0; i < 6; i++)
		put32(m, 0);
	end_piece(m, piece);
	end_piece(m, sample);
}

Test(sflow, counters_are_what_was_gained)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m = { .len = 0 };
	struct flow_source *s;

	header(&m, 1, 1);
	counters(&m, 5000, 4294967290u);
	s = give(all, &m);
	cr_expect(s->counters_len == 0, "the first is where it starts");
	m.len = 0;
	header(&m, 2, 1);
	counters(&m, 7500, 4);
	s = give(all, &m);
	cr_assert(s->counters_len > 2);
	cr_expect_str_eq(s->counters[0].name, "interface/7/in_octets");
	cr_expect(s->counters[0].value == 2500 && !s->counters[0].is_gauge);
	cr_expect_str_eq(s->counters[1].name, "interface/7/in_unicast");
	cr_expect(s->counters[1].value == 10, "32 bits wrap: %d", (int)s->counters[1].value);
	expect_balance(s);
}

Test(sflow, a_packet_that_cannot_be_read_has_a_name)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m = { .len = 0 };
	struct flow_source *s;
	size_t sample;

	header(&m, 1, 1);
	sample = begin_piece(&m, 1);
	flow_head(&m, 7, 1, 7, 8, 1);
	raw_header(&m, 0x86dd); /* an IPv4 header is no IPv6 header */
	end_piece(&m, sample);
	s = give(all, &m);
	cr_expect(s->rows_len == 0 && s->refused[REFUSAL_SAMPLE] == 1);
	expect_balance(s);
}

Test(sflow, cut_off_or_changed_anywhere_it_balances)
{
	struct message_text m = { .len = 0 };

	header(&m, 1, 2);
	flow_sample(&m, 7, 7, 8);
	counters(&m, 1, 1);
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
