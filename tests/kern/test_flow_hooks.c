// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Lengths, marks, filters, sampling, unknown interfaces and epochs, on the real programs. */
#include "tests/kern/fixture.h"

#include <time.h>

#include "kern/parse.bpf.h"
#include "tests/user/wire/packet_bytes.h"
#include "user/agent/tick.h"

static const uint8_t tcp4[100] = { ETH(0x0800), IP4(6, 66), TCP(0x10) };
static const uint8_t udp4[100] = { ETH(0x0800), IP4(17, 66), UDP(58) };
static const uint8_t tcp6[100] = { ETH(0x86dd), IP6(6, 46), TCP(0x10) };
static const uint8_t arp[60] = { ETH(0x0806) };
static const uint8_t vxlan_tcp4[200] = { ETH(0x0800), IP4(17, 166), UDPTO(4789, 158), VXLAN(7),
					 ETH(0x0800), IP4(6, 116),  TCP(0x10) };

static const struct length_row {
	const char *name;
	const uint8_t *bytes;
	size_t len;
	uint32_t gso_segs, gso_size;
	uint64_t packets, l2, l3;
} length_rows[] = {
	{ "one packet", tcp4, 100, 0, 0, 1, 100, 86 },
	{ "padding is not IP's", udp4, 100, 0, 0, 1, 100, 86 },
	{ "three segments", tcp4, 100, 3, 16, 3, 100 + 2 * 54, 100 + 2 * 54 - 3 * 14 },
	{ "gso_segs 0, gso_size set", tcp4, 100, 0, 16, 3, 100 + 2 * 54, 100 + 2 * 54 - 3 * 14 },
	{ "gso_size not a divisor", tcp4, 100, 0, 45, 2, 100 + 54, 100 + 54 - 2 * 14 },
	{ "gso_size of the payload", tcp4, 100, 0, 46, 1, 100, 86 },
	{ "ipv6 segments", tcp6, 100, 2, 20, 2, 100 + 74, 100 + 74 - 2 * 14 },
	{ "udp segments", udp4, 100, 2, 30, 2, 100 + 42, 100 + 42 - 2 * 14 },
	{ "tunnel segments repeat inner headers", vxlan_tcp4, 200, 2, 50, 2, 200 + 104,
	  200 + 104 - 2 * 14 },
	{ "arp", arp, 60, 0, 0, 1, 60, 46 },
};

Test(flow_hooks, lengths)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);

	for (size_t i = 0; i < ARRAY_LEN(length_rows); i++) {
		const struct length_row *row = &length_rows[i];
		struct __sk_buff skb = { .ifindex = FIXTURE_IFINDEX,
					 .gso_segs = row->gso_segs,
					 .gso_size = row->gso_size };
		struct wt_flow flow = { 0 };
		struct wt_ledger ledger;

		fixture_clear(&f);
		cr_expect_eq(fixture_run(&f, PROG_TC_INGRESS, row->bytes, row->len, &skb), -1);
		ledger = fixture_ledger(&f, FIXTURE_SLOT, WT_POINT_INGRESS);
		cr_expect_eq(fixture_rows(&f, false, &flow), 1, "%s: no row", row->name);
		cr_expect_eq(flow.packets, row->packets, "%s: %llu packets", row->name,
			     (unsigned long long)flow.packets);
		cr_expect_eq(flow.l2_bytes, row->l2, "%s: l2 %llu", row->name,
			     (unsigned long long)flow.l2_bytes);
		cr_expect_eq(flow.l3_bytes, row->l3, "%s: l3 %llu", row->name,
			     (unsigned long long)flow.l3_bytes);
		cr_expect_eq(ledger.seen.packets, row->packets, "%s: seen", row->name);
		cr_expect_eq(ledger.seen.l2_bytes, row->l2, "%s: seen bytes", row->name);
	}
	fixture_free(&f);
}

/* Ingress on a watched interface counts; egress counts what came in nowhere that we watch. */
static const struct mark_row {
	const char *name;
	enum kernel_prog prog;
	uint32_t ingress_ifindex;
	uint8_t flags;
	bool other_watched;
	uint8_t want;
} mark_rows[] = {
	{ "ingress", PROG_TC_INGRESS, 0, 0, true, WT_MARK_COUNTED },
	{ "xdp", PROG_XDP, 0, 0, true, WT_MARK_COUNTED },
	{ "own egress", PROG_TC_EGRESS, 0, 0, true, WT_MARK_EGRESS | WT_MARK_COUNTED },
	{ "forwarded, seen before", PROG_TC_EGRESS, 42, 0, true, WT_MARK_EGRESS },
	{ "forwarded from elsewhere", PROG_TC_EGRESS, 42, 0, false,
	  WT_MARK_EGRESS | WT_MARK_COUNTED },
	{ "loopback's ingress", PROG_TC_INGRESS, 0, WT_IF_UNCOUNTED_IN, true, 0 },
	{ "egress of an upper device", PROG_TC_EGRESS, 0, WT_IF_UNCOUNTED_OUT, true,
	  WT_MARK_EGRESS },
};

Test(flow_hooks, counted_once)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	struct wt_if *other = &f.tables->interfaces[42];

	other->ifindex = 42;
	other->slot = 6;
	for (size_t i = 0; i < ARRAY_LEN(mark_rows); i++) {
		const struct mark_row *row = &mark_rows[i];
		struct __sk_buff skb = { .ifindex = FIXTURE_IFINDEX,
					 .ingress_ifindex = row->ingress_ifindex };
		struct wt_flow flow = { 0 };

		fixture_clear(&f);
		fixture_interface(&f)->flags = row->flags;
		other->watched = row->other_watched ? WT_WATCH_INGRESS : 0;
		fixture_run(&f, row->prog, tcp4, sizeof(tcp4), &skb);
		cr_expect_eq(fixture_rows(&f, false, &flow), 1, "%s: no row", row->name);
		cr_expect_eq(flow.key.mark, row->want, "%s: mark %#x", row->name, flow.key.mark);
	}
	fixture_free(&f);
}

static void put_cidr(struct fixture *f, uint8_t last, uint32_t bits, __u32 verdict)
{
	struct wt_cidr_key key = { .prefixlen = 32 + bits,
				   .slot = FIXTURE_SLOT,
				   .addr = { [10] = 0xff, 0xff, 10, 0, 0, last } };

	cr_assert_eq(bpf_map_update_elem(f->kernel->maps[MAP_CIDRS], &key, &verdict, BPF_ANY), 0);
}

static const struct filter_row {
	const char *name;
	const uint8_t *bytes;
	size_t len;
	struct {
		uint8_t last, bits;
		uint32_t verdict;
	} lists[2];
	uint8_t flags;
	bool filtered;
} filter_rows[] = {
	{ "no list", tcp4, 100, { { 0 } }, WT_IF_FILTER, false },
	{ "source denied", tcp4, 100, { { 1, 128, WT_CIDR_DENY } }, WT_IF_FILTER, true },
	{ "destination denied", tcp4, 100, { { 2, 128, WT_CIDR_DENY } }, WT_IF_FILTER, true },
	{ "another denied", tcp4, 100, { { 3, 128, WT_CIDR_DENY } }, WT_IF_FILTER, false },
	{ "denied, but no filter on", tcp4, 100, { { 1, 128, WT_CIDR_DENY } }, 0, false },
	{ "the longer prefix wins",
	  tcp4,
	  100,
	  { { 0, 120, WT_CIDR_DENY }, { 0, 126, WT_CIDR_ALLOW } },
	  WT_IF_FILTER,
	  false },
	{ "allowed",
	  tcp4,
	  100,
	  { { 2, 128, WT_CIDR_ALLOW } },
	  WT_IF_FILTER | WT_IF_ALLOWLIST,
	  false },
	{ "not on the list",
	  tcp4,
	  100,
	  { { 3, 128, WT_CIDR_ALLOW } },
	  WT_IF_FILTER | WT_IF_ALLOWLIST,
	  true },
	{ "ipv6, not on the list",
	  tcp6,
	  100,
	  { { 2, 128, WT_CIDR_ALLOW } },
	  WT_IF_FILTER | WT_IF_ALLOWLIST,
	  true },
	{ "arp is on no list",
	  arp,
	  60,
	  { { 2, 128, WT_CIDR_ALLOW } },
	  WT_IF_FILTER | WT_IF_ALLOWLIST,
	  true },
	{ "arp is not denied", arp, 60, { { 2, 128, WT_CIDR_DENY } }, WT_IF_FILTER, false },
};

Test(flow_hooks, filters)
{
	for (size_t i = 0; i < ARRAY_LEN(filter_rows); i++) {
		const struct filter_row *row = &filter_rows[i];
		struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
		struct wt_ledger ledger;
		struct wt_flow flow;

		for (int l = 0; l < 2; l++)
			if (row->lists[l].verdict)
				put_cidr(&f, row->lists[l].last, row->lists[l].bits,
					 row->lists[l].verdict);
		fixture_interface(&f)->flags = row->flags;
		fixture_run(&f, PROG_TC_INGRESS, row->bytes, row->len, NULL);
		ledger = fixture_ledger(&f, FIXTURE_SLOT, WT_POINT_INGRESS);
		cr_expect_eq(ledger.seen.packets, 1, "%s: seen", row->name);
		cr_expect_eq(ledger.filtered.packets, row->filtered, "%s: filtered", row->name);
		cr_expect_eq(ledger.filtered.l2_bytes, row->filtered ? row->len : 0, "%s: bytes",
			     row->name);
		cr_expect_eq(fixture_rows(&f, false, &flow), !row->filtered, "%s: rows", row->name);
		fixture_free(&f);
	}
}

Test(flow_hooks, sampling)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	struct wt_flow flow = { 0 };
	struct wt_ledger ledger;
	const int packets = 20000, n = 10;

	fixture_interface(&f)->sampling = n;
	for (int i = 0; i < packets; i++)
		fixture_run(&f, PROG_TC_INGRESS, tcp4, sizeof(tcp4), NULL);
	ledger = fixture_ledger(&f, FIXTURE_SLOT, WT_POINT_INGRESS);
	cr_expect_eq(fixture_rows(&f, false, &flow), 1);
	cr_expect_eq(flow.sampling, n);
	cr_expect_eq(ledger.seen.packets, packets);
	cr_expect_eq(ledger.sampled_out.packets + flow.packets, packets, "exact, not an estimate");
	/* 2000 expected, standard deviation 42: beyond ten of them the dice are loaded. */
	cr_expect(flow.packets > 1580 && flow.packets < 2420, "%llu of 20000 sampled",
		  (unsigned long long)flow.packets);
	fixture_free(&f);
}

Test(flow_hooks, unknown_interface)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	struct wt_flow flow = { 0 };

	fixture_interface(&f)->ifindex = 0;
	fixture_run(&f, PROG_TC_INGRESS, tcp4, sizeof(tcp4), NULL);
	cr_expect_eq(fixture_rows(&f, false, &flow), 1);
	cr_expect_eq(flow.key.ifindex, 0, "slot 0's ledger and its rows carry the same number");
	cr_expect_eq(fixture_ledger(&f, 0, WT_POINT_INGRESS).seen.packets, 1);
	fixture_free(&f);
}

Test(flow_hooks, epochs)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	struct wt_flow flow = { 0 };

	for (uint32_t epoch = 0; epoch < 2; epoch++) {
		f.tables->control->epoch = epoch;
		fixture_run(&f, PROG_TC_INGRESS, tcp4, sizeof(tcp4), NULL);
		cr_expect_eq(fixture_rows(&f, false, &flow), (int)epoch + 1);
		cr_expect_eq(flow.epoch, epoch, "rows are found epoch by epoch");
		cr_expect_eq(flow.packets, 1);
	}
	fixture_free(&f);
}

Test(flow_hooks, row_grows)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	uint8_t second[sizeof(tcp4)];
	struct wt_flow flow = { 0 };

	memcpy(second, tcp4, sizeof(tcp4));
	second[22] = 9; /* TTL */
	second[47] = 0x01; /* FIN */
	fixture_run(&f, PROG_TC_INGRESS, tcp4, sizeof(tcp4), NULL);
	fixture_run(&f, PROG_TC_INGRESS, second, sizeof(second), NULL);
	cr_expect_eq(fixture_rows(&f, false, &flow), 1);
	cr_expect_eq(flow.packets, 2);
	cr_expect_eq(flow.l2_bytes, 200);
	cr_expect_eq(flow.tcp_flags, 0x11);
	cr_expect_eq(flow.ttl_min, 9);
	cr_expect_eq(flow.ttl_max, 63);
	cr_expect_geq(flow.last_ns, flow.first_ns);
	fixture_free(&f);
}

static uint64_t monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Jiffies times the tick's length are CLOCK_MONOTONIC, at most a tick ago (10 ms at 100 Hz). */
Test(flow_hooks, coarse_clock)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	struct wt_flow flow = { 0 };

	cr_assert_neq(tick_get().tick_ns, 0, "the fine clock on each packet");
	for (int i = 0; i < 100; i++) {
		uint64_t before = monotonic_ns(), after;

		fixture_clear(&f);
		fixture_run(&f, i % 2 ? PROG_XDP : PROG_TC_INGRESS, tcp4, sizeof(tcp4), NULL);
		after = monotonic_ns();
		cr_assert_eq(fixture_rows(&f, false, &flow), 1);
		cr_expect_lt(flow.first_ns, after + 1000000, "ahead by %ld ns",
			     (long)(flow.first_ns - after));
		cr_expect_gt(flow.first_ns + 2 * tick_get().tick_ns + 1000000, before,
			     "behind by %ld ns", (long)(before - flow.first_ns));
	}
	fixture_free(&f);
}

/* An XDP frame larger than a page is in pieces: its length is that of all of them. */
Test(flow_hooks, xdp_in_pieces)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	static uint8_t frame[9000];
	struct wt_flow flow = { 0 };

	memcpy(frame, tcp4, sizeof(tcp4));
	cr_expect_eq(fixture_run(&f, PROG_XDP, frame, sizeof(frame), NULL), XDP_PASS);
	cr_assert_eq(fixture_rows(&f, false, &flow), 1);
	cr_expect_eq(flow.l2_bytes, sizeof(frame), "l2 %llu", (unsigned long long)flow.l2_bytes);
	cr_expect_eq(flow.packets, 1);
	fixture_free(&f);
}

/* The oldest verifiers give up at a million; a parser's ways multiply quickly. */
#define INSNS_BUDGET 150000

Test(flow_hooks, verifier_budget)
{
	struct fixture f = fixture_load(true, GEOMETRY_BUDGET_MIN);

	for (int prog = 0; prog < PROGS; prog++) {
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		cr_assert_eq(bpf_prog_get_info_by_fd(f.kernel->progs[prog], &info, &len), 0);
		cr_expect(info.verified_insns > 0 && info.verified_insns < INSNS_BUDGET,
			  "%s: the verifier walked %u instructions", kernel_prog_names[prog],
			  info.verified_insns);
	}
	fixture_free(&f);
}
