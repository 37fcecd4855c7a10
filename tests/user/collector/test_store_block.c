// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows as bytes and back: every type at its ends, every head that is none. */
#include "user/collector/store_block.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

static void *columns[BLOCK_COLUMNS];
static uint8_t *block;

static void setup(void)
{
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		columns[i] = calloc(BLOCK_ROWS, sizeof(uint64_t));
	block = aligned_alloc(64, (BLOCK_BYTES_MAX + 63) / 64 * 64);
	cr_assert(block != NULL);
}

static void teardown(void)
{
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		free(columns[i]);
	free(block);
}

TestSuite(store_block, .init = setup, .fini = teardown);

static const struct block_head *head(void)
{
	return (const struct block_head *)block;
}

/* Of a type of so many bytes, as far apart as `step` says, around what a narrow width ends at. */
static void set(size_t column, uint32_t row, uint64_t value)
{
	size_t size = block_column_size(column);

	memcpy((uint8_t *)columns[column] + row * size, &value, size); /* the low bytes */
}

static void check_values(uint32_t rows, uint32_t first, uint32_t len, const char *name)
{
	AUTO_FREE uint8_t *got = malloc(BLOCK_ROWS * sizeof(uint64_t));

	for (size_t i = 0; i < BLOCK_COLUMNS; i++) {
		size_t size = block_column_size(i);

		block_decode(head(), i, block + head()->columns[i].offset, first, len, got);
		cr_expect(!memcmp(got, (uint8_t *)columns[i] + first * size, len * size),
			  "%s: column %s, %u rows from %u", name, store_flow_columns[i].name, len,
			  first);
	}
}

Test(store_block, gives_back_what_it_was_given)
{
	static const struct {
		const char *name;
		uint64_t base, step;
		uint32_t width; /* of a column of 8 bytes, with 256 rows */
	} cases[] = {
		{ "all alike", 77, 0, 0 },
		{ "a byte", 5, 1, 1 },
		{ "a byte, from below zero", UINT64_MAX - 100, 1, 8 },
		{ "two bytes", 1 << 20, 2, 2 },
		{ "four bytes", UINT64_C(1) << 40, 1 << 12, 4 },
		{ "eight bytes", 0, UINT64_C(1) << 40, 8 },
		{ "everything there is", 0, UINT64_MAX / 255, 8 },
	};
	static const uint32_t sizes[] = { 256, 1, 2, 2047, 2048, 2049, BLOCK_ROWS };

	for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
		for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
			uint32_t rows = sizes[k];
			size_t bytes;

			for (size_t i = 0; i < BLOCK_COLUMNS; i++)
				for (uint32_t r = 0; r < rows; r++)
					set(i, r, cases[c].base + r * 37 % 256 * cases[c].step);
			bytes = block_encode(columns, rows, block);
			cr_assert(bytes == head()->bytes && bytes <= BLOCK_BYTES_MAX);
			cr_assert(block_head_check(head(), bytes) == 0, "%s", cases[c].name);
			cr_expect(block_check(block) == 0);
			if (!k)
				cr_expect(head()->columns[FLOW_SRC_LO].width == cases[c].width,
					  "%s: %u", cases[c].name,
					  head()->columns[FLOW_SRC_LO].width);
			check_values(rows, 0, rows, cases[c].name);
			check_values(rows, rows / 2, rows - rows / 2, cases[c].name);
		}
	}
}

/* Times are signed: the smallest is below zero. */
Test(store_block, knows_its_first_and_last_moment)
{
	static const int64_t starts[] = { 5, INT64_MIN, 7 }, ends[] = { -3, INT64_MAX, 9 };

	memcpy(columns[FLOW_START_US], starts, sizeof(starts));
	memcpy(columns[FLOW_END_US], ends, sizeof(ends));
	block_encode(columns, 3, block);
	cr_expect(head()->min_start_us == INT64_MIN && head()->max_end_us == INT64_MAX);
	check_values(3, 0, 3, "times");
	block_encode(columns, 1, block);
	cr_expect(head()->min_start_us == 5 && head()->max_end_us == -3);
}

Test(store_block, refuses_a_head_that_is_none)
{
	struct block_head good, bad;
	size_t bytes;

	for (uint32_t r = 0; r < 100; r++)
		for (size_t i = 0; i < BLOCK_COLUMNS; i++)
			set(i, r, r * 3);
	bytes = block_encode(columns, 100, block);
	good = *head();
	cr_assert(block_head_check(&good, bytes) == 0);
	cr_expect(block_head_check(&good, bytes - 1) == -EBADMSG, "it goes beyond the file");
	cr_expect(block_head_check(&good, sizeof(good) - 1) == -EBADMSG);
#define BAD(change)                                                            \
	do {                                                                   \
		bad = good;                                                    \
		bad.change;                                                    \
		cr_expect(block_head_check(&bad, bytes) == -EBADMSG, #change); \
	} while (0)
	BAD(magic++);
	BAD(rows = 0);
	BAD(rows = BLOCK_ROWS + 1);
	BAD(rows = 5000); /* its columns would go beyond it */
	BAD(bytes = sizeof(struct block_head) - 8);
	BAD(bytes += 8);
	BAD(bytes -= 1);
	BAD(columns[FLOW_SRC_LO].width = 3);
	BAD(columns[FLOW_PROTO].width = 2); /* wider than the type */
	BAD(columns[FLOW_SRC_LO].offset += 1);
	BAD(columns[FLOW_SRC_LO].offset = 0);
	BAD(columns[FLOW_SRC_LO].offset = bad.bytes);
	BAD(columns[FLOW_SRC_LO].offset = UINT32_MAX - 7);
#undef BAD
}

Test(store_block, finds_every_byte_that_changed)
{
	size_t bytes;

	for (uint32_t r = 0; r < 10; r++)
		for (size_t i = 0; i < BLOCK_COLUMNS; i++)
			set(i, r, r * 1000);
	bytes = block_encode(columns, 10, block);
	for (size_t i = 8; i < bytes; i++) {
		if (i >= offsetof(struct block_head, bytes) &&
		    i < offsetof(struct block_head, rows))
			continue; /* how far there is to look */
		block[i] ^= 0x10;
		cr_expect(block_check(block) == -EBADMSG, "byte %zu", i);
		block[i] ^= 0x10;
	}
	cr_expect(block_check(block) == 0);
}
