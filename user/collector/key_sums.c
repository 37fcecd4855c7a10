// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, sums by key and the heaviest of them out. */
#include "user/collector/key_sums_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "user/lib/cleanup.h"

#define INDEX_MIN (1u << 16) /* entries at first */
#define INDEX_JUMP (1u << 18) /* who has so many will soon have more */
#define NUMBER_BITS 24 /* of an index entry; the others are a tag */
#define NUMBER_MASK ((1u << NUMBER_BITS) - 1)
#define INDEX_AHEAD 32 /* rows whose index entry, and whose group, are fetched ahead */
#define GROUP_AHEAD 16
#define GROUPS_STEP 16384 /* that room is taken for at once */
#define MERGED_MAX (1u << 18) /* groups; more of them stay apart, which takes half the memory */
#define APART_MIN (1u << 14) /* groups, before it is said that hardly any rows share one */
#define SMALL_BITS 50 /* KEY_ROWS_MAX numbers of so many fit in a sum */

/* ---- where a group is ----------------------------------------------------------------------- */

/* Nobody outside can choose keys that meet. */
static uint64_t secret[KEY_WORDS_MAX];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_secret(void)
{
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		secret[0] = (uint64_t)(uintptr_t)&secret;
}

INLINE uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Words w and w + 1. */
INLINE uint64_t mix(uint64_t h, size_t w, uint64_t a, uint64_t b)
{
	return fold(a ^ secret[w % KEY_WORDS_MAX] ^ h,
		    b ^ secret[(w + 1) % KEY_WORDS_MAX] ^ UINT64_C(0x9e3779b97f4a7c15));
}

#define HASH_START UINT64_C(0xe7037ed1a0b428db)

INLINE uint64_t hash(const struct key_rows *r, size_t i, unsigned int words)
{
	uint64_t h = HASH_START;

	for (unsigned int w = 0; w < words; w += 2)
		h = mix(h, w, r->keys[w][i], w + 1 < words ? r->keys[w + 1][i] : 0);
	return h;
}

uint64_t key_hash(const uint64_t *words, size_t n)
{
	uint64_t h = HASH_START;

	pthread_once(&once, make_secret);
	for (size_t w = 0; w < n; w += 2)
		h = mix(h, w, words[w], w + 1 < n ? words[w + 1] : 0);
	return h;
}

HOT void key_sums_hash(const struct key_rows *rows, unsigned int words, uint64_t *hashes)
{
	pthread_once(&once, make_secret);
	if (words == 1) {
		for (size_t i = 0; i < rows->len; i++)
			hashes[i] = hash(rows, i, 1);
	} else if (words == 2) {
		for (size_t i = 0; i < rows->len; i++)
			hashes[i] = hash(rows, i, 2);
	} else {
		for (size_t i = 0; i < rows->len; i++)
			hashes[i] = hash(rows, i, words);
	}
}

INLINE uint32_t tag_of(uint64_t h)
{
	return (uint32_t)(h >> 32) & ~NUMBER_MASK;
}

/* What the entry that h would have first leads to, for it to be fetched. */
INLINE const uint64_t *likely(const struct key_sums *s, uint64_t h)
{
	uint32_t number = s->pages->index[h & (s->index_len - 1)] & NUMBER_MASK;

	return group_at(s, number ? number - 1 : 0);
}

/* The index has twice as many entries as there are groups, so that one is empty. */
static void put(struct key_sums *s, uint64_t h, uint32_t number)
{
	uint32_t *index = s->pages->index;
	size_t at = h & (s->index_len - 1);

	while (index[at])
		at = (at + 1) & (s->index_len - 1);
	index[at] = tag_of(h) | (number + 1);
}

/* In place: groups know their hashes. */
static void grow_to(struct key_sums *s, size_t index_len)
{
	memset(s->pages->index, 0, index_len * sizeof(*s->pages->index));
	s->index_len = index_len;
	for (size_t i = 0; i < s->len; i++)
		put(s, *group_at(s, i), (uint32_t)i);
}

/* Room for n more groups, as far as there may be. */
static int make_room(struct key_sums *s, size_t n)
{
	size_t want = s->len + n < s->len_max ? s->len + n : s->len_max, len = s->index_len;

	while (len / 2 < want)
		len *= len == INDEX_JUMP ? 4 : 2;
	if (len == s->index_len && want <= s->groups_room)
		return 0;
	want = (want + GROUPS_STEP - 1) / GROUPS_STEP * GROUPS_STEP;
	if (key_sums_take_room(s, len, want))
		return -ENOBUFS;
	s->groups_room = want;
	if (len > s->index_len)
		grow_to(s, len);
	return 0;
}

static void set_shape(struct key_sums *s, struct key_shape shape)
{
	s->shape = shape;
	s->stride = 1 + shape.words + shape.sums;
	s->len_max = KEY_SUMS_BYTES_MAX / sizeof(uint64_t) / s->stride;
	if (s->len_max > INDEX_MAX / 2)
		s->len_max = INDEX_MAX / 2;
}

struct key_sums *key_sums_new(struct key_shape shape)
{
	struct key_sums *s = key_sums_take();
	size_t index_len;

	pthread_once(&once, make_secret);
	if (!s)
		return NULL;
	set_shape(s, shape);
	index_len = s->index_len ? s->index_len : INDEX_MIN;
	s->groups_room = 0;
	if (!key_sums_take_room(s, index_len, 0)) {
		grow_to(s, index_len);
		return s;
	}
	s->index_len = 0; /* it is not kept */
	key_sums_free(s);
	return NULL;
}

/* ---- adding up ------------------------------------------------------------------------------ */

INLINE int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Counts are not negative: one that seems to be has more than a sum can say. */
INLINE void add_sum(int64_t *sums, unsigned int which, int64_t more)
{
	if (which == SUM_FIRST_US)
		sums[which] = more < sums[which] ? more : sums[which];
	else if (which == SUM_LAST_US)
		sums[which] = more > sums[which] ? more : sums[which];
	else
		sums[which] = plus(sums[which], more < 0 ? INT64_MAX : more);
}

static void empty_sums(int64_t *sums, unsigned int len)
{
	static const int64_t none[SUM_ALL] = {
		[SUM_FIRST_US] = INT64_MAX, [SUM_LAST_US] = INT64_MIN
	};

	memcpy(sums, none, len * sizeof(*sums));
}

INLINE bool has_key(const uint64_t *group, const struct key_rows *r, size_t i, unsigned int words)
{
	uint64_t other = 0;

	for (unsigned int w = 0; w < words; w++)
		other |= group[1 + w] ^ r->keys[w][i];
	return !other;
}

static uint64_t *new_group(struct key_sums *s, uint64_t h, size_t at)
{
	uint64_t *group;

	if (s->len == s->len_max)
		return NULL;
	s->pages->index[at] = tag_of(h) | (uint32_t)(s->len + 1);
	group = group_at(s, s->len++);
	group[0] = h;
	empty_sums((int64_t *)group + 1 + s->shape.words, s->shape.sums);
	return group;
}

/* The row's group, or a new one; NULL: there is no room. */
INLINE uint64_t *find(struct key_sums *s, uint64_t h, const struct key_rows *r, size_t i,
		      unsigned int words)
{
	uint32_t tag = tag_of(h), *index = s->pages->index;
	uint64_t *group;
	size_t at = h & (s->index_len - 1);

	for (; index[at]; at = (at + 1) & (s->index_len - 1)) {
		if ((index[at] & ~NUMBER_MASK) != tag)
			continue;
		group = group_at(s, (index[at] & NUMBER_MASK) - 1);
		if (has_key(group, r, i, words))
			return group;
	}
	group = new_group(s, h, at);
	for (unsigned int w = 0; group && w < words; w++)
		group[1 + w] = r->keys[w][i];
	return group;
}

/* Whether a row has the key of the one before it. */
INLINE bool is_same(const struct key_rows *r, size_t i, unsigned int words)
{
	uint64_t other = 0;

	for (unsigned int w = 0; w < words; w++)
		other |= r->keys[w][i] ^ r->keys[w][i - 1];
	return !other;
}

/* Where each run of rows with one key begins, and its hash; rows of files come in long ones. */
INLINE size_t find_runs(const struct key_rows *r, unsigned int words, uint16_t *starts,
			uint64_t *hashes)
{
	size_t n = 0;

	for (size_t i = 0; i < r->len; i++) {
		starts[n] = (uint16_t)i;
		n += !i || !is_same(r, i, words);
	}
	for (size_t k = 0; k < n; k++)
		hashes[k] = hash(r, starts[k], words);
	starts[n] = (uint16_t)r->len;
	return n;
}

/* As add_sum() of each; all at once where no sum of so many can be too large. */
INLINE void add_run(int64_t *sums, unsigned int which, const int64_t *values, size_t n)
{
	uint64_t any = 0, all = 0;

	if (n == 1 || which == SUM_FIRST_US || which == SUM_LAST_US) {
		for (size_t i = 0; i < n; i++)
			add_sum(sums, which, values[i]);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		any |= (uint64_t)values[i];
		all += (uint64_t)values[i];
	}
	for (size_t i = 0; any >> SMALL_BITS && i < n; i++)
		add_sum(sums, which, values[i]);
	if (!(any >> SMALL_BITS))
		add_sum(sums, which, (int64_t)all);
}

/* `words` and `sums` are the shape's, constants where it is a common one. */
INLINE int add_rows(struct key_sums *s, const struct key_rows *r, unsigned int words,
		    unsigned int sums)
{
	uint64_t hashes[KEY_ROWS_MAX + INDEX_AHEAD];
	uint16_t starts[KEY_ROWS_MAX + 1];
	size_t n = find_runs(r, words, starts, hashes);

	memset(&hashes[n], 0, INDEX_AHEAD * sizeof(*hashes));
	for (size_t k = 0; k < n; k++) {
		uint64_t *group;

		__builtin_prefetch(&s->pages->index[hashes[k + INDEX_AHEAD] & (s->index_len - 1)]);
		__builtin_prefetch(likely(s, hashes[k + GROUP_AHEAD]));
		group = find(s, hashes[k], r, starts[k], words);
		if (!group)
			return -ENOBUFS;
		for (unsigned int m = 0; m < sums; m++)
			add_run((int64_t *)group + 1 + words, m, r->sums[m] + starts[k],
				(size_t)(starts[k + 1] - starts[k]));
	}
	return 0;
}
_Static_assert(KEY_ROWS_MAX <= UINT16_MAX, "rows have numbers of 16 bits");

#define ADD_ROWS(words)                                                              \
	HOT static int add_##words(struct key_sums *s, const struct key_rows *r)     \
	{                                                                            \
		return s->shape.sums == SUM_ALL ? add_rows(s, r, words, SUM_ALL)     \
						: add_rows(s, r, words, SUM_COUNTS); \
	}
ADD_ROWS(1)
ADD_ROWS(2)
ADD_ROWS(3)
ADD_ROWS(4)
ADD_ROWS(5)

HOT static int add_more(struct key_sums *s, const struct key_rows *r)
{
	return add_rows(s, r, s->shape.words, s->shape.sums);
}

int key_sums_add(struct key_sums *s, const struct key_rows *rows)
{
	static int (*const add[])(struct key_sums *s, const struct key_rows *r) = { NULL,  add_1,
										    add_2, add_3,
										    add_4, add_5 };
	unsigned int words = s->shape.words;

	s->rows += rows->len;
	if (!s->is_full)
		s->is_full = make_room(s, rows->len) ||
			     (words < ARRAY_LEN(add) ? add[words](s, rows) : add_more(s, rows));
	return s->is_full ? -ENOBUFS : 0;
}

void key_sums_add_all(int64_t *sum, const int64_t *values, size_t n)
{
	add_run(sum, SUM_FLOWS, values, n);
}

bool key_sums_are_apart(const struct key_sums *s)
{
	return s->len >= APART_MIN && s->len > s->rows / 8 * 7;
}

/* A group of another one as a row of one's own. */
static struct key_rows row_of(const struct key_sums *s, const uint64_t *group)
{
	struct key_rows row = { .len = 1 };

	for (unsigned int w = 0; w < s->shape.words; w++)
		row.keys[w] = &group[1 + w];
	return row;
}

void key_sums_add_group(const struct key_sums *s, uint64_t *to, const uint64_t *group)
{
	for (unsigned int k = 0; k < s->shape.sums; k++)
		add_sum((int64_t *)to + 1 + s->shape.words, k, sums_of(s, group)[k]);
}

static int merge_group(struct key_sums *s, const uint64_t *from)
{
	struct key_rows row = row_of(s, from);
	uint64_t *group = find(s, from[0], &row, 0, s->shape.words);

	if (!group)
		return -ENOBUFS;
	key_sums_add_group(s, group, from);
	return 0;
}

int key_sums_merge(struct key_sums *s, const struct key_sums *from)
{
	s->rows += from->rows;
	s->is_full |= from->is_full || make_room(s, from->len);
	for (size_t i = 0; !s->is_full && i < from->len; i++) {
		if (i + INDEX_AHEAD < from->len)
			key_sums_fetch(s, *group_at(from, i + INDEX_AHEAD),
				       *group_at(from, i + GROUP_AHEAD));
		s->is_full = merge_group(s, group_at(from, i)) != 0;
	}
	return s->is_full ? -ENOBUFS : 0;
}

int key_sums_join(struct key_sums *s, struct key_sums *from)
{
	struct key_sums **end = &s->next;
	int err = 0;

	if (from->len <= MERGED_MAX && !from->next) {
		err = key_sums_merge(s, from);
		key_sums_free(from);
		return err;
	}
	while (*end)
		end = &(*end)->next;
	*end = from;
	for (struct key_sums *at = from; at; at = at->next) {
		free(at->told);
		at->told = calloc(1, at->len / 8 + 1);
		if (!at->told)
			return -ENOMEM;
	}
	return from->is_full ? -ENOBUFS : 0;
}

/* ---- asking --------------------------------------------------------------------------------- */

void key_sums_fetch(const struct key_sums *s, uint64_t hash, uint64_t next)
{
	__builtin_prefetch(&s->pages->index[hash & (s->index_len - 1)]);
	__builtin_prefetch(likely(s, next));
}

const uint64_t *key_sums_look_up(const struct key_sums *s, const uint64_t *group)
{
	const struct key_rows row = row_of(s, group);
	const uint32_t *index = s->pages->index;
	uint32_t tag = tag_of(group[0]);

	for (size_t at = group[0] & (s->index_len - 1); index[at];
	     at = (at + 1) & (s->index_len - 1)) {
		const uint64_t *found;

		if ((index[at] & ~NUMBER_MASK) != tag)
			continue;
		found = group_at(s, (index[at] & NUMBER_MASK) - 1);
		if (has_key(found, &row, 0, s->shape.words))
			return found;
	}
	return NULL;
}

void key_sums_empty(const struct key_sums *s, uint64_t *group)
{
	memset(group, 0, s->stride * sizeof(*group));
	empty_sums((int64_t *)group + 1 + s->shape.words, s->shape.sums);
}

size_t key_sums_len(const struct key_sums *s)
{
	return s->len;
}

void key_sums_get(const struct key_sums *s, size_t i, struct key_group *ret)
{
	copy_group(s, group_at(s, i), ret);
}
