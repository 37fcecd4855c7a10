// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Each thing that the kernel counted is shipped once, whatever the shipper missed. */
#include "user/agent/host_table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "user/agent/host_page.h"

#define LIMIT 64

static struct host_page page;
static struct host_taker got;
static struct host_table *table;
static uint64_t taken; /* as the shipper's commit has it */
static uint64_t shipped; /* of "a" in namespace 1, all together */

static void setup(uint32_t limit)
{
	cr_assert_eq(host_table_new(&page, limit, &table), 0);
}

static uint64_t value_of(uint32_t netns, const char *name)
{
	for (uint32_t i = 0; i < got.len; i++)
		if (got.at[i].netns == netns && !strcmp(got.at[i].name, name))
			return got.at[i].value;
	return 0;
}

/* False when there was nothing to take. */
static bool ship(void)
{
	if (!host_page_take(&page, taken, &got, &taken))
		return false;
	shipped += value_of(1, "a");
	return true;
}

static void sweep(uint64_t a)
{
	host_table_begin(table, taken);
	host_table_counter(table, 1, 0, "a", a, !host_table_is_first(table));
	host_table_end(table);
}

Test(host_table, grows_by_what_came_since_the_first_look)
{
	setup(LIMIT);
	cr_expect_not(ship(), "nothing was published");
	sweep(100);
	cr_expect(ship());
	cr_expect_eq(shipped, 0, "what was before is not ours");
	sweep(107);
	cr_expect(ship());
	cr_expect_eq(value_of(1, "a"), 7);
	cr_expect_not(ship(), "the same snapshot twice");
	sweep(107);
	cr_expect(ship());
	cr_expect_eq(got.len, 0, "nothing moved");
}

Test(host_table, a_snapshot_that_nobody_took_is_in_the_next)
{
	setup(LIMIT);
	sweep(0);
	for (uint64_t i = 1; i <= 100; i++) {
		sweep(i * 10);
		if (i % 3 == 0)
			cr_expect(ship());
		cr_expect_leq(shipped, i * 10);
	}
	sweep(1000);
	cr_expect(ship());
	cr_expect_eq(shipped, 1000);
}

/* The shipper takes snapshot 2 while the sweep for 3 is under way, based on 1. */
static void take_during_sweep(void)
{
	uint64_t before;

	setup(LIMIT);
	sweep(0);
	cr_expect(ship());
	sweep(5);
	before = taken;
	cr_expect(ship());
	cr_expect_eq(shipped, 5);
	host_table_begin(table, before);
	host_table_gauge(table, 3, "g", 1);
	host_table_counter(table, 1, 0, "a", 9, true);
	host_table_counter(table, 2, 0, "a", 50, true);
	host_table_end(table);
}

/* At the agent's end there is no later snapshot: what this one has beyond the last is told. */
Test(host_table, taken_during_a_sweep)
{
	take_during_sweep();
	cr_expect(ship());
	cr_expect_eq(shipped, 9, "%lu", shipped);
	cr_expect_eq(value_of(2, "a"), 50);
	cr_expect_eq(value_of(3, "g"), 1);
	sweep(9);
	cr_expect(ship());
	sweep(10);
	cr_expect(ship());
	cr_expect_eq(shipped, 10, "%lu", shipped);
}

/* Another shipper does not know the last snapshot: it waits for the next. */
Test(host_table, taken_during_a_sweep_by_one_that_was_killed)
{
	take_during_sweep();
	memset(&got, 0, sizeof(got));
	cr_expect_not(ship(), "it counts from one that is not ours any more");
	sweep(9);
	cr_expect(ship());
	cr_expect_eq(shipped, 9);
}

/* A commit that a kill undid: the shipper of the old one takes the same again. */
Test(host_table, taken_again_after_a_kill)
{
	uint64_t lost;

	setup(LIMIT);
	sweep(0);
	cr_expect(ship());
	sweep(4);
	cr_expect(host_page_take(&page, taken, &got, &lost));
	cr_expect_eq(value_of(1, "a"), 4);
	cr_expect(ship());
	cr_expect_eq(shipped, 4);
}

Test(host_table, began_again)
{
	static const struct {
		const char *name;
		uint32_t tag;
		uint64_t value;
		uint64_t want;
	} steps[] = {
		{ "first seen after the first sweep: from 0", 1, 50, 50 },
		{ "grew", 1, 60, 10 },
		{ "went down: from 0", 1, 7, 7 },
		{ "another of the name, already higher: from 0", 2, 9, 9 },
		{ "it grew", 2, 10, 1 },
	};

	setup(LIMIT);
	sweep(0);
	ship();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		host_table_begin(table, taken);
		host_table_counter(table, 0, steps[i].tag, "nic/x/rx_dropped", steps[i].value,
				   true);
		host_table_end(table);
		cr_assert(ship());
		cr_expect_eq(value_of(0, "nic/x/rx_dropped"), steps[i].want, "%s: %lu",
			     steps[i].name, value_of(0, "nic/x/rx_dropped"));
	}
}

Test(host_table, gauges_are_what_they_are)
{
	setup(LIMIT);
	for (uint64_t value = 3; value < 6; value++) {
		host_table_begin(table, taken);
		host_table_gauge(table, 7, "sockets/ipv4/LISTEN", value);
		host_table_gauge(table, 8, "sockets/ipv4/LISTEN", 0);
		host_table_end(table);
		if (value == 4)
			continue; /* missed: the next one is what counts */
		cr_assert(ship());
		cr_expect_eq(got.len, 1);
		cr_expect_eq(value_of(7, "sockets/ipv4/LISTEN"), value);
		cr_expect(got.at[0].is_gauge);
	}
}

/* What finds no room in one snapshot comes with later ones. */
Test(host_table, more_than_a_snapshot_holds)
{
	uint64_t sum = 0;
	int rounds = 0;
	char name[16];

	setup(8);
	sweep(0);
	ship();
	do {
		host_table_begin(table, taken);
		for (int i = 0; i < 50; i++) {
			snprintf(name, sizeof(name), "c%d", i);
			host_table_counter(table, 2, 0, name, i + 1, true);
		}
		host_table_end(table);
		cr_assert(ship());
		cr_assert_leq(got.len, 8);
		cr_assert_lt(++rounds, 20);
		cr_expect_eq(value_of(0, HOST_TABLE_LEFT_OUT), rounds < 8 ? 50 - 7 * rounds : 0);
		for (uint32_t i = 0; i < got.len; i++)
			sum += got.at[i].is_gauge ? 0 : got.at[i].value;
	} while (got.len);
	cr_expect_eq(sum, 50 * 51 / 2);
}

Test(host_table, full_and_forgetting)
{
	char name[16];

	setup(LIMIT);
	sweep(0);
	ship();
	host_table_begin(table, taken);
	for (int i = 0; i < HOST_TABLE_MAX + 3; i++) {
		snprintf(name, sizeof(name), "c%d", i);
		host_table_counter(table, 2, 0, name, 1, false);
	}
	host_table_end(table);
	cr_assert(ship());
	cr_expect_eq(value_of(0, HOST_TABLE_LEFT_OUT), 3);
	for (int i = 0; i < HOST_TABLE_LINGER; i++) {
		sweep(0);
		ship();
	}
	sweep(5); /* the others are gone: there is room */
	cr_assert(ship());
	cr_expect_eq(shipped, 5);
}

Test(host_page, a_batch_is_a_small_part_of_the_spool)
{
	cr_expect_eq(host_page_limit(0), 0);
	cr_expect_leq(host_page_limit(1 << 20) * HOST_COUNT_BYTES, (1 << 20) / 32);
	cr_expect_eq(host_page_limit(1ul << 30), HOST_PAGE_MAX);
}
