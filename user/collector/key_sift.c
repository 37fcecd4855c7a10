// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, which of them may be of the heaviest groups out. */
#include "user/collector/key_sift.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/key_sums_internal.h"
#include "user/lib/cleanup.h"

#define CELL_BITS_MIN 16
#define CELL_BITS_MAX 22
#define OCTETS_SHIFT 6 /* cells of octets count in units of 64 */
#define AHEAD 32 /* rows whose cells are fetched ahead */
#define WORD_BITS 64
#define SAMPLED 16 /* of so many cells one is looked at, for how heavy they are */
#define MANTISSA_BITS 6 /* of a class of sums: 64 in each power of two */
#define CLASSES (33u << MANTISSA_BITS)

struct key_cells {
	unsigned int bits, shift;
	enum key_sum order;
	int64_t total[SUM_COUNTS];
	uint32_t at[]; /* sums in units, each value rounded up; UINT32_MAX: that or more */
};

static struct sift {
	bool is_taken;
	unsigned int bits;
	enum key_sum order;
	struct key_cells *cells; /* NULL: no rows */
	uint64_t *marks; /* a bit for each cell */
	unsigned int mark_bits;
} sifts[SIFTS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of is_taken */

static struct sift *sift_at(unsigned int number)
{
	return &sifts[number - 1];
}

unsigned int key_sift_new(uint64_t rows, enum key_sum order)
{
	unsigned int number = 0, bits = CELL_BITS_MIN;

	while (bits < CELL_BITS_MAX && rows >> bits)
		bits++;
	pthread_mutex_lock(&lock);
	for (unsigned int i = 1; i <= SIFTS_MAX && !number; i++)
		number = sift_at(i)->is_taken ? 0 : i;
	if (number)
		*sift_at(number) = (struct sift){ .is_taken = true, .bits = bits, .order = order };
	pthread_mutex_unlock(&lock);
	return number;
}

void key_sift_free(unsigned int number)
{
	struct sift *s = number ? sift_at(number) : NULL;

	if (!s)
		return;
	key_cells_free(TAKE(s->cells));
	free(TAKE(s->marks));
	pthread_mutex_lock(&lock);
	s->is_taken = false;
	pthread_mutex_unlock(&lock);
}

/* ---- cells ---------------------------------------------------------------------------------- */

static size_t cells_bytes(unsigned int bits)
{
	return sizeof(struct key_cells) + (sizeof(uint32_t) << bits);
}

struct key_cells *key_cells_new(unsigned int number)
{
	const struct sift *s = sift_at(number);
	size_t bytes = cells_bytes(s->bits);
	struct key_cells *c;

	if (!key_sums_reserve(bytes))
		return NULL;
	c = key_sums_pages(bytes);
	if (!c) {
		key_sums_unreserve(bytes);
		return NULL;
	}
	memset(c, 0, bytes);
	c->bits = s->bits;
	c->order = s->order;
	c->shift = s->order == SUM_OCTETS ? OCTETS_SHIFT : 0;
	return c;
}

void key_cells_free(struct key_cells *c)
{
	if (!c)
		return;
	key_sums_unreserve(cells_bytes(c->bits));
	free(c);
}

INLINE uint32_t add_capped(uint32_t a, uint32_t b)
{
	uint32_t sum = a + b;

	return sum < a ? UINT32_MAX : sum;
}

/* A count that seems to be negative has more than a sum can say. */
INLINE uint32_t in_units(int64_t value, unsigned int shift)
{
	uint64_t units = ((uint64_t)value >> shift) + !!((uint64_t)value & ((1u << shift) - 1));

	return units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
}

INLINE void add_values(struct key_cells *c, const uint64_t *hashes, const int64_t *values, size_t n,
		       unsigned int shift)
{
	uint64_t mask = (UINT64_C(1) << c->bits) - 1;

	for (size_t i = 0; i < n; i++) {
		uint32_t *cell = &c->at[hashes[i] & mask];

		__builtin_prefetch(&c->at[hashes[i + AHEAD] & mask], 1);
		*cell = add_capped(*cell, in_units(values[i], shift));
	}
}

HOT void key_cells_add(struct key_cells *c, const struct key_rows *rows, unsigned int words)
{
	uint64_t hashes[KEY_ROWS_MAX + AHEAD];

	key_sums_hash(rows, words, hashes);
	memset(&hashes[rows->len], 0, AHEAD * sizeof(*hashes));
	if (c->order == SUM_OCTETS)
		add_values(c, hashes, rows->sums[SUM_OCTETS], rows->len, OCTETS_SHIFT);
	else
		add_values(c, hashes, rows->sums[c->order], rows->len, 0);
	for (unsigned int k = 0; k < SUM_COUNTS; k++)
		key_sums_add_all(&c->total[k], rows->sums[k], rows->len);
}

void key_cells_merge(struct key_cells *c, const struct key_cells *from)
{
	for (size_t i = 0; i < (size_t)1 << c->bits; i++)
		c->at[i] = add_capped(c->at[i], from->at[i]);
	for (unsigned int k = 0; k < SUM_COUNTS; k++)
		key_sums_add_all(&c->total[k], &from->total[k], 1);
}

void key_sift_set(unsigned int number, struct key_cells *cells)
{
	struct sift *s = sift_at(number);

	key_cells_free(s->cells);
	s->cells = cells;
}

void key_sift_total(unsigned int number, struct key_group *ret)
{
	const struct key_cells *c = sift_at(number)->cells;

	*ret = (struct key_group){ 0 };
	if (c)
		memcpy(ret->sums, c->total, sizeof(c->total));
}

/* ---- marks ---------------------------------------------------------------------------------- */

static int new_marks(struct sift *s, unsigned int bits)
{
	free(s->marks);
	s->mark_bits = bits;
	s->marks = calloc(((size_t)1 << bits) / WORD_BITS, sizeof(*s->marks));
	return s->marks ? 0 : -ENOMEM;
}

INLINE void mark(struct sift *s, uint64_t cell)
{
	s->marks[cell / WORD_BITS] |= UINT64_C(1) << cell % WORD_BITS;
}

/* Those with at least so many units. */
static int mark_from(struct sift *s, uint32_t units)
{
	int err = new_marks(s, s->bits);

	if (err || !s->cells)
		return err;
	for (size_t word = 0; word < ((size_t)1 << s->bits) / WORD_BITS; word++) {
		const uint32_t *at = &s->cells->at[word * WORD_BITS];
		uint64_t bits = 0;

		for (unsigned int i = 0; i < WORD_BITS; i++)
			bits |= (uint64_t)(at[i] >= units) << i;
		s->marks[word] = bits;
	}
	return 0;
}

/* A number for the size of a sum, which grows with it; small ones are their own. */
INLINE unsigned int class_of(uint32_t sum)
{
	unsigned int top = sum >> MANTISSA_BITS ? 31 - (unsigned int)__builtin_clz(sum) : 0;
	unsigned int shift = top > MANTISSA_BITS ? top - MANTISSA_BITS : 0;

	return (shift << MANTISSA_BITS) + (sum >> shift);
}

/* The smallest sum of a class. */
static uint32_t class_from(unsigned int class)
{
	unsigned int shift = class >> (MANTISSA_BITS + 1) ? (class >> MANTISSA_BITS) - 1 : 0;

	return (class - (shift << MANTISSA_BITS)) << shift;
}

int key_sift_mark_heaviest(unsigned int number, size_t wanted, int64_t *bound)
{
	struct sift *s = sift_at(number);
	AUTO_FREE uint32_t *classes = calloc(CLASSES, sizeof(*classes));
	unsigned int class = CLASSES - 1;
	size_t cells = 0;
	uint32_t units;

	if (!classes)
		return -ENOMEM;
	for (size_t i = 0; s->cells && i < (size_t)1 << s->bits; i += SAMPLED)
		classes[class_of(s->cells->at[i])] += SAMPLED;
	while (class > 0 && (!cells || cells + classes[class] <= wanted))
		cells += classes[class --];
	units = class_from(class + 1);
	*bound = ((int64_t)(units - 1) << (s->order == SUM_OCTETS ? OCTETS_SHIFT : 0)) + 1;
	return mark_from(s, units);
}

int key_sift_mark_least(unsigned int number, int64_t least)
{
	struct sift *s = sift_at(number);
	unsigned int shift = s->order == SUM_OCTETS ? OCTETS_SHIFT : 0;

	return mark_from(s, in_units(least, shift));
}

int key_sift_mark_groups(unsigned int number, const struct key_group *groups, size_t len,
			 unsigned int words)
{
	struct sift *s = sift_at(number);
	int err = new_marks(s, CELL_BITS_MIN);

	for (size_t i = 0; !err && i < len; i++) {
		struct key_rows row = { .len = 1 };
		uint64_t hash;

		for (unsigned int w = 0; w < words; w++)
			row.keys[w] = &groups[i].keys[w];
		key_sums_hash(&row, words, &hash);
		mark(s, hash & ((1u << CELL_BITS_MIN) - 1));
	}
	return err;
}

HOT size_t key_sift_pick(unsigned int number, const struct key_rows *rows, unsigned int words,
			 uint16_t picked[KEY_ROWS_MAX])
{
	const struct sift *s = sift_at(number);
	uint64_t hashes[KEY_ROWS_MAX], mask = (UINT64_C(1) << s->mark_bits) - 1;
	size_t n = 0;

	key_sums_hash(rows, words, hashes);
	for (size_t i = 0; i < rows->len; i++) {
		uint64_t cell = hashes[i] & mask;

		picked[n] = (uint16_t)i;
		n += s->marks[cell / WORD_BITS] >> cell % WORD_BITS & 1;
	}
	return n;
}
