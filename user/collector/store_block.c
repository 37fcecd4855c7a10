// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Columns of rows in, a block of bytes out; and back. */
#include "user/collector/store_block.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "user/lib/cleanup.h"
#include "user/lib/compiler.h"

#define MAGIC UINT32_C(0x31425457) /* "WTB1" */
#define CRC_FROM (offsetof(struct block_head, crc) + sizeof(uint32_t))
#define ALIGNED(n) (((n) + 7) & ~(size_t)7)

/* ---- one column ----------------------------------------------------------------------------- */

/* The smallest value, and how far the largest is above it. */
#define RANGE(name, type)                                                                          \
	HOT static void range_##name(const void *values, size_t n, uint64_t *base, uint64_t *span) \
	{                                                                                          \
		const type *v = values;                                                            \
		type min = v[0], max = v[0];                                                       \
                                                                                                   \
		for (size_t i = 1; i < n; i++) {                                                   \
			min = v[i] < min ? v[i] : min;                                             \
			max = v[i] > max ? v[i] : max;                                             \
		}                                                                                  \
		*base = (uint64_t)min;                                                             \
		*span = (uint64_t)max - (uint64_t)min;                                             \
	}
RANGE(u8, uint8_t)
RANGE(u16, uint16_t)
RANGE(u32, uint32_t)
RANGE(u64, uint64_t)
RANGE(i64, int64_t)

/* Values above their base as something narrower, and back. */
#define NARROW(wide, narrow)                                                               \
	HOT static void put_##wide##_##narrow(const void *values, size_t n, uint64_t base, \
					      void *to)                                    \
	{                                                                                  \
		const uint##wide##_t *restrict v = values;                                 \
		uint##narrow##_t *restrict out = to;                                       \
                                                                                           \
		for (size_t i = 0; i < n; i++)                                             \
			out[i] = (uint##narrow##_t)(v[i] - (uint##wide##_t)base);          \
	}                                                                                  \
	HOT static void get_##wide##_##narrow(const void *values, size_t n, uint64_t base, \
					      void *to)                                    \
	{                                                                                  \
		const uint##narrow##_t *restrict v = values;                               \
		uint##wide##_t *restrict out = to;                                         \
                                                                                           \
		for (size_t i = 0; i < n; i++)                                             \
			out[i] = (uint##wide##_t)(v[i] + (uint##wide##_t)base);            \
	}
#define ALIKE(wide)                                                                           \
	HOT static void get_##wide##_0(const void *values, size_t n, uint64_t base, void *to) \
	{                                                                                     \
		uint##wide##_t *restrict out = to;                                            \
                                                                                              \
		for (size_t i = 0; i < n; i++)                                                \
			out[i] = (uint##wide##_t)base;                                        \
	}
NARROW(8, 8)
NARROW(16, 8)
NARROW(16, 16)
NARROW(32, 8)
NARROW(32, 16)
NARROW(32, 32)
NARROW(64, 8)
NARROW(64, 16)
NARROW(64, 32)
NARROW(64, 64)
ALIKE(8)
ALIKE(16)
ALIKE(32)
ALIKE(64)

#define WIDTHS 5 /* 0, 1, 2, 4, 8 bytes */
static const uint32_t widths[WIDTHS] = { 0, 1, 2, 4, 8 };

struct column_type {
	duckdb_type type;
	uint32_t size;
	void (*range)(const void *values, size_t n, uint64_t *base, uint64_t *span);
	void (*put[WIDTHS])(const void *values, size_t n, uint64_t base, void *to);
	void (*get[WIDTHS])(const void *values, size_t n, uint64_t base, void *to);
};

#define PUTS_64 { NULL, put_64_8, put_64_16, put_64_32, put_64_64 }
#define GETS_64 { get_64_0, get_64_8, get_64_16, get_64_32, get_64_64 }
static const struct column_type types[] = {
	{ DUCKDB_TYPE_UBIGINT, 8, range_u64, PUTS_64, GETS_64 },
	{ DUCKDB_TYPE_BIGINT, 8, range_i64, PUTS_64, GETS_64 },
	{ DUCKDB_TYPE_UINTEGER,
	  4,
	  range_u32,
	  { NULL, put_32_8, put_32_16, put_32_32 },
	  { get_32_0, get_32_8, get_32_16, get_32_32 } },
	{ DUCKDB_TYPE_USMALLINT,
	  2,
	  range_u16,
	  { NULL, put_16_8, put_16_16 },
	  { get_16_0, get_16_8, get_16_16 } },
	{ DUCKDB_TYPE_UTINYINT, 1, range_u8, { NULL, put_8_8 }, { get_8_0, get_8_8 } },
};

static const struct column_type *type_of(size_t column)
{
	for (size_t i = 1; i < ARRAY_LEN(types); i++)
		if (types[i].type == store_flow_columns[column].type)
			return &types[i];
	return &types[0];
}

static size_t width_for(uint64_t span)
{
	return !span		    ? 0
	       : span <= UINT8_MAX  ? 1
	       : span <= UINT16_MAX ? 2
	       : span <= UINT32_MAX ? 3
				    : 4;
}

static size_t width_index(uint32_t width)
{
	for (size_t i = 0; i < WIDTHS; i++)
		if (widths[i] == width)
			return i;
	return WIDTHS;
}

/* ---- a block -------------------------------------------------------------------------------- */

/* Smallest of the starts, largest of the ends. */
static void put_times(struct block_head *head, const struct block_column *ends, uint64_t span)
{
	head->min_start_us = (int64_t)head->columns[FLOW_START_US].base;
	head->max_end_us = (int64_t)(ends->base + span);
}

size_t block_encode(void *const columns[BLOCK_COLUMNS], uint32_t rows, uint8_t *buf)
{
	struct block_head *head = (struct block_head *)buf;
	size_t at = ALIGNED(sizeof(*head));

	*head = (struct block_head){ .magic = MAGIC, .rows = rows };
	for (size_t i = 0; i < BLOCK_COLUMNS; i++) {
		const struct column_type *type = type_of(i);
		struct block_column *c = &head->columns[i];
		uint64_t span;
		size_t w, bytes;

		type->range(columns[i], rows, &c->base, &span);
		w = width_for(span);
		c->width = widths[w];
		c->offset = (uint32_t)at;
		if (w)
			type->put[w](columns[i], rows, c->base, buf + at);
		bytes = (size_t)rows * c->width;
		memset(buf + at + bytes, 0, ALIGNED(bytes) - bytes);
		at += ALIGNED(bytes);
		if (i == FLOW_END_US)
			put_times(head, c, span);
	}
	head->bytes = (uint32_t)at;
	head->crc = (uint32_t)crc32(0, buf + CRC_FROM, (uInt)(at - CRC_FROM));
	return at;
}

static bool is_column_sound(const struct block_head *head, size_t column)
{
	const struct block_column *c = &head->columns[column];
	size_t w = width_index(c->width);

	return w < WIDTHS && c->width <= type_of(column)->size && c->offset % 8 == 0 &&
	       c->offset >= sizeof(*head) && c->offset <= head->bytes &&
	       block_column_bytes(head, column) <= head->bytes - c->offset;
}

int block_head_check(const struct block_head *head, uint64_t left)
{
	if (left < sizeof(*head) || head->magic != MAGIC || !head->rows ||
	    head->rows > BLOCK_ROWS || head->bytes < sizeof(*head) || head->bytes > left ||
	    head->bytes > BLOCK_BYTES_MAX || head->bytes % 8)
		return -EBADMSG;
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		if (!is_column_sound(head, i))
			return -EBADMSG;
	return 0;
}

int block_check(const uint8_t *block)
{
	const struct block_head *head = (const struct block_head *)block;

	return crc32(0, block + CRC_FROM, (uInt)(head->bytes - CRC_FROM)) == head->crc ? 0
										       : -EBADMSG;
}

size_t block_column_size(size_t column)
{
	return type_of(column)->size;
}

size_t block_column_bytes(const struct block_head *head, size_t column)
{
	return (size_t)head->rows * head->columns[column].width;
}

void block_fill(size_t column, uint64_t value, uint32_t len, void *to)
{
	type_of(column)->get[0](NULL, len, value, to);
}

void block_decode(const struct block_head *head, size_t column, const uint8_t *values,
		  uint32_t first, uint32_t len, void *to)
{
	const struct block_column *c = &head->columns[column];

	type_of(column)->get[width_index(c->width)](values + (size_t)first * c->width, len, c->base,
						    to);
}
