/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Sums by key: what top lists and the graph of conversations are made of, a million rows in some
 * 15 ms a thread, and in 5 where rows of one key come together. DuckDB's own grouping takes three
 * times as long, and writes each group out before the heaviest are found. Memory has a limit, of
 * one and of all of them together: who reaches it asks DuckDB, which spills.
 *
 * Groups stand in a dense array; an index of a tag and a number each, open addressing, leads there.
 * Both are mapped pages, large ones where the kernel has them; a few that are freed are kept.
 */
#ifndef WT_KEY_SUMS_H
#define WT_KEY_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_WORDS_MAX 8
#define KEY_ROWS_MAX 4096 /* in one call */
#define KEY_SUMS_BYTES_MAX (64u << 20) /* groups of one; and up to 16 MiB of index */
#define KEY_SUMS_BYTES_ALL (160u << 20) /* that there may be room for in all of them, unless set */

/* What is added up: the first three, or all. Sums end at INT64_MAX; of times one is kept. */
enum key_sum {
	SUM_FLOWS,
	SUM_PACKETS,
	SUM_OCTETS,
	SUM_COUNTS,
	SUM_L3_OCTETS = SUM_COUNTS,
	SUM_FIRST_US,
	SUM_LAST_US,
	SUM_ALL,
};

struct key_shape {
	unsigned int words; /* 1 to KEY_WORDS_MAX */
	unsigned int sums; /* SUM_COUNTS or SUM_ALL */
};

/* Columns of rows, borrowed. */
struct key_rows {
	const uint64_t *keys[KEY_WORDS_MAX];
	const int64_t *sums[SUM_ALL]; /* counts may be uint64_t */
	size_t len; /* at most KEY_ROWS_MAX */
};

struct key_group {
	uint64_t keys[KEY_WORDS_MAX];
	int64_t sums[SUM_ALL];
};

struct key_sums;

/* Of some words: nobody outside can choose some that have another's. */
uint64_t key_hash(const uint64_t *words, size_t n);

/* What there may be room for in all of them; at start. */
void key_sums_set_limit(size_t bytes);

/* NULL: no memory. */
struct key_sums *key_sums_new(struct key_shape shape);
void key_sums_free(struct key_sums *s); /* NULL is fine */

/* One thread. 0, or -ENOBUFS: more groups than there is room for; it stays so. */
int key_sums_add(struct key_sums *s, const struct key_rows *rows);
/* Nearly every row was a group of its own, and they are some: key_sift.h is for these. */
bool key_sums_are_apart(const struct key_sums *s);
/* All of `from`, which has the same shape and was not joined, too. As key_sums_add(). */
int key_sums_merge(struct key_sums *s, const struct key_sums *from);
/*
 * As key_sums_merge(), and takes `from` over. Many groups stay where they are, and are put together
 * when they are asked for; nothing is added any more.
 */
int key_sums_join(struct key_sums *s, struct key_sums *from);

/*
 * Once: the n heaviest, or all, heaviest first (then by key), to ret; how many. *total: what all
 * groups add up to, and as keys[0] how many they are.
 */
size_t key_sums_top(struct key_sums *s, enum key_sum order, size_t n, struct key_group *ret,
		    struct key_group *total);

/* Of sums that were not joined: how many groups, and any of them, in no order. */
size_t key_sums_len(const struct key_sums *s);
void key_sums_get(const struct key_sums *s, size_t i, struct key_group *ret);

#endif
