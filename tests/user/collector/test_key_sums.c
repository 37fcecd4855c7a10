// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sums by key, beside ones that are added up the slow way. */
#include "user/collector/key_sums.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

#define ROWS 20000
#define ENDS 60 /* of each side: 3,600 groups */

static struct columns {
	uint64_t keys[KEY_WORDS_MAX][KEY_ROWS_MAX];
	int64_t sums[SUM_ALL][KEY_ROWS_MAX];
} columns;

static struct key_rows rows_of(size_t len)
{
	struct key_rows r = { .len = len };

	for (size_t i = 0; i < KEY_WORDS_MAX; i++)
		r.keys[i] = columns.keys[i];
	for (size_t i = 0; i < SUM_ALL; i++)
		r.sums[i] = columns.sums[i];
	return r;
}

static void set(size_t i, const struct key_group *g)
{
	for (size_t w = 0; w < KEY_WORDS_MAX; w++)
		columns.keys[w][i] = g->keys[w];
	for (size_t k = 0; k < SUM_ALL; k++)
		columns.sums[k][i] = g->sums[k];
}

static unsigned int state = 1;

static unsigned int number(unsigned int below)
{
	state = state * 1103515245 + 12345;
	return (state >> 8) % below;
}

static struct key_shape shape;
static struct key_group expected[ENDS * ENDS];

/* Keys that differ in one of the words alone are other groups. */
static void make_keys(struct key_group *g, unsigned int from, unsigned int to)
{
	unsigned int digits[] = { from % 2, from / 2, to % 3, to / 3 };

	for (unsigned int w = 0; w < 4; w++) {
		unsigned int at = w < shape.words ? w : shape.words - 1;

		g->keys[at] = g->keys[at] * 64 + digits[w];
	}
	for (unsigned int w = 4; w < shape.words; w++)
		g->keys[w] = g->keys[w - 4];
}

static void add_up(struct key_group *e, const struct key_group *g)
{
	memcpy(e->keys, g->keys, sizeof(e->keys));
	for (int k = 0; k < SUM_FIRST_US; k++)
		e->sums[k] += g->sums[k];
	if (e->sums[SUM_FLOWS] == 1 || g->sums[SUM_FIRST_US] < e->sums[SUM_FIRST_US])
		e->sums[SUM_FIRST_US] = g->sums[SUM_FIRST_US];
	if (e->sums[SUM_FLOWS] == 1 || g->sums[SUM_LAST_US] > e->sums[SUM_LAST_US])
		e->sums[SUM_LAST_US] = g->sums[SUM_LAST_US];
}

static void fill(struct key_sums *s)
{
	for (size_t done = 0; done < ROWS; done += 1000) {
		struct key_rows rows = rows_of(1000);
		unsigned int from = 0, to = 0;

		for (size_t i = 0; i < 1000; i++) {
			struct key_group g = { .sums = { 1, number(10), number(1000), number(900),
							 number(100), number(100) } };

			if (i % 4 < 2) { /* else as before: rows of one key come together */
				from = number(ENDS);
				to = number(ENDS);
			}
			make_keys(&g, from, to);
			set(i, &g);
			add_up(&expected[from * ENDS + to], &g);
		}
		cr_assert(key_sums_add(s, &rows) == 0);
	}
}

static int by_packets(const void *a, const void *b)
{
	const struct key_group *x = a, *y = b;

	if (x->sums[SUM_PACKETS] != y->sums[SUM_PACKETS])
		return x->sums[SUM_PACKETS] > y->sums[SUM_PACKETS] ? -1 : 1;
	for (size_t w = 0; w < KEY_WORDS_MAX; w++)
		if (x->keys[w] != y->keys[w])
			return x->keys[w] < y->keys[w] ? -1 : 1;
	return 0;
}

static void check(struct key_sums *s)
{
	static struct key_group want[ENDS * ENDS], got[ENDS * ENDS + 1];
	struct key_group total, all = { 0 };
	size_t len = 0;

	for (size_t i = 0; i < ENDS * ENDS; i++) {
		struct key_group e = expected[i];

		if (!e.sums[SUM_FLOWS])
			continue;
		for (unsigned int k = shape.sums; k < SUM_ALL; k++)
			e.sums[k] = 0;
		want[len++] = e;
		all.sums[SUM_PACKETS] += e.sums[SUM_PACKETS];
	}
	qsort(want, len, sizeof(*want), by_packets);
	cr_assert(key_sums_top(s, SUM_PACKETS, ENDS * ENDS + 1, got, &total) == len);
	cr_expect(total.keys[0] == len && total.sums[SUM_PACKETS] == all.sums[SUM_PACKETS]);
	for (size_t i = 0; i < len; i++)
		cr_expect(!memcmp(&got[i], &want[i], sizeof(got[i])), "place %zu", i);
	cr_assert(key_sums_top(s, SUM_PACKETS, 7, got, &total) == 7);
	cr_expect(!memcmp(want, got, 7 * sizeof(*got)), "the first of them are the same");
}

static void check_shape(void)
{
	struct key_sums *s = key_sums_new(shape), *other = key_sums_new(shape);

	cr_assert(s && other);
	memset(expected, 0, sizeof(expected));
	fill(s);
	check(s);
	fill(other);
	cr_assert(key_sums_merge(s, other) == 0);
	check(s);
	key_sums_free(other);
	key_sums_free(s);
	s = key_sums_new(shape);
	cr_expect(key_sums_len(s) == 0, "of one that is used again nothing is left");
	memset(expected, 0, sizeof(expected));
	fill(s);
	check(s);
	key_sums_free(s);
}

Test(key_sums, are_those_of_the_rows)
{
	for (unsigned int words = 1; words <= KEY_WORDS_MAX; words++) {
		shape = (struct key_shape){ words, SUM_COUNTS };
		check_shape();
		shape.sums = SUM_ALL;
		check_shape();
	}
}

/* More groups than are merged: key i has 3 if i is in both halves, else 1 or 2. */
Test(key_sums, are_the_same_when_they_stay_apart)
{
	const struct key_shape narrow = { 1, SUM_COUNTS };
	const uint64_t half = 400000, common = 100000;
	struct key_sums *s = key_sums_new(narrow), *other = key_sums_new(narrow);
	struct key_group got[20] = { 0 }, total;

	cr_assert(s && other);
	for (uint64_t at = 0; at < half; at += KEY_ROWS_MAX) {
		size_t len = half - at < KEY_ROWS_MAX ? half - at : KEY_ROWS_MAX;
		struct key_rows rows = rows_of(len);

		for (size_t i = 0; i < len; i++)
			set(i, &(struct key_group){ .keys = { at + i }, .sums = { 1, 1, 1 } });
		cr_assert(key_sums_add(s, &rows) == 0);
		for (size_t i = 0; i < len; i++)
			set(i, &(struct key_group){ .keys = { at + i + half - common },
						    .sums = { 1, 2, at + i == 7 ? 90 : 2 } });
		cr_assert(key_sums_add(other, &rows) == 0);
	}
	cr_assert(key_sums_join(s, other) == 0);
	cr_expect(key_sums_top(s, SUM_OCTETS, 20, got, &total) == 20);
	cr_expect(total.keys[0] == 2 * half - common);
	cr_expect(total.sums[SUM_FLOWS] == 2 * (int64_t)half &&
		  total.sums[SUM_PACKETS] == 3 * (int64_t)half &&
		  total.sums[SUM_OCTETS] == 3 * (int64_t)half + 88);
	cr_expect(got[0].keys[0] == half - common + 7 && got[0].sums[SUM_OCTETS] == 91);
	for (uint64_t i = 1; i < 20; i++)
		cr_expect(got[i].keys[0] == half - common + i - (i <= 7) &&
				  got[i].sums[SUM_OCTETS] == 3 && got[i].sums[SUM_FLOWS] == 2,
			  "place %d: %d", (int)i, (int)got[i].keys[0]);
	key_sums_free(s);
}

Test(key_sums, end_at_the_largest_number)
{
	struct key_group g = { .sums = { 1, 1, INT64_MAX - 1 } }, got = { 0 }, total;
	struct key_sums *s = key_sums_new((struct key_shape){ 1, SUM_COUNTS });
	struct key_rows rows = rows_of(2);

	set(0, &g);
	set(1, &g);
	cr_assert(s && key_sums_add(s, &rows) == 0);
	cr_assert(key_sums_top(s, SUM_OCTETS, 1, &got, &total) == 1);
	cr_expect(got.sums[SUM_OCTETS] == INT64_MAX && got.sums[SUM_PACKETS] == 2);
	key_sums_free(s);
}

/* Rows of as many groups as they are. */
static int add_groups(struct key_sums *s, uint64_t from, size_t len)
{
	struct key_rows rows = rows_of(len);

	for (size_t i = 0; i < len; i++)
		set(i, &(struct key_group){ .keys = { from + i }, .sums = { 1, 1, 1 } });
	return key_sums_add(s, &rows);
}

Test(key_sums, have_a_limit_each_and_together)
{
	const struct key_shape wide = { 4, SUM_COUNTS }; /* 64 bytes a group */
	const uint64_t most = KEY_SUMS_BYTES_MAX / 64;
	struct key_sums *all[4] = { key_sums_new(wide) };
	uint64_t at = 0;
	size_t full = 1;

	for (; at < most; at += KEY_ROWS_MAX)
		cr_assert(add_groups(all[0], at, KEY_ROWS_MAX) == 0, "%llu",
			  (unsigned long long)at);
	cr_expect(add_groups(all[0], 0, KEY_ROWS_MAX) == 0, "those it has");
	cr_expect(add_groups(all[0], at, 1) == -ENOBUFS);
	cr_expect(add_groups(all[0], 0, 1) == -ENOBUFS, "it stays so");
	cr_expect(key_sums_len(all[0]) == most);
	for (size_t i = 1; i < 4; i++) {
		int err = 0;

		all[i] = key_sums_new(wide);
		for (at = 0; all[i] && !err && at < most; at += KEY_ROWS_MAX)
			err = add_groups(all[i], at, KEY_ROWS_MAX);
		full += all[i] && !err;
	}
	cr_expect(full < 4 && full >= 2, "%zu of four", full);
	for (size_t i = 0; i < 4; i++)
		key_sums_free(all[i]);
	all[0] = key_sums_new(wide);
	cr_expect(all[0] && add_groups(all[0], 0, KEY_ROWS_MAX) == 0, "room comes back");
	key_sums_free(all[0]);
}
