// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Minutes of a slice by parts, and what there is no room for. test_store_blocks.c has the rows. */
#include "user/collector/rollup_slice.h"

#include <errno.h>

#include "tests/user/collector/seal_fixture.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_minutes.h"

TestSuite(rollup_slice, .init = setup, .fini = teardown);

static struct block_entry *blocks;
static size_t blocks_len;

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct rolled_key));
}

/* As if the slice had so many rows: they are looked at in more parts. */
static int roll_up(uint64_t rows, struct rolled **ret, size_t *len)
{
	const struct minutes_slice slice = { INT64_MIN, INT64_MAX, rows };
	int fd = store_blocks_fd(store->blocks, FIRST_HOUR);
	int err;

	cr_assert(fd >= 0);
	err = rollup_slice(fd, blocks, blocks_len, &slice, ret, len);
	close(fd);
	if (!err)
		qsort(*ret, *len, sizeof(**ret), compare);
	return err;
}

static void list_blocks(void)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };

	cr_assert(store_segments_list(store, &list) == 0 && list.len == 1);
	cr_assert(store_blocks_list(store->blocks, FIRST_HOUR, list.at[0].bytes, &blocks,
				    &blocks_len) == 0);
}

Test(rollup_slice, parts_make_the_same_rows)
{
	AUTO_FREE struct rolled *one = NULL, *many = NULL;
	size_t one_len = 0, many_len = 0;

	put(1, 3000, NOW);
	put(2, 2000, NOW + 60000000);
	list_blocks();
	cr_assert(roll_up(5000, &one, &one_len) == 0);
	cr_assert(roll_up(7500000, &many, &many_len) == 0);
	cr_expect(one_len == 2002, "%zu: a thousand and a fold for each minute", one_len);
	cr_assert(many_len == one_len);
	cr_expect(memcmp(one, many, one_len * sizeof(*one)) == 0);
	free(TAKE(blocks));
}

Test(rollup_slice, says_what_it_has_no_room_for)
{
	AUTO_FREE struct rolled *rows = NULL;
	size_t len = 0;

	put(1, 10, NOW);
	list_blocks();
	cr_expect(roll_up(100000000, &rows, &len) == -ENOBUFS);
	blocks[0].rows++;
	cr_expect(roll_up(10, &rows, &len) == -EBADMSG);
	cr_expect(!rows);
	free(TAKE(blocks));
}
