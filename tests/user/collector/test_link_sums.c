// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sums by pairs of addresses, beside ones that are added up the slow way. */
#include "user/collector/link_sums.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

#define ROWS 20000
#define ENDS 60 /* of each side: 3,600 pairs */

struct columns {
	uint64_t from_hi[LINK_ROWS_MAX], from_lo[LINK_ROWS_MAX], to_hi[LINK_ROWS_MAX],
		to_lo[LINK_ROWS_MAX];
	int64_t octets[LINK_ROWS_MAX], packets[LINK_ROWS_MAX], flows[LINK_ROWS_MAX];
};
static struct columns columns;

static struct link_rows rows_of(size_t len)
{
	return (struct link_rows){ columns.from_hi, columns.from_lo, columns.to_hi, columns.to_lo,
				   columns.octets,  columns.packets, columns.flows, len };
}

static void set(size_t i, const struct link_sum *l)
{
	columns.from_hi[i] = l->from_hi;
	columns.from_lo[i] = l->from_lo;
	columns.to_hi[i] = l->to_hi;
	columns.to_lo[i] = l->to_lo;
	columns.octets[i] = l->octets;
	columns.packets[i] = l->packets;
	columns.flows[i] = l->flows;
}

static unsigned int state = 1;

static unsigned int number(unsigned int below)
{
	state = state * 1103515245 + 12345;
	return (state >> 8) % below;
}

/* Halves that differ in one of the four alone are other pairs. */
static struct link_sum some(unsigned int from, unsigned int to)
{
	return (struct link_sum){ .from_hi = from % 2,
				  .from_lo = from / 2,
				  .to_hi = to % 3,
				  .to_lo = to / 3,
				  .octets = number(1000),
				  .packets = number(10),
				  .flows = 1 };
}

static struct link_sum expected[ENDS * ENDS];

static void fill(struct link_sums *s)
{
	for (size_t done = 0; done < ROWS; done += 1000) {
		struct link_rows rows = rows_of(1000);

		for (size_t i = 0; i < 1000; i++) {
			unsigned int from = number(ENDS), to = number(ENDS);
			struct link_sum l = some(from, to), *e = &expected[from * ENDS + to];

			set(i, &l);
			l.octets += e->octets;
			l.packets += e->packets;
			l.flows += e->flows;
			*e = l;
		}
		cr_assert(link_sums_add(s, &rows) == 0);
	}
}

static int by_packets(const void *a, const void *b)
{
	const struct link_sum *x = a, *y = b;

	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	return memcmp(x, y, sizeof(*x)) ? 1 : 0; /* equal ones: their order is looked at below */
}

static void check(const struct link_sums *s)
{
	static struct link_sum want[ENDS * ENDS], got[ENDS * ENDS + 1];
	struct link_sum total;
	size_t len = 0, pairs;
	int64_t packets = 0;

	for (size_t i = 0; i < ENDS * ENDS; i++) {
		if (expected[i].flows)
			want[len++] = expected[i];
		packets += expected[i].packets;
	}
	qsort(want, len, sizeof(*want), by_packets);
	total = link_sums_total(s, &pairs);
	cr_expect(pairs == len && total.packets == packets);
	cr_assert(link_sums_top(s, LINK_PACKETS, ENDS * ENDS + 1, got) == len);
	for (size_t i = 0; i < len; i++) {
		struct link_sum *e = NULL;

		cr_expect(got[i].packets == want[i].packets, "place %zu", i);
		for (size_t k = 0; k < ENDS * ENDS && !e; k++)
			if (!memcmp(&expected[k], &got[i], sizeof(got[i])))
				e = &expected[k];
		cr_expect(e, "place %zu is no pair of ours", i);
	}
	for (size_t i = 1; i < len; i++) {
		const struct link_sum *a = &got[i - 1], *b = &got[i];

		cr_expect(a->packets > b->packets || a->from_hi < b->from_hi ||
				  (a->from_hi == b->from_hi && a->from_lo <= b->from_lo),
			  "equal ones by address: place %zu", i);
	}
	cr_assert(link_sums_top(s, LINK_PACKETS, 7, want) == 7);
	cr_expect(!memcmp(want, got, 7 * sizeof(*got)), "the first of them are the same");
}

Test(link_sums, are_those_of_the_rows)
{
	struct link_sums *s = link_sums_new(), *other = link_sums_new();
	size_t pairs;

	cr_assert(s && other);
	fill(s);
	check(s);
	fill(other);
	cr_assert(link_sums_merge(s, other) == 0);
	check(s);
	link_sums_free(other);
	link_sums_free(s);
	s = link_sums_new();
	link_sums_total(s, &pairs);
	cr_expect(pairs == 0, "of one that is used again nothing is left");
	memset(expected, 0, sizeof(expected));
	fill(s);
	check(s);
	link_sums_free(s);
}

Test(link_sums, end_at_the_largest_number)
{
	struct link_sum l = { .octets = INT64_MAX - 1, .packets = 1, .flows = 1 }, got;
	struct link_sums *s = link_sums_new();
	struct link_rows rows = rows_of(2);

	set(0, &l);
	set(1, &l);
	cr_assert(s && link_sums_add(s, &rows) == 0);
	cr_assert(link_sums_top(s, LINK_OCTETS, 1, &got) == 1);
	cr_expect(got.octets == INT64_MAX && got.packets == 2);
	link_sums_free(s);
}

/* Rows of as many pairs as they are. */
static int add_pairs(struct link_sums *s, uint64_t from, size_t len)
{
	struct link_rows rows = rows_of(len);

	for (size_t i = 0; i < len; i++)
		set(i, &(struct link_sum){ .to_lo = from + i, .octets = 1 });
	return link_sums_add(s, &rows);
}

Test(link_sums, have_a_limit_each_and_together)
{
	struct link_sums *all[4] = { link_sums_new() };
	uint64_t at = 0;
	size_t pairs, full = 1;

	for (; at < LINK_SUMS_MAX; at += LINK_ROWS_MAX)
		cr_assert(add_pairs(all[0], at, LINK_ROWS_MAX) == 0, "%llu",
			  (unsigned long long)at);
	cr_expect(add_pairs(all[0], 0, LINK_ROWS_MAX) == 0, "those it has");
	cr_expect(add_pairs(all[0], at, 1) == -ENOBUFS);
	cr_expect(add_pairs(all[0], 0, 1) == -ENOBUFS, "it stays so");
	link_sums_total(all[0], &pairs);
	cr_expect(pairs == LINK_SUMS_MAX);
	for (size_t i = 1; i < 4; i++) {
		int err = 0;

		all[i] = link_sums_new();
		for (at = 0; all[i] && !err && at < LINK_SUMS_MAX; at += LINK_ROWS_MAX)
			err = add_pairs(all[i], at, LINK_ROWS_MAX);
		full += all[i] && !err;
	}
	cr_expect(full < 4 && full >= 2, "%zu of four", full);
	for (size_t i = 0; i < 4; i++)
		link_sums_free(all[i]);
	all[0] = link_sums_new();
	cr_expect(all[0] && add_pairs(all[0], 0, LINK_ROWS_MAX) == 0, "room comes back");
	link_sums_free(all[0]);
}
