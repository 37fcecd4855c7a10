/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What key_sums*.c share: nobody else includes this. */
#ifndef WT_KEY_SUMS_INTERNAL_H
#define WT_KEY_SUMS_INTERNAL_H

#include <stdbool.h>

#include "user/collector/key_sums.h"

#define INLINE static inline __attribute__((always_inline))
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
	size_t room; /* bytes of what is kept free for it */
	bool is_full;
};

INLINE uint64_t *group_at(const struct key_sums *s, size_t number)
{
	return &s->pages->groups[number * s->stride];
}

#endif
