// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Many flows in a small table: spills, folds, elephants, and the hash under attack. */
#include "tests/kern/fixture.h"

#include "tests/user/wire/packet_bytes.h"

#define FLOWS 100000
#define KEYS 8 /* secrets tried per attack: a weak hash is weak under some only */

static const uint8_t template[60] = { ETH(0x0800), IP4(17, 26), UDP(18) };

static void set_flow(uint8_t *packet, uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport)
{
	for (int i = 0; i < 4; i++) {
		packet[26 + i] = src >> (24 - 8 * i);
		packet[30 + i] = dst >> (24 - 8 * i);
	}
	packet[34] = sport >> 8;
	packet[35] = sport;
	packet[36] = dport >> 8;
	packet[37] = dport;
}

struct totals {
	uint64_t rows, spilled, folded;
	uint64_t packets, bytes; /* of all three */
};

static struct totals add_up(struct fixture *f)
{
	const struct geometry *g = &f->tables->geometry;
	struct wt_ledger ledger = fixture_ledger(f, FIXTURE_SLOT, WT_POINT_INGRESS);
	struct totals t = { 0 };

	for (size_t i = 0; i < (size_t)g->rows * 2 * g->sets * 2; i++) {
		t.rows += f->tables->table[i].packets;
		t.bytes += f->tables->table[i].l2_bytes;
	}
	for (uint32_t row = 0; row < g->rows; row++) {
		const struct wt_lane_head *head = &f->tables->heads[row];

		cr_expect_leq(head->head - head->tail, g->lane_len, "the lane never overruns");
		for (uint64_t i = head->tail; i < head->head; i++) {
			const struct wt_flow *lane = f->tables->lanes + (size_t)row * g->lane_len;

			t.spilled += lane[i % g->lane_len].packets;
			t.bytes += lane[i % g->lane_len].l2_bytes;
		}
	}
	for (int class = 0; class < WT_FOLD_CLASSES; class ++) {
		t.folded += ledger.fold[1][class].packets;
		t.bytes += ledger.fold[1][class].l2_bytes;
	}
	cr_expect_eq(ledger.fold_lane_full.packets + ledger.fold_no_row.packets, t.folded,
		     "every fold has a reason");
	t.packets = t.rows + t.spilled + t.folded;
	cr_expect_eq(ledger.seen.packets, t.packets, "seen = rows + spilled + folded");
	cr_expect_eq(ledger.seen.l2_bytes, t.bytes);
	return t;
}

Test(tally, more_flows_than_room)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	uint8_t packet[sizeof(template)];
	struct totals t;

	memcpy(packet, template, sizeof(packet));
	for (uint32_t i = 0; i < FLOWS; i++) {
		set_flow(packet, 0x0a000000 + i, 0x0a800000 ^ (i * 7), 1000, 53);
		fixture_run(&f, i % 2 ? PROG_XDP : PROG_TC_INGRESS, packet, sizeof(packet), NULL);
	}
	t = add_up(&f);
	cr_expect_eq(t.packets, FLOWS);
	cr_expect_gt(t.spilled, 0);
	cr_expect_gt(t.folded, 0, "nobody drains: lanes must be full");
	fixture_free(&f);
}

Test(tally, elephants_keep_their_row)
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	uint8_t packet[sizeof(template)], elephant[sizeof(template)];
	uint64_t in_rows = 0;

	memcpy(packet, template, sizeof(packet));
	memcpy(elephant, template, sizeof(elephant));
	set_flow(elephant, 0x01020304, 0x05060708, 9, 9);
	for (uint32_t i = 0; i < FLOWS; i++) {
		set_flow(packet, 0x0a000000 + i, 0x0a800000 ^ (i * 7), 1000, 53);
		fixture_run(&f, PROG_TC_INGRESS, packet, sizeof(packet), NULL);
		if (i % 10 == 0)
			fixture_run(&f, PROG_TC_INGRESS, elephant, sizeof(elephant), NULL);
	}
	add_up(&f);
	for (size_t i = 0; i < f.tables->geometry.table_bytes / sizeof(struct wt_flow); i++)
		if (f.tables->table[i].key.src_port == 9)
			in_rows += f.tables->table[i].packets;
	for (size_t i = 0; i < f.tables->geometry.lanes_bytes / sizeof(struct wt_flow); i++)
		if (f.tables->lanes[i].key.src_port == 9)
			in_rows += f.tables->lanes[i].packets;
	cr_expect_eq(in_rows, FLOWS / 10, "an elephant's record is exact");
	fixture_free(&f);
}

/* A CPU that came online later has no row: it folds, and says so. */
Test(tally, cpu_without_row)
{
	struct kernel_options options = { .with_xdp = true };
	struct fixture f = { 0 };
	cpu_set_t last;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct wt_ledger ledger;

	if (cpus < 2)
		cr_skip_test("needs two CPUs");
	cr_assert_eq(geometry_fit(GEOMETRY_BUDGET_MIN, cpus, 1, 8, false, &options.geometry), 0);
	cr_assert_eq(kernel_load(&options, &f.kernel), 0);
	cr_assert_eq(tables_open(f.kernel->maps, NULL, &f.tables), 0);
	*fixture_interface(&f) = (struct wt_if){ .ifindex = 1, .slot = FIXTURE_SLOT };
	CPU_ZERO(&last);
	CPU_SET(cpus - 1, &last);
	cr_assert_eq(sched_setaffinity(0, sizeof(last), &last), 0);
	fixture_run(&f, PROG_TC_INGRESS, template, sizeof(template), NULL);
	ledger = fixture_ledger(&f, FIXTURE_SLOT, WT_POINT_INGRESS);
	cr_expect_eq(ledger.fold_no_row.packets, 1);
	cr_expect_eq(ledger.fold[1][WT_FOLD_UDP].packets, 1);
	cr_expect_eq(add_up(&f).folded, 1);
	fixture_free(&f);
}

static uint64_t spills(struct fixture *f)
{
	uint64_t sum = 0;

	for (uint32_t row = 0; row < f->tables->geometry.rows; row++)
		sum += f->tables->heads[row].head - f->tables->heads[row].tail;
	return sum + fixture_ledger(f, FIXTURE_SLOT, WT_POINT_INGRESS).fold_lane_full.packets;
}

/* How many of 4096 flows were pushed out of their set, made by one of the ways below. */
static uint64_t spills_of(void (*make)(uint8_t *packet, uint32_t i))
{
	struct fixture f = fixture_load(false, GEOMETRY_BUDGET_MIN);
	uint8_t packet[sizeof(template)];
	uint64_t n;

	memcpy(packet, template, sizeof(packet));
	for (uint32_t i = 0; i < 4096; i++) {
		make(packet, i);
		fixture_run(&f, PROG_TC_INGRESS, packet, sizeof(packet), NULL);
	}
	n = spills(&f);
	fixture_free(&f);
	return n;
}

static void make_random(uint8_t *packet, uint32_t i)
{
	static uint64_t x = 88172645463325252ull;

	for (int w = 0; w < 2; w++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	set_flow(packet, x, x >> 32, x >> 16, x >> 48);
}

/* Deltas that cancel in sums and XORs of unkeyed mixes: what one field gains the other loses. */
static void make_ports_cancel(uint8_t *packet, uint32_t i)
{
	set_flow(packet, 0x0a000001, 0x0a000002, i, 65535 - i);
}

static void make_ports_xor(uint8_t *packet, uint32_t i)
{
	set_flow(packet, 0x0a000001, 0x0a000002, i, i);
}

static void make_addresses_cancel(uint8_t *packet, uint32_t i)
{
	set_flow(packet, 0x0a000000 + i * 65536, 0x0b000000 - i * 65536, 1000, 53);
}

/* Multiples of the table's size: the low bits of an unmixed sum never move. */
static void make_strides(uint8_t *packet, uint32_t i)
{
	set_flow(packet, 0x0a000000 + i * 4096, 0x0a000002, 1000, 53);
}

Test(tally, structured_flows_spill_no_more_than_random_ones)
{
	static const struct {
		const char *name;
		void (*make)(uint8_t *packet, uint32_t i);
	} attacks[] = {
		{ "ports that cancel", make_ports_cancel },
		{ "ports that XOR away", make_ports_xor },
		{ "addresses that cancel", make_addresses_cancel },
		{ "strides", make_strides },
	};
	uint64_t random = spills_of(make_random);

	/* Half as much again: far beyond chance, far below the 99 % of an unkeyed hash. */
	for (size_t i = 0; i < ARRAY_LEN(attacks) * KEYS; i++) {
		uint64_t n = spills_of(attacks[i / KEYS].make);

		cr_expect_leq(n, random + random / 2 + 64, "%s: %llu spills, random: %llu",
			      attacks[i / KEYS].name, (unsigned long long)n,
			      (unsigned long long)random);
	}
}
