// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* flowtable.h: nothing is lost between packets and rows, however small the table is. */
#include "user/wire/flowtable.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

struct sums {
	uint64_t packets, octets;
	size_t rows, calls;
	struct flow last;
	int fail;
};

static int add_up(void *context, const struct flow *rows, size_t len)
{
	struct sums *s = context;

	for (size_t i = 0; i < len; i++) {
		s->packets += rows[i].packets;
		s->octets += rows[i].l2_octets;
		s->last = rows[i];
	}
	s->rows += len;
	s->calls++;
	return s->fail;
}

static struct flow packet_of(uint32_t flow, uint64_t octets)
{
	struct flow f = { .ifindex = flow, .packets = 1, .l2_octets = octets, .sampling = 1 };

	f.ttl_min = f.ttl_max = 64;
	return f;
}

Test(flowtable, every_packet_is_in_a_row)
{
	static const struct {
		size_t max, flows, rows; /* rows: at least */
	} cases[] = { { 1, 1, 1 }, { 1, 10, 10 }, { 8, 8, 8 }, { 8, 9, 9 }, { 100, 1000, 1000 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(flowtable_free) struct flowtable *t = NULL;
		struct sums sums = { 0 };
		uint64_t octets = 0;

		cr_assert_eq(flowtable_new(cases[i].max, add_up, &sums, &t), 0);
		for (uint32_t n = 0; n < 5000; n++) {
			struct flow one = packet_of(n % cases[i].flows, n);

			octets += n;
			cr_assert_eq(flowtable_add(t, &one), 0);
		}
		cr_assert_eq(flowtable_flush(t), 0);
		cr_expect_eq(sums.packets, 5000, "case %zu: %lu", i, (unsigned long)sums.packets);
		cr_expect_eq(sums.octets, octets, "case %zu", i);
		cr_expect_geq(sums.rows, cases[i].rows, "case %zu: %zu rows", i, sums.rows);
		if (cases[i].flows <= cases[i].max)
			cr_expect_eq(sums.rows, cases[i].flows, "case %zu: %zu rows", i, sums.rows);
	}
}

/* What is part of the key makes another row, what is not adds up in one. */
Test(flowtable, key_and_sums)
{
#define CHANGE(member) { #member, offsetof(struct flow, member) }
	static const struct {
		const char *name;
		size_t at;
	} keys[] = { CHANGE(src),      CHANGE(dst),	   CHANGE(ifindex),    CHANGE(netns),
		     CHANGE(src_port), CHANGE(dst_port),   CHANGE(ethertype),  CHANGE(proto),
		     CHANGE(flags),    CHANGE(vlan_outer), CHANGE(vlan_inner), CHANGE(tunnel_id) },
	  sums_of[] = { CHANGE(dscp), CHANGE(ttl_min), CHANGE(tcp_flags), CHANGE(l3_octets) };

	for (size_t i = 0; i < ARRAY_LEN(keys) + ARRAY_LEN(sums_of); i++) {
		bool is_key = i < ARRAY_LEN(keys);
		size_t at = is_key ? keys[i].at : sums_of[i - ARRAY_LEN(keys)].at;
		AUTO(flowtable_free) struct flowtable *t = NULL;
		struct flow a = packet_of(1, 100), b = a;
		struct sums sums = { 0 };

		((uint8_t *)&b)[at] ^= 1;
		cr_assert_eq(flowtable_new(10, add_up, &sums, &t), 0);
		flowtable_add(t, &a);
		flowtable_add(t, &b);
		flowtable_flush(t);
		cr_expect_eq(sums.rows, is_key ? 2 : 1, "%s",
			     is_key ? keys[i].name : sums_of[i - ARRAY_LEN(keys)].name);
	}
}

Test(flowtable, merges)
{
	AUTO(flowtable_free) struct flowtable *t = NULL;
	struct flow a = packet_of(1, 100), b = packet_of(1, 50);
	struct sums sums = { 0 };

	a.start_us = a.end_us = 2000;
	a.tcp_flags = 0x02;
	a.dscp = 7;
	b.start_us = b.end_us = 1000; /* captures are not always in order */
	b.tcp_flags = 0x110;
	b.ttl_min = 10;
	b.ttl_max = 70;
	b.l3_octets = 9;
	cr_assert_eq(flowtable_new(10, add_up, &sums, &t), 0);
	flowtable_add(t, &a);
	flowtable_add(t, &b);
	flowtable_flush(t);
	cr_expect_eq(sums.last.packets, 2);
	cr_expect_eq(sums.last.l2_octets, 150);
	cr_expect_eq(sums.last.l3_octets, 9);
	cr_expect_eq(sums.last.start_us, 1000);
	cr_expect_eq(sums.last.end_us, 2000);
	cr_expect_eq(sums.last.tcp_flags, 0x112);
	cr_expect_eq(sums.last.ttl_min, 10);
	cr_expect_eq(sums.last.ttl_max, 70);
	cr_expect_eq(sums.last.dscp, 7, "of the first packet");
}

Test(flowtable, sink_that_fails)
{
	AUTO(flowtable_free) struct flowtable *t = NULL;
	struct sums sums = { .fail = -EIO };
	struct flow a = packet_of(1, 1), b = packet_of(2, 1);

	cr_assert_eq(flowtable_new(1, add_up, &sums, &t), 0);
	cr_expect_eq(flowtable_add(t, &a), 0);
	cr_expect_eq(flowtable_add(t, &b), -EIO);
	sums.calls = 0;
	cr_expect_eq(flowtable_flush(t), 0, "nothing left, nothing to fail");
	cr_expect_eq(sums.calls, 0);
}
