// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sums by key in, the heaviest of them and what they add up to out. */
#include <stdlib.h>
#include <string.h>

#include "user/collector/key_sums_internal.h"
#include "user/lib/cleanup.h"

/* at[0] is the last of those that are kept: what comes before it takes its place, and sinks. */
struct heap {
	struct key_group *at;
	size_t len, max;
	enum key_sum order;
	unsigned int words;
};

/* Below 0: a comes first. */
static int compare(const struct key_group *a, const struct key_group *b, const struct heap *h)
{
	if (a->sums[h->order] != b->sums[h->order])
		return a->sums[h->order] > b->sums[h->order] ? -1 : 1;
	for (unsigned int w = 0; w < h->words; w++)
		if (a->keys[w] != b->keys[w])
			return a->keys[w] < b->keys[w] ? -1 : 1;
	return 0;
}

static int compare_sorted(const void *a, const void *b, void *heap)
{
	return compare(a, b, heap);
}

static void sink(struct heap *h, size_t at)
{
	for (size_t child; (child = 2 * at + 1) < h->len; at = child) {
		struct key_group moved = h->at[at];

		if (child + 1 < h->len && compare(&h->at[child + 1], &h->at[child], h) > 0)
			child++;
		if (compare(&h->at[child], &moved, h) <= 0)
			return;
		h->at[at] = h->at[child];
		h->at[child] = moved;
	}
}

static void offer(struct heap *h, const struct key_sums *s, const uint64_t *group)
{
	struct key_group g = { 0 };

	if (!h->max || (h->len == h->max && sums_of(s, group)[h->order] < h->at[0].sums[h->order]))
		return;
	copy_group(s, group, &g);
	if (h->len < h->max) {
		h->at[h->len++] = g;
		for (size_t i = h->len == h->max ? h->max / 2 : 0; i-- > 0;)
			sink(h, i);
	} else if (compare(&g, &h->at[0], h) < 0) {
		h->at[0] = g;
		sink(h, 0);
	}
}

/* ---- groups of several ---------------------------------------------------------------------- */

/* What all of them have of a group, the number-th of `at`; false: it was told of one before it. */
static bool combine(const struct key_sums *at, size_t number, uint64_t *to)
{
	const uint64_t *group = group_at(at, number);

	if (at->told && at->told[number / 8] >> number % 8 & 1)
		return false;
	memcpy(to, group, at->stride * sizeof(*to));
	for (struct key_sums *s = at->next; s; s = s->next) {
		const uint64_t *more = key_sums_look_up(s, group);
		size_t found = more ? (size_t)(more - s->pages->groups) / s->stride : 0;

		if (!more)
			continue;
		key_sums_add_group(at, to, more);
		s->told[found / 8] |= (uint8_t)(1u << found % 8);
	}
	return true;
}

/* Where the others have it, some groups before its turn. */
static void fetch(const struct key_sums *at, size_t number)
{
	if (number + FETCH_AHEAD >= at->len)
		return;
	for (const struct key_sums *s = at->next; s; s = s->next)
		key_sums_fetch(s, *group_at(at, number + FETCH_AHEAD),
			       *group_at(at, number + FETCH_AHEAD / 2));
}

size_t key_sums_top(struct key_sums *s, enum key_sum order, size_t n, struct key_group *ret,
		    struct key_group *total)
{
	struct heap h = { ret, 0, n, order, s->shape.words };
	uint64_t all[STRIDE_MAX], sum[STRIDE_MAX], groups = 0;

	key_sums_empty(s, all);
	for (const struct key_sums *at = s; at; at = at->next) {
		for (size_t i = 0; i < at->len; i++) {
			const uint64_t *group = group_at(at, i);

			if (s->next) {
				fetch(at, i);
				if (!combine(at, i, sum))
					continue;
				group = sum;
			}
			groups++;
			key_sums_add_group(s, all, group);
			offer(&h, s, group);
		}
	}
	qsort_r(ret, h.len, sizeof(*ret), compare_sorted, &h);
	copy_group(s, all, total);
	total->keys[0] = groups;
	return h.len;
}
