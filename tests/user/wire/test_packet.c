// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* packet.h, and with it kern/parse.bpf.h: a table of packets, good and bad. */
#include "user/wire/packet.h"

#include <criterion/criterion.h>
#include <string.h>

#include "kern/abi.h"
#include "kern/parse.bpf.h"
#include "kern/refusal.h"
#include "tests/user/wire/packet_bytes.h"

#define NONE WT_REFUSED_NONE
#define VLAN(id) (WT_VLAN_PRESENT | (id))
#define TUNNEL(kind) (WT_TUNNEL_##kind << WT_MARK_TUNNEL_SHIFT)

struct row {
	const char *name;
	uint8_t bytes[320];
	size_t len; /* 0: as many as there are up to `total` */
	int want; /* enum wt_refusal */
	enum packet_link link;
	uint16_t ethertype, src_port, dst_port, vlan_outer, vlan_inner, tcp_flags;
	uint8_t proto, mark, dscp, ttl;
	uint32_t tunnel_id, l3; /* 0: not looked at */
	/* the packet inside; inner_want is looked at with has_inner */
	bool has_inner;
	int inner_want;
	uint16_t inner_ethertype, inner_src_port, inner_dst_port, inner_vlan;
	uint8_t inner_proto;
	uint32_t inner_l2;
};

#define BYTES(...) .bytes = { __VA_ARGS__ }, .len = sizeof((uint8_t[]){ __VA_ARGS__ })
#define CUT(n, ...) .bytes = { __VA_ARGS__ }, .len = sizeof((uint8_t[]){ __VA_ARGS__ }) - (n)

static const struct row rows[] = {
#include "tests/user/wire/packet_good.h"
#include "tests/user/wire/packet_bad.h"
#include "tests/user/wire/packet_tunnels.h"
};

static const uint8_t v4_src[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 };
static const uint8_t v4_dst[16] = { [10] = 0xff, 0xff, 10, 0, 0, 2 };
static const uint8_t v6_src[16] = { 0xfd, [15] = 1 };
static const uint8_t v6_dst[16] = { 0xfd, [15] = 2 };
static const uint8_t nobody[16];

static void expect_addresses(const struct row *row, const struct flow *flow)
{
	bool v4 = flow->ethertype == 0x0800, v6 = flow->ethertype == 0x86dd;

	cr_expect_arr_eq(flow->src, v4 ? v4_src : v6 ? v6_src : nobody, 16, "%s: src", row->name);
	cr_expect_arr_eq(flow->dst, v4 ? v4_dst : v6 ? v6_dst : nobody, 16, "%s: dst", row->name);
}

#define SAME(got, wanted)                                                        \
	cr_expect_eq(got, wanted, "%s: " #got " is %#llx, not %#llx", row->name, \
		     (unsigned long long)(got), (unsigned long long)(wanted))

static void expect_row(const struct row *row, const struct packet_parsed *p)
{
	SAME(p->outer.ethertype, row->ethertype);
	SAME(p->outer.src_port, row->src_port);
	SAME(p->outer.dst_port, row->dst_port);
	SAME(p->outer.vlan_outer, row->vlan_outer);
	SAME(p->outer.vlan_inner, row->vlan_inner);
	SAME(p->outer.proto, row->proto);
	SAME(p->outer.flags, row->mark | FLOW_COUNTED);
	SAME(p->outer.tunnel_id, row->tunnel_id);
	SAME(p->outer.tcp_flags, row->tcp_flags);
	if (row->dscp)
		SAME(p->outer.dscp, row->dscp);
	if (row->ttl)
		SAME(p->outer.ttl_min, row->ttl);
	if (row->l3)
		SAME(p->outer.l3_octets, row->l3);
	expect_addresses(row, &p->outer);
}

static void expect_inner(const struct row *row, const struct packet_parsed *p)
{
	SAME(p->inner_refusal, row->inner_want);
	SAME(p->inner.l2_octets, row->inner_l2);
	if (p->inner_refusal || row->inner_want)
		return;
	SAME(p->inner.ethertype, row->inner_ethertype);
	SAME(p->inner.src_port, row->inner_src_port);
	SAME(p->inner.dst_port, row->inner_dst_port);
	SAME(p->inner.vlan_outer, row->inner_vlan);
	SAME(p->inner.proto, row->inner_proto);
	SAME(p->inner.flags & WT_MARK_INNER, WT_MARK_INNER);
	SAME(p->inner.flags & FLOW_COUNTED, 0);
	SAME(p->inner.flags & WT_MARK_TUNNEL_MASK, row->mark & WT_MARK_TUNNEL_MASK);
	SAME(p->inner.tunnel_id, row->tunnel_id);
	expect_addresses(row, &p->inner);
}

static void parse_row(const struct row *row, struct packet_parsed *ret)
{
	uint8_t *exact = malloc(row->len + 1); /* so that ASan sees a byte too many */
	struct packet packet = { .bytes = exact,
				 .captured = row->len,
				 .wire_bytes = row->len,
				 .link = row->link,
				 .cooked_bytes = 4,
				 .cooked_type = 0x0800 };

	memcpy(exact, row->bytes, row->len);
	packet_parse(&packet, true, ret);
	free(exact);
}

Test(packet, table)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct packet_parsed p;

		parse_row(row, &p);
		cr_expect_eq(p.refusal, row->want, "%s: '%s', not '%s'", row->name,
			     packet_refusal_name(p.refusal), packet_refusal_name(row->want));
		SAME(p.outer.packets, 1);
		SAME(p.outer.l2_octets, row->len);
		SAME(p.has_inner, row->has_inner);
		if (p.refusal || row->want)
			continue;
		expect_row(row, &p);
		if (p.has_inner)
			expect_inner(row, &p);
	}
}

/*
 * Cut anywhere, a packet is a row or a refusal, and never the row of another flow: addresses and
 * ports are either as in the whole packet or refused. Exact allocations let ASan watch the rest.
 */
Test(packet, cut_anywhere)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct row row = rows[i];
		struct packet_parsed whole, part;

		parse_row(&row, &whole);
		if (whole.refusal)
			continue;
		for (; row.len > 0; row.len--) {
			parse_row(&row, &part);
			if (part.refusal || whole.outer.flags != part.outer.flags)
				continue;
			cr_expect_arr_eq(whole.outer.src, part.outer.src, 16, "%s at %zu", row.name,
					 row.len);
			cr_expect_eq(whole.outer.dst_port, part.outer.dst_port, "%s at %zu",
				     row.name, row.len);
		}
	}
}

/* The BPF programs parse a copy when headers are not linear: it must say the same. */
Test(packet, copied_is_direct)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		uint8_t copy[WT_COPY_BYTES] = { 0 };
		uint32_t len = row->len < sizeof(copy) ? row->len : sizeof(copy);
		struct wt_view direct = { .data = (void *)row->bytes,
					  .data_end = (void *)(row->bytes + row->len) };
		struct wt_view copied = { .data = copy, .copy_len = len };
		struct wt_pkt a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
		uint32_t link = row->link == PACKET_RAW_IP ? WT_LINK_RAW_IP : WT_LINK_ETHERNET;
		int refusal;

		memcpy(copy, row->bytes, len);
		refusal = wt_parse(&direct, link, false, &a);
		cr_expect_eq(refusal, wt_parse(&copied, link, true, &b), "%s", row->name);
		if (refusal)
			continue;
		cr_expect_arr_eq(&a, &b, sizeof(a), "%s", row->name);
		refusal = wt_parse_inner(&direct, false, &a, &c);
		cr_expect_eq(refusal, wt_parse_inner(&copied, true, &b, &d), "%s: inner",
			     row->name);
		if (!refusal)
			cr_expect_arr_eq(&c, &d, sizeof(c), "%s: inner", row->name);
	}
}

/* The fast path is an optimisation: the long way gives the same result. */
Test(packet, fast_is_slow)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct wt_view v = { .data = (void *)row->bytes,
				     .data_end = (void *)(row->bytes + row->len) };
		struct wt_pkt fast = { 0 }, slow = { 0 };
		struct wt_cursor c = { 0 };

		if (row->link != PACKET_ETHERNET || !wt_parse_fast(&v, &fast))
			continue;
		cr_expect_eq(wt_parse_ethernet(&v, false, &c, &slow), 0, "%s", row->name);
		cr_expect_eq(wt_parse_network(&v, false, false, &c, &slow), 0, "%s", row->name);
		cr_expect_arr_eq(&fast, &slow, sizeof(fast), "%s", row->name);
	}
}

/* A tag that travelled in metadata is the outer one. */
Test(packet, vlan_in_metadata)
{
	static const uint8_t bytes[] = { ETH(0x8100), TAG(7, 0x0800), IP4(6, 20), TCP(0x10) };
	struct wt_view v = { .data = (void *)bytes, .data_end = (void *)(bytes + sizeof(bytes)) };
	struct wt_pkt pkt = { .key.vlan_outer = VLAN(5) };

	cr_assert_eq(wt_parse(&v, WT_LINK_ETHERNET, false, &pkt), 0);
	cr_expect_eq(pkt.key.vlan_outer, VLAN(5));
	cr_expect_eq(pkt.key.vlan_inner, VLAN(7));
}

/* l3_octets: IP's length, unless the frame is shorter or IP says nothing. */
Test(packet, lengths)
{
	static const struct {
		const char *name;
		uint16_t ip_length;
		size_t captured, wire, l3;
	} lengths[] = {
		{ "padded", 40, 60, 60, 40 },
		{ "exact", 46, 60, 60, 46 },
		{ "cut by the capture", 1000, 60, 1014, 1000 },
		{ "lies upwards", 1000, 60, 60, 46 },
		{ "super-packet", 0, 60, 80000, 79986 },
		{ "wire shorter than captured", 46, 60, 10, 0 },
	};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t bytes[60] = { ETH(0x0800), IP4X(0x45, 0, 0, 6), TCP(2) };
		struct packet packet = { .bytes = bytes,
					 .captured = lengths[i].captured,
					 .wire_bytes = lengths[i].wire };
		struct packet_parsed p;

		bytes[16] = lengths[i].ip_length >> 8;
		bytes[17] = lengths[i].ip_length & 0xff;
		packet_parse(&packet, false, &p);
		cr_expect_eq(p.refusal, 0, "%s", lengths[i].name);
		cr_expect_eq(p.outer.l2_octets, lengths[i].wire, "%s", lengths[i].name);
		cr_expect_eq(p.outer.l3_octets, lengths[i].l3, "%s: %lu", lengths[i].name,
			     (unsigned long)p.outer.l3_octets);
	}
}

Test(packet, every_refusal_has_a_name_and_a_row)
{
	for (int refusal = 1; refusal < WT_REFUSALS; refusal++) {
		bool is_tested = refusal == WT_UNREADABLE; /* only hooks have helpers that fail */

		cr_expect_str_neq(packet_refusal_name(refusal), "unknown", "%d", refusal);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			is_tested |= rows[i].want == refusal;
		cr_expect(is_tested, "no packet is refused as '%s'", packet_refusal_name(refusal));
	}
	cr_expect_str_eq(wt_refusal_name(WT_REFUSALS), "unknown");
}
