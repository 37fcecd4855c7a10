// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sums by class and hash in, the heaviest of each class out. */
#include "user/collector/rollup_best.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "user/lib/cleanup.h"

#define LOW_BITS 10 /* of the hash, below the octets in a weight */
#define OCTETS_MAX (UINT64_MAX >> LOW_BITS)

/* Of one class: the heaviest so far, the lightest of them first. */
struct class
{
	uint64_t exporter, slot;
	uint64_t groups;
	uint64_t *heap; /* of up to top + 1 */
	size_t len;
};

struct classes {
	struct class *at; /* open addressing; groups == 0: empty */
	size_t size; /* a power of two */
	size_t len;
};

static uint64_t weight_of(const struct key_group *g)
{
	uint64_t octets = (uint64_t)g->sums[SUM_OCTETS];

	octets = octets < OCTETS_MAX ? octets : OCTETS_MAX;
	return octets << LOW_BITS | (g->keys[2] & ((1u << LOW_BITS) - 1));
}

static struct class *class_at(struct classes *c, uint64_t exporter, uint64_t slot)
{
	size_t at = ((exporter << 32 ^ slot) * UINT64_C(0x9e3779b97f4a7c15)) >> 20 & (c->size - 1);

	while (c->at[at].groups && (c->at[at].exporter != exporter || c->at[at].slot != slot))
		at = (at + 1) & (c->size - 1);
	return &c->at[at];
}

static int grow(struct classes *c)
{
	struct classes more = { .size = c->size ? 4 * c->size : 256, .len = c->len };

	more.at = calloc(more.size, sizeof(*more.at));
	if (!more.at)
		return -ENOMEM;
	for (size_t i = 0; i < c->size; i++)
		if (c->at[i].groups)
			*class_at(&more, c->at[i].exporter, c->at[i].slot) = c->at[i];
	free(c->at);
	*c = more;
	return 0;
}

/* How many groups each class has. */
static int count_classes(const struct key_sums *s, struct classes *c)
{
	struct key_group g;
	struct class *k;

	for (size_t i = 0; i < key_sums_len(s); i++) {
		if (2 * c->len >= c->size && grow(c))
			return -ENOMEM;
		key_sums_get(s, i, &g);
		k = class_at(c, g.keys[0], g.keys[1]);
		c->len += !k->groups;
		k->exporter = g.keys[0];
		k->slot = g.keys[1];
		k->groups++;
	}
	return 0;
}

/* heap[0] is the lightest: it goes down to where it belongs. */
static void sink(uint64_t *heap, size_t len, size_t at)
{
	for (size_t child; (child = 2 * at + 1) < len; at = child) {
		uint64_t moved = heap[at];

		if (child + 1 < len && heap[child + 1] < heap[child])
			child++;
		if (heap[child] >= moved)
			return;
		heap[at] = heap[child];
		heap[child] = moved;
	}
}

static void keep_heaviest(struct class *k, size_t most, uint64_t weight)
{
	if (k->len < most) {
		k->heap[k->len++] = weight;
		for (size_t i = k->len == most ? most / 2 : 0; i-- > 0;)
			sink(k->heap, most, i);
		return;
	}
	if (weight <= k->heap[0])
		return;
	k->heap[0] = weight;
	sink(k->heap, most, 0);
}

/* Each class's heap, out of one array; of those that need one. */
static int find_bars(const struct key_sums *s, struct classes *c, uint32_t top, uint64_t **memory)
{
	size_t heaps = 0, most = (size_t)top + 1;
	struct key_group g;
	uint64_t *at;

	for (size_t i = 0; i < c->size; i++)
		heaps += c->at[i].groups > top ? most : 0;
	at = *memory = calloc(heaps + 1, sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < c->size; i++) {
		if (c->at[i].groups <= top)
			continue;
		c->at[i].heap = at;
		at += most;
	}
	for (size_t i = 0; i < key_sums_len(s); i++) {
		struct class *k;

		key_sums_get(s, i, &g);
		k = class_at(c, g.keys[0], g.keys[1]);
		if (k->heap)
			keep_heaviest(k, most, weight_of(&g));
	}
	return 0;
}

int rollup_best(const struct key_sums *s, uint32_t top, struct rollup_best **ret, size_t *ret_len)
{
	AUTO_FREE struct rollup_best *best = calloc(key_sums_len(s) + 1, sizeof(*best));
	AUTO_FREE uint64_t *memory = NULL;
	struct classes c = { 0 };
	struct key_group g;
	size_t len = 0;
	int err = best ? count_classes(s, &c) : -ENOMEM;

	if (!err)
		err = find_bars(s, &c, top, &memory);
	for (size_t i = 0; !err && i < key_sums_len(s); i++) {
		const struct class *k;

		key_sums_get(s, i, &g);
		k = class_at(&c, g.keys[0], g.keys[1]);
		if (!k->heap || weight_of(&g) > k->heap[0])
			best[len++] = (struct rollup_best){ g.keys[0], g.keys[1], g.keys[2] };
	}
	free(c.at);
	if (err)
		return err;
	*ret = TAKE(best);
	*ret_len = len;
	return 0;
}
