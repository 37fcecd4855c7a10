// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Every packet of the parser's table, good and bad, through the three real programs: what they
 * record is what user space's parser says of the same bytes (which test_packet.c holds to the
 * table), the ledger balances after each, and the packet goes on.
 */
#include "tests/kern/fixture.h"

#include "kern/parse.bpf.h"
#include "tests/user/wire/packet_bytes.h"
#include "user/wire/packet.h"

#define NONE WT_REFUSED_NONE
#define VLAN(id) (WT_VLAN_PRESENT | (id))
#define TUNNEL(kind) (WT_TUNNEL_##kind << WT_MARK_TUNNEL_SHIFT)
#define BYTES(...) .bytes = { __VA_ARGS__ }, .len = sizeof((uint8_t[]){ __VA_ARGS__ })
#define CUT(n, ...) .bytes = { __VA_ARGS__ }, .len = sizeof((uint8_t[]){ __VA_ARGS__ }) - (n)

struct row {
	const char *name;
	uint8_t bytes[320];
	size_t len;
	int want;
	enum packet_link link;
	uint16_t ethertype, src_port, dst_port, vlan_outer, vlan_inner, tcp_flags;
	uint8_t proto, mark, dscp, ttl;
	uint32_t tunnel_id, l3;
	bool has_inner;
	int inner_want;
	uint16_t inner_ethertype, inner_src_port, inner_dst_port, inner_vlan;
	uint8_t inner_proto;
	uint32_t inner_l2;
};

static const struct row rows[] = {
#include "tests/user/wire/packet_bad.h"
#include "tests/user/wire/packet_good.h"
#include "tests/user/wire/packet_tunnels.h"
};

#define SAME(field, got, wanted)                                                             \
	cr_expect_eq(got, wanted, "%s through %s: " field " is %#llx, not %#llx", row->name, \
		     kernel_prog_names[prog], (unsigned long long)(got),                     \
		     (unsigned long long)(wanted))

static void expect_flow(const struct row *row, enum kernel_prog prog, const struct wt_flow *got,
			const struct flow *want)
{
	SAME("src", memcmp(got->key.src, want->src, 16), 0);
	SAME("dst", memcmp(got->key.dst, want->dst, 16), 0);
	SAME("src_port", got->key.src_port, want->src_port);
	SAME("dst_port", got->key.dst_port, want->dst_port);
	SAME("ethertype", got->key.ethertype, want->ethertype);
	SAME("proto", got->key.proto, want->proto);
	SAME("vlan_outer", got->key.vlan_outer, want->vlan_outer);
	SAME("vlan_inner", got->key.vlan_inner, want->vlan_inner);
	SAME("tunnel_id", got->key.tunnel_id, want->tunnel_id);
	SAME("mark", got->key.mark & ~(WT_MARK_EGRESS | WT_MARK_COUNTED),
	     want->flags & ~(FLOW_EGRESS | FLOW_COUNTED));
	SAME("netns", got->key.netns, 77);
	SAME("packets", got->packets, want->packets);
	SAME("l2_bytes", got->l2_bytes, want->l2_octets);
	SAME("l3_bytes", got->l3_bytes, want->l3_octets);
	SAME("tcp_flags", got->tcp_flags, want->tcp_flags);
	SAME("dscp", got->dscp, want->dscp);
	SAME("ttl_min", got->ttl_min, want->ttl_min);
	SAME("ttl_max", got->ttl_max, want->ttl_max);
}

static void expect_point(struct fixture *f, const struct row *row, enum kernel_prog prog,
			 uint32_t point, int refusal, const struct flow *want)
{
	struct wt_ledger ledger = fixture_ledger(f, FIXTURE_SLOT, point);
	struct wt_flow got = { 0 };
	int found = fixture_rows(f, point >= WT_POINT_INNER_INGRESS, &got);

	SAME("seen packets", ledger.seen.packets, want->packets);
	SAME("seen bytes", ledger.seen.l2_bytes, want->l2_octets);
	SAME("rows", found, refusal == 0);
	if (refusal && refusal < WT_REFUSALS)
		SAME("refused", ledger.refused[refusal].packets, want->packets);
	else if (found)
		expect_flow(row, prog, &got, want);
}

static void run_row(struct fixture *f, const struct row *row, enum kernel_prog prog)
{
	struct packet packet = {
		.bytes = row->bytes,
		.captured = row->len,
		.wire_bytes = row->len,
		.link = row->link,
	};
	uint32_t point = prog == PROG_TC_EGRESS ? WT_POINT_EGRESS : WT_POINT_INGRESS;
	struct packet_parsed want;
	int verdict;

	packet_parse(&packet, true, &want);
	fixture_interface(f)->link = row->link == PACKET_RAW_IP ? WT_LINK_RAW_IP : WT_LINK_ETHERNET;
	fixture_clear(f);
	verdict = fixture_run(f, prog, row->bytes, row->len, NULL);
	if (verdict == -EINVAL && row->len < 54)
		return; /* the kernel does not build such packets */
	SAME("verdict", (uint32_t)verdict,
	     prog == PROG_XDP ? (uint32_t)XDP_PASS : (uint32_t)TCX_NEXT);
	expect_point(f, row, prog, point, want.refusal, &want.outer);
	if (!want.refusal && want.has_inner)
		expect_point(f, row, prog, point + 2, want.inner_refusal, &want.inner);
}

static void run_table(enum kernel_prog prog)
{
	struct fixture f = fixture_load(true, GEOMETRY_BUDGET_MIN);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].link == PACKET_ETHERNET || rows[i].link == PACKET_RAW_IP)
			run_row(&f, &rows[i], prog);
	fixture_free(&f);
}

Test(flow_packets, tc_ingress)
{
	run_table(PROG_TC_INGRESS);
}

Test(flow_packets, tc_egress)
{
	run_table(PROG_TC_EGRESS);
}

Test(flow_packets, xdp)
{
	run_table(PROG_XDP);
}
