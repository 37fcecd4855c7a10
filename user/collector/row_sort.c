// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Blocks in, their rows sorted out. */
#include "user/collector/row_sort.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)
#define AHEAD \
	16 /* rows that are fetched before their turn; so many numbers stand behind the last */

struct row_sort {
	uint32_t len, max;
	uint8_t *columns[BLOCK_COLUMNS]; /* of max values, touched as far as needed */
	bool is_alike[BLOCK_COLUMNS]; /* all values so far are this one, and stand nowhere */
	uint64_t value[BLOCK_COLUMNS];
	uint32_t *order, *spare;
};

/* The last one first: each sort keeps what the one before it did. */
static const size_t keys[] = { FLOW_START_US, FLOW_DST_PORT, FLOW_DST_LO,
			       FLOW_DST_HI,   FLOW_SRC_LO,   FLOW_SRC_HI };

struct row_sort *row_sort_new(uint32_t rows_max)
{
	struct row_sort *s = calloc(1, sizeof(*s));
	bool failed = !s;

	for (size_t i = 0; !failed && i < BLOCK_COLUMNS; i++) {
		s->columns[i] = malloc(rows_max * block_column_size(i));
		failed = !s->columns[i];
	}
	if (!failed) {
		s->max = rows_max;
		s->order = calloc(rows_max + AHEAD, sizeof(*s->order));
		s->spare = calloc(rows_max + AHEAD, sizeof(*s->spare));
		failed = !s->order || !s->spare;
	}
	if (!failed)
		return s;
	row_sort_free(s);
	return NULL;
}

void row_sort_free(struct row_sort *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		free(s->columns[i]);
	free(s->order);
	free(s->spare);
	free(s);
}

void row_sort_clear(struct row_sort *s)
{
	s->len = 0;
}

uint32_t row_sort_len(const struct row_sort *s)
{
	return s->len;
}

static void add_column(struct row_sort *s, size_t i, const struct block_head *head,
		       const uint8_t *block)
{
	const struct block_column *c = &head->columns[i];

	if (!c->width && (!s->len || (s->is_alike[i] && s->value[i] == c->base))) {
		s->is_alike[i] = true;
		s->value[i] = c->base;
		return;
	}
	if (s->len && s->is_alike[i])
		block_fill(i, s->value[i], s->len, s->columns[i]);
	s->is_alike[i] = false;
	block_decode(head, i, block + c->offset, 0, head->rows,
		     s->columns[i] + s->len * block_column_size(i));
}

int row_sort_add(struct row_sort *s, const uint8_t *block)
{
	const struct block_head *head = (const struct block_head *)block;

	if (head->rows > s->max - s->len)
		return -ENOBUFS;
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		add_column(s, i, head, block);
	s->len += head->rows;
	return 0;
}

/* ---- sorting -------------------------------------------------------------------------------- */

static uint64_t key_at(const struct row_sort *s, size_t column, uint32_t row)
{
	if (column == FLOW_DST_PORT)
		return ((const uint16_t *)s->columns[column])[row];
	if (column == FLOW_START_US) /* signed, in the order of unsigned ones */
		return ((const uint64_t *)s->columns[column])[row] ^ UINT64_C(1) << 63;
	return ((const uint64_t *)s->columns[column])[row];
}

/* Stable, by one digit. */
static void sort_digit(struct row_sort *s, size_t column, uint64_t base, unsigned int shift)
{
	uint32_t starts[DIGITS] = { 0 }, at = 0;
	uint32_t *to = s->spare;

	for (uint32_t i = 0; i < s->len; i++)
		starts[(key_at(s, column, i) - base) >> shift & (DIGITS - 1)]++;
	for (size_t d = 0; d < DIGITS; d++) {
		uint32_t n = starts[d];

		starts[d] = at;
		at += n;
	}
	for (uint32_t i = 0; i < s->len; i++) {
		uint32_t row = s->order[i];

		to[starts[(key_at(s, column, row) - base) >> shift & (DIGITS - 1)]++] = row;
	}
	s->spare = s->order;
	s->order = to;
}

static void sort_column(struct row_sort *s, size_t column)
{
	uint64_t min = UINT64_MAX, max = 0;

	if (s->is_alike[column])
		return;
	for (uint32_t i = 0; i < s->len; i++) {
		uint64_t key = key_at(s, column, i);

		min = key < min ? key : min;
		max = key > max ? key : max;
	}
	for (unsigned int shift = 0; shift < 64 && (max - min) >> shift; shift += DIGIT_BITS)
		sort_digit(s, column, min, shift);
}

void row_sort_finish(struct row_sort *s)
{
	for (uint32_t i = 0; i < s->len; i++)
		s->order[i] = i;
	for (size_t i = 0; s->len && i < ARRAY_LEN(keys); i++)
		sort_column(s, keys[i]);
}

/* ---- reading -------------------------------------------------------------------------------- */

#define GATHER(bits)                                                                       \
	static void gather_##bits(const uint32_t *order, uint32_t len, const void *values, \
				  void *to)                                                \
	{                                                                                  \
		const uint##bits##_t *v = values;                                          \
		uint##bits##_t *out = to;                                                  \
                                                                                           \
		for (uint32_t i = 0; i < len; i++) {                                       \
			__builtin_prefetch(&v[order[i + AHEAD]]);                          \
			out[i] = v[order[i]];                                              \
		}                                                                          \
	}
GATHER(8)
GATHER(16)
GATHER(32)
GATHER(64)

void row_sort_get(const struct row_sort *s, size_t column, uint32_t first, uint32_t len, void *to)
{
	const uint32_t *order = s->order + first;
	const uint8_t *values = s->columns[column];

	if (s->is_alike[column]) {
		block_fill(column, s->value[column], len, to);
		return;
	}
	switch (block_column_size(column)) {
	case 1:
		gather_8(order, len, values, to);
		break;
	case 2:
		gather_16(order, len, values, to);
		break;
	case 4:
		gather_32(order, len, values, to);
		break;
	default:
		gather_64(order, len, values, to);
		break;
	}
}
