// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sums by class and hash in, the heaviest of each class out. */
#include "user/collector/rollup_best.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define LOW_BITS 10 /* of the hash, below the octets in a weight */
#define OCTETS_MAX (UINT64_MAX >> LOW_BITS)
#define ROOM_FIRST 16 /* entries a class has room for at first */

struct entry {
	uint64_t weight, hash;
};

/* The heaviest so far, up to top + 1; when there are so many, the lightest of them first. */
struct class
{
	uint64_t exporter, slot;
	uint64_t groups; /* that it has; 0: there is no such class */
	struct entry *heap;
	size_t len, room;
};

struct rollup_best {
	size_t most; /* entries of a class */
	size_t entries, entries_max; /* of all */
	struct class *at; /* open addressing */
	size_t size; /* a power of two */
	size_t len;
};

static struct entry entry_of(const struct key_group *g)
{
	uint64_t octets = (uint64_t)g->sums[SUM_OCTETS], hash = g->keys[2];

	octets = octets < OCTETS_MAX ? octets : OCTETS_MAX;
	return (struct entry){ octets << LOW_BITS | (hash & ((1u << LOW_BITS) - 1)), hash };
}

static struct class *class_at(const struct rollup_best *b, uint64_t exporter, uint64_t slot)
{
	size_t at = ((exporter << 32 ^ slot) * UINT64_C(0x9e3779b97f4a7c15)) >> 20 & (b->size - 1);

	while (b->at[at].groups && (b->at[at].exporter != exporter || b->at[at].slot != slot))
		at = (at + 1) & (b->size - 1);
	return &b->at[at];
}

static int set_size(struct rollup_best *b, size_t size)
{
	struct rollup_best more = *b;

	more.at = calloc(size, sizeof(*more.at));
	more.size = size;
	if (!more.at)
		return -ENOMEM;
	for (size_t i = 0; i < b->size; i++)
		if (b->at[i].groups)
			*class_at(&more, b->at[i].exporter, b->at[i].slot) = b->at[i];
	free(b->at);
	*b = more;
	return 0;
}

struct rollup_best *rollup_best_new(uint32_t top, size_t most)
{
	struct rollup_best *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->most = (size_t)top + 1;
	b->entries_max = most;
	if (!set_size(b, 256))
		return b;
	free(b);
	return NULL;
}

void rollup_best_free(struct rollup_best *b)
{
	for (size_t i = 0; b && i < b->size; i++)
		free(b->at[i].heap);
	if (b)
		free(b->at);
	free(b);
}

/* heap[0] is the lightest: what is lighter than its children goes up, and at[] down. */
static void sink(struct entry *heap, size_t len, size_t at)
{
	for (size_t child; (child = 2 * at + 1) < len; at = child) {
		struct entry moved = heap[at];

		if (child + 1 < len && heap[child + 1].weight < heap[child].weight)
			child++;
		if (heap[child].weight >= moved.weight)
			return;
		heap[at] = heap[child];
		heap[child] = moved;
	}
}

static int make_room(struct class *k, size_t most)
{
	size_t room = k->room ? 4 * k->room : ROOM_FIRST;
	struct entry *more;

	room = room < most ? room : most;
	more = reallocarray(k->heap, room, sizeof(*more));
	if (!more)
		return -ENOMEM;
	k->heap = more;
	k->room = room;
	return 0;
}

static int offer(struct rollup_best *b, struct class *k, struct entry e)
{
	size_t most = b->most;

	if (k->len == most) {
		if (e.weight > k->heap[0].weight) {
			k->heap[0] = e;
			sink(k->heap, most, 0);
		}
		return 0;
	}
	if (b->entries == b->entries_max)
		return -ENOBUFS;
	if (k->len == k->room && make_room(k, most))
		return -ENOMEM;
	b->entries++;
	k->heap[k->len++] = e;
	for (size_t i = k->len == most ? most / 2 : 0; i-- > 0;)
		sink(k->heap, most, i);
	return 0;
}

int rollup_best_add(struct rollup_best *b, const struct key_sums *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < key_sums_len(s); i++) {
		struct key_group g;
		struct class *k;

		if (2 * b->len >= b->size && set_size(b, 4 * b->size))
			return -ENOMEM;
		key_sums_get(s, i, &g);
		k = class_at(b, g.keys[0], g.keys[1]);
		b->len += !k->groups++;
		k->exporter = g.keys[0];
		k->slot = g.keys[1];
		err = offer(b, k, entry_of(&g));
	}
	return err;
}

int rollup_best_get(const struct rollup_best *b, uint64_t **ret, size_t *ret_len)
{
	AUTO_FREE uint64_t *best = calloc(b->entries + 1, sizeof(*best));
	size_t len = 0;

	if (!best)
		return -ENOMEM;
	for (size_t i = 0; i < b->size; i++) {
		const struct class *k = &b->at[i];
		bool all = k->groups < b->most;

		for (size_t e = 0; e < k->len; e++)
			if (all || k->heap[e].weight > k->heap[0].weight)
				best[len++] = k->heap[e].hash;
	}
	*ret = TAKE(best);
	*ret_len = len;
	return 0;
}
