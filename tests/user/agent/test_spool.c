// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Batches come out as they went in, in order, across wraps; a full spool drops the oldest unsent
 * and names what it dropped; nothing is visible before its commit is; a kill loses nothing.
 */
#include "user/agent/spool.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define BYTES (64 * 1024)

struct rig {
	struct state *state;
	struct spool spool;
	struct commit *next;
	void *memory;
};

static struct rig make(void)
{
	struct rig r = {
		.state = calloc(1, sizeof(struct state)),
		.next = calloc(1, sizeof(struct commit)),
		.memory = calloc(1, BYTES),
	};

	spool_init(&r.spool, r.state, r.memory, BYTES);
	return r;
}

static void done(struct rig *r)
{
	free(r->state);
	free(r->next);
	free(r->memory);
}

static struct commit *begin(struct rig *r)
{
	*r->next = r->state->commit[r->state->current];
	r->next->number++;
	return r->next;
}

static void publish(struct rig *r)
{
	r->state->commit[1 - r->state->current] = *r->next;
	r->state->current = 1 - r->state->current;
	spool_apply(&r->spool, r->next);
}

/* A batch of `packets` on interface 3, and a ledger, with a body of len bytes of its sequence. */
static int append(struct rig *r, uint64_t sequence, uint64_t packets, size_t len)
{
	static uint8_t body[BYTES];
	struct spool_entry head = {
		.sequence = sequence, .sums_len = 1, .ledgers_len = 1, .body_len = len
	};
	struct spool_sum sum = { .interval = sequence, .ifindex = 3, .count = { packets, 2 } };
	static struct agent_ledger ledger;

	memset(body, (int)sequence, len);
	ledger = (struct agent_ledger){ .interval = sequence, .ifindex = 3 };
	ledger.counts[COUNT_SEEN].packets = packets;
	return spool_append(&r->spool, r->next, &head, &sum, &ledger, body);
}

static void expect_next(struct rig *r, uint64_t sequence, size_t len)
{
	const struct spool_entry *e = spool_next(&r->spool);
	const uint8_t *body;

	cr_assert_not_null(e, "batch %lu", sequence);
	cr_assert_eq(e->sequence, sequence, "batch %lu comes, not %lu", e->sequence, sequence);
	cr_assert_eq(e->body_len, len);
	body = spool_body(e);
	for (size_t i = 0; i < len; i++)
		cr_assert_eq(body[i], (uint8_t)sequence, "byte %zu of batch %lu", i, sequence);
}

Test(spool, in_order_across_wraps)
{
	struct rig r = make();

	for (uint64_t s = 1; s < 200; s++) {
		size_t len = 1 + s * 37 % 5000;

		begin(&r);
		cr_assert_eq(append(&r, s, 1, len), 0, "batch %lu", s);
		cr_expect_null(spool_next(&r.spool), "not before the commit");
		publish(&r);
		expect_next(&r, s, len);
		expect_next(&r, s, len); /* again, until it is acknowledged */
		spool_acknowledge(&r.spool);
		cr_expect_eq(spool_used(&r.spool), 0);
	}
	done(&r);
}

Test(spool, full_drops_oldest_by_name)
{
	struct rig r = make();
	uint64_t first_left = 0, lost = 0;

	for (uint64_t s = 1; s <= 100; s++) {
		begin(&r);
		if (spool_reserve(&r.spool, r.next, 4000)) {
			publish(&r);
			begin(&r);
		}
		cr_assert_eq(append(&r, s, 10, 3000), 0, "there is room for batch %lu", s);
		publish(&r);
		if (s == 1)
			expect_next(&r, 1, 3000); /* sent, not acknowledged: may have arrived */
	}
	expect_next(&r, 1, 3000);
	spool_acknowledge(&r.spool);
	first_left = spool_next(&r.spool)->sequence;
	cr_assert_gt(first_left, 2, "something was dropped");
	for (uint64_t s = first_left; s <= 100; s++) {
		expect_next(&r, s, 3000);
		spool_acknowledge(&r.spool);
	}
	cr_expect_null(spool_next(&r.spool));
	for (uint32_t i = 0; i < r.next->carry_len; i++) {
		lost += r.next->carry[i].counts[COUNT_LOST_SPOOL_FULL].packets;
		cr_expect_eq(r.next->carry[i].counts[COUNT_SEEN].packets, 10,
			     "a dropped batch's ledger is sent again");
	}
	cr_expect_eq(lost, (first_left - 2) * 10, "every packet dropped has a name");
	done(&r);
}

Test(spool, too_large)
{
	struct rig r = make();

	begin(&r);
	cr_expect_eq(append(&r, 1, 1, r.spool.entry_max), -EMSGSIZE);
	cr_expect_eq(r.next->spool_head, 0, "nothing moved");
	done(&r);
}

Test(spool, survives_its_owner)
{
	struct rig r = make();
	struct spool second;

	begin(&r);
	append(&r, 1, 1, 100);
	append(&r, 2, 1, 100);
	publish(&r);
	begin(&r);
	append(&r, 3, 1, 100); /* killed before this commit was current */
	expect_next(&r, 1, 100); /* and while batch 1 was on its way */
	spool_init(&second, r.state, r.memory, BYTES);
	r.spool = second;
	expect_next(&r, 1, 100);
	spool_acknowledge(&r.spool);
	expect_next(&r, 2, 100);
	spool_acknowledge(&r.spool);
	cr_expect_null(spool_next(&r.spool));
	done(&r);
}

Test(spool, refused_is_named_once)
{
	struct rig r = make();

	begin(&r);
	append(&r, 1, 10, 100);
	publish(&r);
	expect_next(&r, 1, 100);
	r.state->outbox_refused = 1; /* what spool_refuse() does before it waits */
	begin(&r);
	cr_expect(spool_take_refused(&r.spool, r.next));
	r.state->commit[1 - r.state->current] = *r.next; /* killed between commit and apply… */
	r.state->current = 1 - r.state->current;
	begin(&r);
	cr_expect_not(spool_take_refused(&r.spool, r.next), "…it is not named again");
	spool_apply(&r.spool, r.next);
	cr_expect_null(spool_next(&r.spool), "the outbox is free");
	cr_assert_eq(r.next->carry_len, 1);
	cr_expect_eq(r.next->carry[0].counts[COUNT_LOST_REFUSED].packets, 10);
	cr_expect_eq(r.next->carry[0].counts[COUNT_SEEN].packets, 10, "its ledger is carried");
	done(&r);
}

Test(spool, carry_merges_when_full)
{
	struct rig r = make();
	struct agent_ledger row = { .ifindex = 9 };
	uint64_t sum = 0;

	row.counts[COUNT_SEEN].packets = 1;
	for (uint64_t i = 1; i <= STATE_CARRY_MAX + 50; i++) {
		row.interval = i;
		carry_add(r.next, &row);
	}
	cr_expect_eq(r.next->carry_len, STATE_CARRY_MAX, "the list has a limit");
	for (uint32_t i = 0; i < r.next->carry_len; i++)
		sum += r.next->carry[i].counts[COUNT_SEEN].packets;
	cr_expect_eq(sum, STATE_CARRY_MAX + 50, "and loses nothing by it");
	done(&r);
}
