// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Single packets in, rows of flows out. */
#include "user/wire/flowtable.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

/* Everything from src to tunnel_id names the flow, without a hole; then what it adds up to. */
#define KEY_BYTES 56
#define KEY_WORDS (KEY_BYTES / 8)
_Static_assert(offsetof(struct flow, src) == 0, "the key comes first");
_Static_assert(offsetof(struct flow, tunnel_id) + sizeof(uint32_t) == KEY_BYTES, "the key's end");
_Static_assert(offsetof(struct flow, kind) == KEY_BYTES, "nothing between the key and the rest");

struct flowtable {
	struct flow *rows;
	size_t len, max;
	uint32_t *slots; /* index + 1; 0 = free. At least twice as many as rows. */
	size_t mask;
	uint64_t key[KEY_WORDS]; /* of the hash: captures are chosen by others */
	flowtable_sink *sink;
	void *context;
};

int flowtable_new(size_t max_rows, flowtable_sink *sink, void *context, struct flowtable **ret)
{
	AUTO(flowtable_free) struct flowtable *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	for (t->mask = 15; t->mask < 2 * max_rows;)
		t->mask = t->mask * 2 + 1;
	t->max = max_rows;
	t->sink = sink;
	t->context = context;
	t->rows = calloc(max_rows, sizeof(*t->rows));
	t->slots = calloc(t->mask + 1, sizeof(*t->slots));
	if (!t->rows || !t->slots)
		return -ENOMEM;
	if (getrandom(t->key, sizeof(t->key), 0) != sizeof(t->key))
		return -EIO;
	*ret = TAKE(t);
	return 0;
}

void flowtable_free(struct flowtable *t)
{
	if (!t)
		return;
	free(t->rows);
	free(t->slots);
	free(t);
}

static size_t hash(const struct flowtable *t, const struct flow *one)
{
	uint64_t words[KEY_WORDS], sum = 0;

	memcpy(words, one, sizeof(words));
	for (size_t i = 0; i < KEY_WORDS; i++) {
		unsigned __int128 product = (unsigned __int128)(words[i] ^ t->key[i]) *
					    (t->key[(i + 1) % KEY_WORDS] | 1);

		sum = (sum ^ (uint64_t)product ^ (uint64_t)(product >> 64)) * 0x9e3779b97f4a7c15;
	}
	return sum >> 32;
}

static void merge(struct flow *row, const struct flow *one)
{
	row->packets += one->packets;
	row->l2_octets += one->l2_octets;
	row->l3_octets += one->l3_octets;
	row->tcp_flags |= one->tcp_flags;
	if (one->start_us < row->start_us)
		row->start_us = one->start_us;
	if (one->end_us > row->end_us)
		row->end_us = one->end_us;
	if (one->ttl_min < row->ttl_min)
		row->ttl_min = one->ttl_min;
	if (one->ttl_max > row->ttl_max)
		row->ttl_max = one->ttl_max;
}

int flowtable_flush(struct flowtable *t)
{
	int err = t->len ? t->sink(t->context, t->rows, t->len) : 0;

	t->len = 0;
	memset(t->slots, 0, (t->mask + 1) * sizeof(*t->slots));
	return err;
}

int flowtable_add(struct flowtable *t, const struct flow *one)
{
	size_t at = hash(t, one) & t->mask;
	int err;

	for (; t->slots[at]; at = (at + 1) & t->mask) {
		struct flow *row = &t->rows[t->slots[at] - 1];

		if (memcmp(row, one, KEY_BYTES) == 0) {
			merge(row, one);
			return 0;
		}
	}
	if (t->len == t->max) {
		err = flowtable_flush(t);
		if (err)
			return err;
		at = hash(t, one) & t->mask;
	}
	t->rows[t->len] = *one;
	t->slots[at] = (uint32_t)++t->len;
	return 0;
}
