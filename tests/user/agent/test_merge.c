// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Parts of one flow become one row; what is another flow, epoch or rate does not. */
#include "user/agent/merge.h"

#include <criterion/criterion.h>

static struct wt_flow part(uint16_t port, uint64_t packets)
{
	return (struct wt_flow){
		.key.src_port = port,
		.hash = port * 7,
		.packets = packets,
		.l2_bytes = packets * 100,
		.l3_bytes = packets * 86,
		.first_ns = 1000 - packets,
		.last_ns = 1000 + packets,
		.sampling = 1,
		.tcp_flags = 1 << (packets % 8),
		.dscp = packets,
		.ttl_min = 60 - packets,
		.ttl_max = 60 + packets,
	};
}

Test(merge, parts_add_up)
{
	struct wt_flow first = part(1, 2), second = part(1, 3);
	struct merge *m;

	cr_assert_eq(merge_new(4, &m), 0);
	cr_expect(merge_add(m, &first) && merge_add(m, &second));
	cr_assert_eq(m->len, 1);
	cr_expect_eq(m->rows[0].packets, 5);
	cr_expect_eq(m->rows[0].l2_bytes, 500);
	cr_expect_eq(m->rows[0].l3_bytes, 430);
	cr_expect_eq(m->rows[0].first_ns, 997);
	cr_expect_eq(m->rows[0].last_ns, 1003);
	cr_expect_eq(m->rows[0].tcp_flags, 1 << 2 | 1 << 3);
	cr_expect_eq(m->rows[0].dscp, 3, "of the part that began first");
	cr_expect_eq(m->rows[0].ttl_min, 57);
	cr_expect_eq(m->rows[0].ttl_max, 63);
	merge_free(m);
}

Test(merge, others_stay_apart)
{
	struct wt_flow flow = part(1, 1), other_key = part(1, 1), other_epoch = part(1, 1),
		       other_rate = part(1, 1);
	struct merge *m;

	other_key.key.vlan_outer = 1; /* and the same hash */
	other_epoch.epoch = 1;
	other_rate.sampling = 10;
	cr_assert_eq(merge_new(4, &m), 0);
	cr_expect(merge_add(m, &flow) && merge_add(m, &other_key) && merge_add(m, &other_epoch) &&
		  merge_add(m, &other_rate));
	cr_expect_eq(m->len, 4);
	merge_free(m);
}

Test(merge, full)
{
	struct merge *m;

	cr_assert_eq(merge_new(100, &m), 0);
	for (int round = 0; round < 2; round++) {
		struct wt_flow flow;

		for (uint16_t i = 0; i < 100; i++) {
			flow = part(i, 1);
			cr_expect(merge_add(m, &flow), "row %u of round %d", i, round);
		}
		flow = part(100, 1);
		cr_expect_not(merge_add(m, &flow), "no row for one more");
		flow = part(50, 1);
		cr_expect(merge_add(m, &flow), "but for those that have one");
		cr_expect_eq(m->len, 100);
		merge_clear(m);
		cr_expect_eq(m->len, 0);
	}
	merge_free(m);
}
