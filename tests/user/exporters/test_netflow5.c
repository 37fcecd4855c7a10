// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "tests/user/exporters/message.h"

#define UPTIME_MS 100000

static void header(struct message_text *m, unsigned int count, uint32_t sequence,
		   unsigned int sampling)
{
	PUT16(m, 5, (int)count);
	put32(m, UPTIME_MS);
	put32(m, NOW_S);
	put32(m, 500000000);
	put32(m, sequence);
	PUT16(m, 0x0102, (int)sampling);
}

static void record(struct message_text *m, unsigned int proto, unsigned int dst_port,
		   uint32_t packets)
{
	put32(m, 0x0a000001);
	put32(m, 0x0a000002);
	put32(m, 0);
	PUT16(m, 3, 4);
	put32(m, packets);
	put32(m, packets * 100);
	put32(m, UPTIME_MS - 5000);
	put32(m, UPTIME_MS - 1000);
	PUT16(m, proto == 1 ? 0 : 1234, (int)dst_port);
	put(m, 0, 1);
	put(m, 0x1b, 1);
	put(m, proto, 1);
	put(m, 0xb8, 1);
	PUT16(m, 65001, 65002);
	put32(m, 0);
}

Test(netflow5, a_record_has_all_its_fields)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m = { .len = 0 };
	struct flow_source *s;
	const struct flow *f;

	header(&m, 1, 7, 0x4000 | 100);
	record(&m, 6, 443, 10);
	s = give(all, &m);
	cr_assert(s->rows_len == 1);
	f = s->rows;
	cr_expect_str_eq(text_of(f->src), "10.0.0.1");
	cr_expect_str_eq(text_of(f->dst), "10.0.0.2");
	cr_expect(f->src_port == 1234 && f->dst_port == 443 && f->proto == 6);
	cr_expect(f->ethertype == 0x0800 && f->tcp_flags == 0x1b && f->dscp == 46);
	cr_expect(f->ifindex == 3 && f->peer_ifindex == 4);
	cr_expect(f->src_as == 65001 && f->dst_as == 65002);
	cr_expect(f->packets == 10 && f->l3_octets == 1000 && f->l2_octets == 1000);
	cr_expect(f->sampling == 100, "1 of %u", f->sampling);
	cr_expect(f->start_us == NOW_US + 500000 - 5000000);
	cr_expect(f->end_us == NOW_US + 500000 - 1000000);
	cr_expect(f->flags == FLOW_COUNTED);
	cr_expect(s->key.domain == 0x0102 && s->key.protocol == EXPORT_NETFLOW5);
	expect_balance(s);
}

Test(netflow5, type_and_code_of_icmp_stand_in_the_destination_port)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m = { .len = 0 };
	struct flow_source *s;

	header(&m, 1, 0, 0);
	record(&m, 1, 0x0301, 1);
	s = give(all, &m);
	cr_assert(s->rows_len == 1);
	cr_expect(s->rows[0].src_port == 3 && s->rows[0].dst_port == 1);
	cr_expect(s->rows[0].sampling == 1);
}

Test(netflow5, missing_and_late_records_are_counted)
{
	static const struct {
		const char *name;
		uint32_t sequence;
		uint64_t missing, late, restarts;
	} steps[] = {
		{ "first", 100, 0, 0, 0 },	  { "next", 101, 0, 0, 0 },
		{ "gap of 3", 105, 3, 0, 0 },	  { "one of them, late", 103, 2, 1, 0 },
		{ "next", 106, 2, 1, 0 },	  { "began again", 4000000000u, 2, 1, 1 },
		{ "next", 4000000001u, 2, 1, 1 },
	};
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct message_text m = { .len = 0 };
		struct flow_source *s;

		header(&m, 1, steps[i].sequence, 0);
		record(&m, 6, 443, 1);
		s = give(all, &m);
		cr_expect(s->counts[EXPORT_MISSING_RECORDS] == steps[i].missing, "%s: %d missing",
			  steps[i].name, (int)s->counts[EXPORT_MISSING_RECORDS]);
		cr_expect(s->counts[EXPORT_OUT_OF_ORDER] == steps[i].late, "%s", steps[i].name);
		cr_expect(s->counts[EXPORT_RESTARTS] == steps[i].restarts, "%s", steps[i].name);
	}
}

Test(netflow5, cut_off_anywhere_it_balances)
{
	struct message_text m = { .len = 0 };

	header(&m, 3, 0, 0);
	for (int i = 0; i < 3; i++)
		record(&m, 17, 53, 1);
	for (size_t len = 0; len <= m.len; len++) {
		AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
		struct flow_source *s = NULL;
		int err = give_at(all, &m, len, "192.0.2.1", 1, NOW_US, &s);

		cr_expect(len < 24 ? err == -EPROTONOSUPPORT : err == 0, "%zu bytes: %d", len, err);
		if (err)
			continue;
		expect_balance(s);
		cr_expect(s->counts[EXPORT_SEEN] == 3, "%zu bytes", len);
		cr_expect(s->rows_len == (len - 24) / 48);
	}
}

Test(netflow5, an_event_without_packets_is_no_flow)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct message_text m = { .len = 0 };
	struct flow_source *s;

	header(&m, 1, 0, 0);
	record(&m, 6, 443, 0);
	s = give(all, &m);
	cr_expect(s->rows_len == 0 && s->refused[REFUSAL_NO_PACKETS] == 1);
	expect_balance(s);
}
