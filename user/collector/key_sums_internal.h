/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What key_sums*.c share: nobody else includes this. */
#ifndef WT_KEY_SUMS_INTERNAL_H
#define WT_KEY_SUMS_INTERNAL_H

#include <stdbool.h>
#include <string.h>

#include "user/collector/key_sums.h"
#include "user/lib/compiler.h"

#define INDEX_MAX (1u << 22)

/* What is mapped, at its largest. Groups: hash, words of the key, sums. */
struct pages {
	uint32_t index[INDEX_MAX]; /* tag | number + 1; 0: empty */
	uint64_t groups[KEY_SUMS_BYTES_MAX / sizeof(uint64_t)];
};

struct key_sums {
	struct pages *pages;
	struct key_shape shape;
	size_t stride; /* of a group, in words */
	size_t index_len; /* a power of two, twice the groups there is room for */
	size_t len;
	size_t len_max;
	size_t groups_room; /* groups there is room for */
	size_t room; /* bytes of what is kept free for it */
	bool is_full;
	uint64_t rows; /* that were added */
	struct key_sums *next; /* more, of groups that may be here, too */
	uint8_t *told; /* of what was joined: a bit for each group that one before it has, too */
};

#define STRIDE_MAX (1 + KEY_WORDS_MAX + SUM_ALL)
#define FETCH_AHEAD 32 /* groups */

INLINE uint64_t *group_at(const struct key_sums *s, size_t number)
{
	return &s->pages->groups[number * s->stride];
}

static inline const int64_t *sums_of(const struct key_sums *s, const uint64_t *group)
{
	return (const int64_t *)group + 1 + s->shape.words;
}

static inline void copy_group(const struct key_sums *s, const uint64_t *group,
			      struct key_group *ret)
{
	*ret = (struct key_group){ 0 };
	memcpy(ret->keys, group + 1, s->shape.words * sizeof(uint64_t));
	memcpy(ret->sums, sums_of(s, group), s->shape.sums * sizeof(int64_t));
}

/* Of each row's key; of a group, the same. */
void key_sums_hash(const struct key_rows *rows, unsigned int words, uint64_t *hashes);
/* A column of counts to a sum. */
void key_sums_add_all(int64_t *sum, const int64_t *values, size_t n);

/* Memory that is part of the limit of all sums; false: there is no room. */
bool key_sums_reserve(size_t bytes);
void key_sums_unreserve(size_t bytes);
/* Large pages where there are any; free() is for them. NULL: no memory. */
void *key_sums_pages(size_t bytes);

/* One with pages, perhaps one that was freed before, whose index is empty and as long as it was. */
struct key_sums *key_sums_take(void);
/* It may have so many entries and groups. 0, or -ENOBUFS: all together have no room for that. */
int key_sums_take_room(struct key_sums *s, size_t index_len, size_t groups);

/* The group of `s` alone that has this one's key; NULL: none. */
const uint64_t *key_sums_look_up(const struct key_sums *s, const uint64_t *group);
/* Has the memory on its way where a group of this hash is looked up, and the one of `next`. */
void key_sums_fetch(const struct key_sums *s, uint64_t hash, uint64_t next);
/* A group's sums to another's. */
void key_sums_add_group(const struct key_sums *s, uint64_t *to, const uint64_t *group);
/* One without a key that has added up nothing. */
void key_sums_empty(const struct key_sums *s, uint64_t *group);

#endif
