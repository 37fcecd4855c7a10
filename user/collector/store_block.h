/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Up to 16,384 rows as bytes: what the file of an hour of flows consists of until it is sealed
 * (store_blocks.h). Each column is the smallest of its values and, for each row, what it is above
 * that, in as many bytes as the largest needs; none when all are alike.
 *
 *   magic u32 | crc u32 | bytes u32 | rows u32 | min_start_us i64 | max_end_us i64
 *   for each column: base u64 | width u32 (0, 1, 2, 4, 8) | offset u32, from the block's start
 *   the columns' values, each beginning at a multiple of 8
 *
 * Numbers are as this machine has them; crc is zlib's, of all that follows it.
 */
#ifndef WT_STORE_BLOCK_H
#define WT_STORE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "user/collector/store_schema.h"

#define BLOCK_ROWS 16384
#define BLOCK_COLUMNS FLOW_COLUMNS
/* What the largest takes: every value as it is. */
#define BLOCK_BYTES_MAX (sizeof(struct block_head) + BLOCK_COLUMNS * BLOCK_ROWS * sizeof(uint64_t))

struct block_column {
	uint64_t base;
	uint32_t width;
	uint32_t offset;
};

struct block_head {
	uint32_t magic;
	uint32_t crc;
	uint32_t bytes; /* of the block, this head included */
	uint32_t rows;
	int64_t min_start_us;
	int64_t max_end_us;
	struct block_column columns[BLOCK_COLUMNS];
};

/*
 * Rows, 1 to BLOCK_ROWS, of columns as store_flow_columns has them, into buf of BLOCK_BYTES_MAX
 * aligned to 8. Returns the block's bytes.
 */
size_t block_encode(void *const columns[BLOCK_COLUMNS], uint32_t rows, uint8_t *buf);

/* Whether a head is one, with `left` bytes from its start to the end of the file. */
int block_head_check(const struct block_head *head, uint64_t left); /* 0 or -EBADMSG */

/* Whether all of its bytes are what was written. The head was checked. */
int block_check(const uint8_t *block); /* 0 or -EBADMSG */

/* Bytes of one value of a column, as it is. */
size_t block_column_size(size_t column);

/* Bytes of a column's values. The head was checked. */
size_t block_column_bytes(const struct block_head *head, size_t column);

/* One value, len times, as a column has them. */
void block_fill(size_t column, uint64_t value, uint32_t len, void *to);

/* Rows [first, first + len) of a column, whose values begin at `values`, into `to`. */
void block_decode(const struct block_head *head, size_t column, const uint8_t *values,
		  uint32_t first, uint32_t len, void *to);

#endif
