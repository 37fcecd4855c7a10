// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * A block in, whatever a disk may give back: nothing is read beyond its bytes, and what decodes
 * encodes to values that decode to the same.
 * needs: user/collector/store_block.c user/collector/store_columns.c
 */
#include <stdlib.h>
#include <string.h>

#include "user/collector/store_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void decode(const uint8_t *block, void *columns[BLOCK_COLUMNS])
{
	const struct block_head *head = (const struct block_head *)block;

	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		block_decode(head, i, block + head->columns[i].offset, 0, head->rows, columns[i]);
}

static void make_columns(void *columns[BLOCK_COLUMNS], uint32_t rows)
{
	for (size_t i = 0; i < BLOCK_COLUMNS; i++) {
		columns[i] = malloc(rows * block_column_size(i)); /* exactly: ASan sees more */
		if (!columns[i])
			abort();
	}
}

static void again(void *columns[BLOCK_COLUMNS], uint32_t rows)
{
	uint8_t *block = aligned_alloc(64, (BLOCK_BYTES_MAX + 63) / 64 * 64);
	void *same[BLOCK_COLUMNS];
	size_t bytes;

	if (!block)
		abort();
	make_columns(same, rows);
	bytes = block_encode(columns, rows, block);
	if (block_head_check((const struct block_head *)block, bytes) || block_check(block))
		abort();
	decode(block, same);
	for (size_t i = 0; i < BLOCK_COLUMNS; i++) {
		if (memcmp(same[i], columns[i], rows * block_column_size(i)))
			abort();
		free(same[i]);
	}
	free(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t *block = aligned_alloc(64, (len + 64) / 64 * 64);
	const struct block_head *head = (const struct block_head *)block;
	void *columns[BLOCK_COLUMNS];

	if (!block)
		return 0;
	memcpy(block, bytes, len);
	if (!block_head_check(head, len)) {
		block_check(block);
		make_columns(columns, head->rows);
		decode(block, columns);
		again(columns, head->rows);
		for (size_t i = 0; i < BLOCK_COLUMNS; i++)
			free(columns[i]);
	}
	free(block);
	return 0;
}
