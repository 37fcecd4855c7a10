// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sums by key in, the heaviest of them out. */
#include <errno.h>
#include <stdlib.h>

#include "user/collector/key_sums_internal.h"
#include "user/lib/cleanup.h"

struct place {
	const struct key_sums *s;
	enum key_sum order;
};

/* Below 0: a comes first. */
static int compare(const uint64_t *a, const uint64_t *b, const struct place *p)
{
	unsigned int words = p->s->shape.words;
	int64_t x = ((const int64_t *)a)[1 + words + p->order];
	int64_t y = ((const int64_t *)b)[1 + words + p->order];

	if (x != y)
		return x > y ? -1 : 1;
	for (unsigned int w = 1; w <= words; w++)
		if (a[w] != b[w])
			return a[w] < b[w] ? -1 : 1;
	return 0;
}

static int compare_sorted(const void *a, const void *b, void *place)
{
	return compare(*(const uint64_t *const *)a, *(const uint64_t *const *)b, place);
}

/* heap[0] is the last of those that are kept: what comes before it takes its place, and sinks. */
static void sink(const uint64_t **heap, size_t len, size_t at, const struct place *p)
{
	for (size_t child; (child = 2 * at + 1) < len; at = child) {
		const uint64_t *moved = heap[at];

		if (child + 1 < len && compare(heap[child + 1], heap[child], p) > 0)
			child++;
		if (compare(heap[child], heap[at], p) <= 0)
			return;
		heap[at] = heap[child];
		heap[child] = moved;
	}
}

long key_sums_top(const struct key_sums *s, enum key_sum order, size_t n, struct key_group *ret)
{
	size_t len = n < s->len ? n : s->len;
	AUTO_FREE const uint64_t **heap = calloc(len + 1, sizeof(*heap));
	struct place place = { s, order };

	if (!heap)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++)
		heap[i] = group_at(s, i);
	for (size_t i = len / 2; i-- > 0;)
		sink(heap, len, i, &place);
	for (size_t i = len; len && i < s->len; i++) {
		if (compare(group_at(s, i), heap[0], &place) >= 0)
			continue;
		heap[0] = group_at(s, i);
		sink(heap, len, 0, &place);
	}
	qsort_r(heap, len, sizeof(*heap), compare_sorted, &place);
	for (size_t i = 0; i < len; i++)
		key_sums_get(s, (size_t)(heap[i] - s->pages->groups) / s->stride, &ret[i]);
	return (long)len;
}
