// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Which groups may be among the heaviest, beside all of them. */
#include "user/collector/key_sift.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

#define GROUPS 50000
#define ROWS 80000
#define WORDS 2

static uint64_t keys[WORDS][ROWS];
static int64_t counts[SUM_COUNTS][ROWS];
static int64_t sums[GROUPS]; /* of what is asked for */

static uint32_t state = 1;

static uint32_t number(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 4) % below;
}

static void make_rows(enum key_sum order)
{
	memset(sums, 0, sizeof(sums));
	for (size_t i = 0; i < ROWS; i++) {
		uint32_t group = number(4) ? number(GROUPS) : number(20);

		keys[0][i] = group / 7;
		keys[1][i] = group % 7;
		counts[SUM_FLOWS][i] = 1;
		counts[SUM_PACKETS][i] = 1 + number(9);
		counts[SUM_OCTETS][i] = number(100000);
		sums[group] += counts[order][i];
	}
}

static struct key_rows rows_at(size_t first, size_t len)
{
	struct key_rows r = { .len = len };

	for (size_t w = 0; w < WORDS; w++)
		r.keys[w] = &keys[w][first];
	for (size_t k = 0; k < SUM_COUNTS; k++)
		r.sums[k] = &counts[k][first];
	return r;
}

/* By two, as two threads have them. */
static unsigned int sift_rows(enum key_sum order)
{
	unsigned int sift = key_sift_new(ROWS, order);
	struct key_cells *cells[2];

	cr_assert_neq(sift, 0);
	for (size_t i = 0; i < 2; i++)
		cr_assert_not_null(cells[i] = key_cells_new(sift));
	for (size_t first = 0; first < ROWS; first += 1000) {
		struct key_rows rows = rows_at(first, 1000);

		key_cells_add(cells[first / 1000 % 2], &rows, WORDS);
	}
	key_cells_merge(cells[0], cells[1]);
	key_cells_free(cells[1]);
	key_sift_set(sift, cells[0]);
	return sift;
}

/* Which groups are picked; how many rows. */
static size_t pick(unsigned int sift, bool picked[GROUPS])
{
	static uint16_t at[KEY_ROWS_MAX];
	size_t n = 0;

	memset(picked, 0, GROUPS * sizeof(*picked));
	for (size_t first = 0; first < ROWS; first += 1000) {
		struct key_rows rows = rows_at(first, 1000);
		size_t len = key_sift_pick(sift, &rows, WORDS, at);

		for (size_t i = 0; i < len; i++)
			picked[keys[0][first + at[i]] * 7 + keys[1][first + at[i]]] = true;
		n += len;
	}
	return n;
}

Test(key_sift, what_may_be_heaviest_is_picked)
{
	static bool picked[GROUPS];

	for (enum key_sum order = 0; order < SUM_COUNTS; order++) {
		struct key_group total;
		unsigned int sift;
		int64_t bound = 0, all = 0;
		size_t n;

		make_rows(order);
		sift = sift_rows(order);
		cr_assert_eq(key_sift_mark_heaviest(sift, 1000, &bound), 0);
		n = pick(sift, picked);
		cr_expect(n > 0 && n < ROWS / 2, "%zu rows", n);
		for (size_t g = 0; g < GROUPS; g++) {
			cr_expect(picked[g] || sums[g] < bound, "%zu has %ld", g, sums[g]);
			all += sums[g];
		}
		key_sift_total(sift, &total);
		cr_expect_eq(total.sums[order], all);
		key_sift_free(sift);
	}
}

Test(key_sift, what_has_as_much_is_picked)
{
	static bool picked[GROUPS];
	size_t more = 0;
	unsigned int sift;

	make_rows(SUM_OCTETS);
	sift = sift_rows(SUM_OCTETS);
	for (int64_t least = 500000; least >= 0; least -= 50000) {
		size_t n;

		cr_assert_eq(key_sift_mark_least(sift, least), 0);
		n = pick(sift, picked);
		cr_expect(n >= more && (n < ROWS || least < 100000), "%zu rows of %ld", n, least);
		more = n;
		for (size_t g = 0; g < GROUPS; g++)
			cr_expect(picked[g] || sums[g] < least || !sums[g], "%zu has %ld", g,
				  sums[g]);
	}
	cr_expect_eq(more, ROWS, "all have 0 or more");
	key_sift_free(sift);
}

/* What is more than a cell can say is not less. */
Test(key_sift, cells_do_not_overflow)
{
	static bool picked[GROUPS];
	unsigned int sift;
	int64_t bound;

	make_rows(SUM_OCTETS);
	for (size_t i = 0; i < ROWS; i++)
		if (keys[0][i] == 0)
			counts[SUM_OCTETS][i] = INT64_MAX;
	sift = sift_rows(SUM_OCTETS);
	cr_assert_eq(key_sift_mark_heaviest(sift, 100, &bound), 0);
	pick(sift, picked);
	for (size_t g = 0; g < 7; g++)
		cr_expect(picked[g], "%zu", g);
	key_sift_free(sift);
}

Test(key_sift, groups_rows_are_picked)
{
	static bool picked[GROUPS];
	unsigned int sift = key_sift_new(0, SUM_FLOWS);
	const struct key_group groups[] = { { .keys = { 3, 4 } }, { .keys = { 700, 0 } } };
	size_t n;

	make_rows(SUM_FLOWS);
	cr_assert_eq(key_sift_mark_groups(sift, groups, ARRAY_LEN(groups), WORDS), 0);
	n = pick(sift, picked);
	cr_expect(picked[3 * 7 + 4] == (sums[3 * 7 + 4] > 0) &&
		  picked[700 * 7] == (sums[700 * 7] > 0));
	cr_expect_lt(n, ROWS / 100);
	key_sift_free(sift);
}

Test(key_sift, there_are_so_many)
{
	unsigned int numbers[SIFTS_MAX];

	for (size_t i = 0; i < SIFTS_MAX; i++)
		cr_assert_neq(numbers[i] = key_sift_new(1, SUM_FLOWS), 0);
	cr_expect_eq(key_sift_new(1, SUM_FLOWS), 0);
	key_sift_free(numbers[5]);
	cr_expect_eq(key_sift_new(1, SUM_FLOWS), numbers[5]);
	for (size_t i = 0; i < SIFTS_MAX; i++)
		key_sift_free(numbers[i]);
}
