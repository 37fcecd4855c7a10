// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, sums by pair and the heaviest of them out. */
#include "user/collector/link_sums.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "user/lib/cleanup.h"

#define INDEX_MIN (1u << 16) /* entries at first */
#define INDEX_MAX (2 * LINK_SUMS_MAX)
#define NUMBER_BITS 24 /* of an index entry; the others are a tag */
#define NUMBER_MASK ((1u << NUMBER_BITS) - 1)
#define INDEX_AHEAD 32 /* rows whose index entry, and whose pair, are fetched ahead */
#define PAIR_AHEAD 16
#define LARGE_PAGE (2u << 20)
#define KEPT 2 /* of those that are freed: their pages are there already */
#define KEPT_PAIRS_MAX (1u << 17) /* larger ones are not kept */

/* A cache line. */
struct pair {
	_Alignas(64) uint64_t hash;
	struct link_sum sum;
};

/* What is mapped, at its largest. */
struct pages {
	uint32_t index[INDEX_MAX]; /* tag | number + 1; 0: empty */
	struct pair pairs[LINK_SUMS_MAX];
};

struct link_sums {
	struct pages *pages;
	size_t index_len; /* a power of two, twice the pairs there is room for */
	size_t len;
	bool is_full;
};

static _Atomic size_t room_of_all; /* pairs */

/* ---- memory --------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what is kept */
static struct link_sums *kept[KEPT];

static struct link_sums *take_kept(void)
{
	struct link_sums *s = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEPT && !s; i++)
		s = TAKE(kept[i]);
	pthread_mutex_unlock(&lock);
	return s;
}

static bool keep(struct link_sums *s)
{
	bool is_kept = false;

	if (!s->index_len || s->len > KEPT_PAIRS_MAX || s->index_len / 2 > KEPT_PAIRS_MAX)
		return false;
	memset(s->pages->index, 0, s->index_len * sizeof(*s->pages->index));
	s->len = 0;
	s->is_full = false;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEPT && !is_kept; i++) {
		is_kept = !kept[i];
		if (is_kept)
			kept[i] = s;
	}
	pthread_mutex_unlock(&lock);
	return is_kept;
}

void link_sums_free(struct link_sums *s)
{
	if (!s || keep(s))
		return;
	atomic_fetch_sub(&room_of_all, s->index_len / 2);
	free(s->pages);
	free(s);
}

/* ---- where a pair is ------------------------------------------------------------------------ */

/* Nobody outside can choose addresses that meet. */
static uint64_t secret[4];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_secret(void)
{
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		secret[0] = (uint64_t)(uintptr_t)&secret;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash(uint64_t from_hi, uint64_t from_lo, uint64_t to_hi, uint64_t to_lo)
{
	uint64_t from =
		fold(from_lo ^ secret[0], from_hi ^ secret[1] ^ UINT64_C(0x9e3779b97f4a7c15));

	return fold(from ^ to_lo ^ secret[2], to_hi ^ secret[3] ^ UINT64_C(0xe7037ed1a0b428db));
}

static uint32_t tag_of(uint64_t h)
{
	return (uint32_t)(h >> 32) & ~NUMBER_MASK;
}

/* What the entry that h would have first leads to, for it to be fetched. */
static const struct pair *likely(const struct link_sums *s, uint64_t h)
{
	uint32_t number = s->pages->index[h & (s->index_len - 1)] & NUMBER_MASK;

	return &s->pages->pairs[number ? number - 1 : 0];
}

/* The index has twice as many entries as there are pairs, so that one is empty. */
static void put(struct link_sums *s, uint64_t h, uint32_t number)
{
	uint32_t *index = s->pages->index;
	size_t at = h & (s->index_len - 1);

	while (index[at])
		at = (at + 1) & (s->index_len - 1);
	index[at] = tag_of(h) | (number + 1);
}

/* In place: pairs know their hashes. */
static int grow_to(struct link_sums *s, size_t len)
{
	size_t more = (len - s->index_len) / 2;

	if (atomic_fetch_add(&room_of_all, more) + more > LINK_SUMS_MAX_ALL) {
		atomic_fetch_sub(&room_of_all, more);
		return -ENOBUFS;
	}
	memset(s->pages->index, 0, len * sizeof(*s->pages->index));
	s->index_len = len;
	for (size_t i = 0; i < s->len; i++)
		put(s, s->pages->pairs[i].hash, (uint32_t)i);
	return 0;
}

/* Room for n more pairs, as far as there may be. */
static int make_room(struct link_sums *s, size_t n)
{
	size_t want = s->len + n < LINK_SUMS_MAX ? s->len + n : LINK_SUMS_MAX, len = s->index_len;

	while (len / 2 < want)
		len *= 2;
	return len > s->index_len ? grow_to(s, len) : 0;
}

struct link_sums *link_sums_new(void)
{
	struct link_sums *s = take_kept();

	pthread_once(&once, make_secret);
	if (!s)
		s = calloc(1, sizeof(*s));
	if (!s || s->pages)
		return s;
	s->pages = aligned_alloc(LARGE_PAGE, sizeof(*s->pages)); /* mapped: it is that large */
	if (s->pages)
		madvise(s->pages, sizeof(*s->pages), MADV_HUGEPAGE); /* or small ones */
	if (!s->pages || grow_to(s, INDEX_MIN)) {
		link_sums_free(s);
		return NULL;
	}
	return s;
}

/* The pair's, or a new one; NULL: there is no room. */
static struct link_sum *find(struct link_sums *s, uint64_t h, const struct link_sum *key)
{
	uint32_t tag = tag_of(h), *index = s->pages->index;
	struct pair *p;
	size_t at = h & (s->index_len - 1);

	for (; index[at]; at = (at + 1) & (s->index_len - 1)) {
		if ((index[at] & ~NUMBER_MASK) != tag)
			continue;
		p = &s->pages->pairs[(index[at] & NUMBER_MASK) - 1];
		if (p->sum.from_lo == key->from_lo && p->sum.to_lo == key->to_lo &&
		    p->sum.from_hi == key->from_hi && p->sum.to_hi == key->to_hi)
			return &p->sum;
	}
	if (s->len == LINK_SUMS_MAX)
		return NULL;
	index[at] = tag | (uint32_t)(s->len + 1);
	p = &s->pages->pairs[s->len++];
	p->hash = h;
	p->sum = (struct link_sum){ key->from_hi, key->from_lo, key->to_hi, key->to_lo, 0, 0, 0 };
	return &p->sum;
}

/* ---- adding up ------------------------------------------------------------------------------ */

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void add_to(struct link_sum *sum, const struct link_sum *more)
{
	sum->octets = plus(sum->octets, more->octets);
	sum->packets = plus(sum->packets, more->packets);
	sum->flows = plus(sum->flows, more->flows);
}

static struct link_sum row_of(const struct link_rows *r, size_t i)
{
	return (struct link_sum){ r->from_hi[i], r->from_lo[i], r->to_hi[i], r->to_lo[i],
				  r->octets[i],	 r->packets[i], r->flows[i] };
}

int link_sums_add(struct link_sums *s, const struct link_rows *rows)
{
	uint64_t hashes[LINK_ROWS_MAX + INDEX_AHEAD];
	size_t n = rows->len;

	if (s->is_full || make_room(s, n)) {
		s->is_full = true;
		return -ENOBUFS;
	}
	for (size_t i = 0; i < n; i++)
		hashes[i] =
			hash(rows->from_hi[i], rows->from_lo[i], rows->to_hi[i], rows->to_lo[i]);
	memset(&hashes[n], 0, INDEX_AHEAD * sizeof(*hashes));
	for (size_t i = 0; i < n; i++) {
		struct link_sum row = row_of(rows, i), *sum;

		__builtin_prefetch(&s->pages->index[hashes[i + INDEX_AHEAD] & (s->index_len - 1)]);
		__builtin_prefetch(likely(s, hashes[i + PAIR_AHEAD]));
		sum = find(s, hashes[i], &row);
		s->is_full = !sum;
		if (!sum)
			return -ENOBUFS;
		add_to(sum, &row);
	}
	return 0;
}

int link_sums_merge(struct link_sums *s, const struct link_sums *from)
{
	s->is_full |= from->is_full || make_room(s, from->len);
	for (size_t i = 0; !s->is_full && i < from->len; i++) {
		const struct pair *p = &from->pages->pairs[i];
		struct link_sum *sum = find(s, p->hash, &p->sum);

		s->is_full = !sum;
		if (sum)
			add_to(sum, &p->sum);
	}
	return s->is_full ? -ENOBUFS : 0;
}

/* ---- the heaviest --------------------------------------------------------------------------- */

static int64_t weight_of(const struct link_sum *s, enum link_order order)
{
	return order == LINK_OCTETS ? s->octets : order == LINK_PACKETS ? s->packets : s->flows;
}

/* Below 0: a comes first. */
static int compare(const struct link_sum *a, const struct link_sum *b, enum link_order order)
{
	const uint64_t x[] = { (uint64_t)weight_of(b, order), a->from_hi, a->from_lo, a->to_hi,
			       a->to_lo };
	const uint64_t y[] = { (uint64_t)weight_of(a, order), b->from_hi, b->from_lo, b->to_hi,
			       b->to_lo };

	for (size_t i = 0; i < ARRAY_LEN(x); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static int compare_sorted(const void *a, const void *b, void *order)
{
	return compare(a, b, *(const enum link_order *)order);
}

/* heap[0] is the last of those that are kept: what comes before it takes its place, and sinks. */
static void sink(struct link_sum *heap, size_t len, size_t at, enum link_order order)
{
	for (size_t child; (child = 2 * at + 1) < len; at = child) {
		struct link_sum moved = heap[at];

		if (child + 1 < len && compare(&heap[child + 1], &heap[child], order) > 0)
			child++;
		if (compare(&heap[child], &heap[at], order) <= 0)
			return;
		heap[at] = heap[child];
		heap[child] = moved;
	}
}

size_t link_sums_top(const struct link_sums *s, enum link_order order, size_t n,
		     struct link_sum *ret)
{
	size_t len = n < s->len ? n : s->len;

	if (!len)
		return 0;
	for (size_t i = 0; i < len; i++)
		ret[i] = s->pages->pairs[i].sum;
	for (size_t i = len / 2; i-- > 0;)
		sink(ret, len, i, order);
	for (size_t i = len; i < s->len; i++) {
		const struct link_sum *sum = &s->pages->pairs[i].sum;

		if (compare(sum, &ret[0], order) >= 0)
			continue;
		ret[0] = *sum;
		sink(ret, len, 0, order);
	}
	qsort_r(ret, len, sizeof(*ret), compare_sorted, &order);
	return len;
}

struct link_sum link_sums_total(const struct link_sums *s, size_t *ret_pairs)
{
	struct link_sum total = { 0 };

	for (size_t i = 0; i < s->len; i++)
		add_to(&total, &s->pages->pairs[i].sum);
	*ret_pairs = s->len;
	return total;
}
