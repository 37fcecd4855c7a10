// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * The crash record: what was seen and not settled is lost, once, under the point it was seen at;
 * what waits in adopted tables is not; a record that cannot be true is not believed.
 */
#include "user/agent/crashlog.h"

#include <criterion/criterion.h>
#include <string.h>

#include "user/agent/identity.h"

#define BYTES (64 * 1024)
#define TCP WT_SIGNAL_POINT

struct rig {
	struct crash_file *file;
	struct state *state;
	struct commit *next;
	struct spool spool;
	struct crash_left left;
	void *memory;
};

static const uint8_t me[16] = "this run", before[16] = "the run before";

static struct crash_bank *bank(struct rig *r)
{
	return &r->file->banks[r->file->bank];
}

/* A run that saw 100 packets on interface 3 and 20 TCP events, of which 60 and 5 are settled. */
static struct rig make(void)
{
	struct rig r = {
		.file = calloc(1, sizeof(struct crash_file)),
		.state = calloc(1, sizeof(struct state)),
		.next = calloc(1, sizeof(struct commit)),
		.memory = calloc(1, BYTES),
	};
	struct crash_bank *b = &r.file->banks[1];

	spool_init(&r.spool, r.state, r.memory, BYTES);
	r.file->magic = CRASH_MAGIC;
	r.file->format = CRASH_FORMAT;
	r.file->size = sizeof(*r.file);
	r.file->bank = 1;
	identity_boot_id(r.file->boot_id);
	memcpy(b->owner, before, 16);
	b->seen_word = 1 | 3 << 1;
	b->settled_word = 7 << 1;
	b->points_len = 2;
	b->points[0] = (struct crash_point){ .ifindex = 3, .slot = 2 };
	b->points[0].seen[1] = (struct crash_seen){ { 70, 7000 }, { 30, 3000 } };
	b->points[0].settled[0] = (struct crash_count){ 60, 6000 };
	b->points[1] = (struct crash_point){ .point = TCP, .slot = CRASH_NO_SLOT };
	b->points[1].seen[1] = (struct crash_seen){ { 15, 0 }, { 5, 0 } };
	b->points[1].settled[0] = (struct crash_count){ 5, 0 };
	return r;
}

static void done(struct rig *r)
{
	free(r->file);
	free(r->state);
	free(r->next);
	free(r->memory);
}

static uint64_t report(struct rig *r, bool adopted)
{
	return crashlog_report(r->file, me, adopted, &r->left, &r->spool, r->next);
}

static void expect_lost(struct rig *r, uint32_t i, uint32_t point, uint64_t packets)
{
	const struct agent_ledger *l = &r->next->carry[i];

	cr_assert_lt(i, r->next->carry_len);
	cr_assert_eq(l->point, point, "point %u", l->point);
	cr_assert_eq(l->counts[COUNT_SEEN].packets, packets, "seen %lu, not %lu",
		     l->counts[COUNT_SEEN].packets, packets);
	cr_assert_eq(l->counts[COUNT_LOST_AGENT_CRASH].packets, packets);
}

Test(crashlog, names_what_was_seen_and_not_settled)
{
	struct rig r = make();

	cr_assert_eq(report(&r, false), 55);
	cr_assert_eq(r.next->carry_len, 2);
	expect_lost(&r, 0, 0, 40);
	expect_lost(&r, 1, TCP, 15);
	cr_assert_eq(r.next->carry[0].ifindex, 3);
	cr_assert_eq(r.next->carry[0].counts[COUNT_LOST_AGENT_CRASH].l2_bytes, 4000);
	done(&r);
}

Test(crashlog, says_it_once)
{
	struct rig r = make();

	report(&r, false);
	cr_assert_eq(report(&r, false), 0, "the commit knows that it is told");
	memset(r.next, 0, sizeof(*r.next));
	memcpy(bank(&r)->owner, me, 16);
	cr_assert_eq(report(&r, false), 0, "our own run is no loss");
	done(&r);
}

/* 8 events wait in batch 8, after the 7 that are settled; 4 in batch 7 have arrived. */
Test(crashlog, adopted_tables_lose_only_what_is_not_in_them)
{
	struct rig r = make();
	static const uint8_t body[8];

	for (uint64_t sequence = 7; sequence <= 8; sequence++) {
		struct spool_entry head = { .sequence = sequence, .sums_len = 1, .body_len = 8 };
		struct spool_sum sum = { .point = TCP, .count = { sequence == 7 ? 4 : 8, 0 } };

		cr_assert_eq(spool_append(&r.spool, &r.state->commit[0], &head, &sum, NULL, body),
			     0);
	}
	cr_assert_eq(report(&r, true), 15 - 8);
	cr_assert_eq(r.next->carry_len, 1);
	expect_lost(&r, 0, TCP, 15 - 8);
	done(&r);
}

/* What pinned hooks counted after the last look is in the map that is still there. */
Test(crashlog, ledgers_that_live_on_are_exact)
{
	struct rig r = make();
	static uint64_t ledgers[2 * 2][3][2][4]; /* [cpu, epoch][slot][point][words] */

	bank(&r)->ledgers = (struct crash_ledgers){
		.record_bytes = 32,
		.cpus = 2,
		.slots = 3,
		.points = 2,
		.offsets_len = 1,
		.offsets = { 16 },
	};
	ledgers[0][2][0][2] = 25;
	ledgers[3][2][0][2] = 17;
	ledgers[1][2][1][2] = 999; /* another point's */
	r.left = (struct crash_left){ (const uint8_t *)ledgers, sizeof(ledgers) };
	report(&r, false);
	expect_lost(&r, 0, 0, 70 + 25 + 17 - 60);
	done(&r);

	r = make();
	bank(&r)->seen_word = 1 | 1 << 1; /* epoch 1 was closed and not yet zeroed */
	bank(&r)->ledgers = (struct crash_ledgers){
		.record_bytes = 32,
		.cpus = 2,
		.slots = 3,
		.points = 2,
		.offsets_len = 1,
		.offsets = { 16 },
	};
	r.left = (struct crash_left){ (const uint8_t *)ledgers, sizeof(ledgers) };
	report(&r, false);
	expect_lost(&r, 0, 0, 70 + 25 - 60);
	done(&r);
}

Test(crashlog, a_description_that_cannot_be_is_not_followed)
{
	struct crash_ledgers good = {
		.record_bytes = 32,
		.cpus = 2,
		.slots = 3,
		.points = 2,
		.offsets_len = 1,
		.offsets = { 16 },
	};
	struct crash_ledgers l = good;

	cr_assert_eq(crash_ledgers_bytes(&l), 2 * 2 * 3 * 2 * 32);
	l.offsets[0] = 24;
	cr_assert_eq(crash_ledgers_bytes(&l), 0, "a count across the record's end");
	l = good;
	l.offsets_len = 5;
	cr_assert_eq(crash_ledgers_bytes(&l), 0);
	l = good;
	l.cpus = UINT32_MAX;
	cr_assert_eq(crash_ledgers_bytes(&l), 0);
	l = good;
	l.record_bytes = 0;
	cr_assert_eq(crash_ledgers_bytes(&l), 0);
}

Test(crashlog, another_boots_or_a_broken_record_says_nothing)
{
	struct rig r = make();

	r.file->boot_id[3] ^= 1;
	cr_assert_eq(report(&r, false), 0, "interfaces of another boot");
	r.file->boot_id[3] ^= 1;
	r.file->format++;
	cr_assert_eq(report(&r, false), 0, "another format");
	r.file->format--;
	bank(&r)->points_len = CRASH_POINTS_MAX + 1;
	cr_assert_eq(report(&r, false), 0, "more points than there is room");
	bank(&r)->points_len = 2;
	r.file->bank = 2;
	cr_assert_eq(report(&r, false), 0, "a third bank");
	r.file->bank = 1;
	cr_assert_eq(report(&r, false), 55, "and the record as it was");
	done(&r);
}

Test(crashlog, settling_is_one_step_and_never_twice)
{
	struct rig r = make();
	struct crashlog c = { .file = r.file, .bank = bank(&r) };
	struct {
		struct spool_entry head;
		struct spool_sum sum;
	} batch = { .head = { .sequence = 8, .sums_len = 1 },
		    .sum = { .ifindex = 3, .count = { 10, 1000 } } };

	crashlog_settled(&c, &batch.head);
	cr_assert_eq(c.bank->settled_word, 1 | 8 << 1);
	cr_assert_eq(c.bank->points[0].settled[1].packets, 70);
	cr_assert_eq(c.bank->points[1].settled[1].packets, 5, "the other point is as it was");
	cr_assert_eq(c.bank->points[0].settled[0].packets, 60, "the copy before is whole");
	done(&r);
}
