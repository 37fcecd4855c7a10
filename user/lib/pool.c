// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/lib/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (64u << 10)

struct pool_block {
	struct pool_block *next;
	size_t used, size;
	max_align_t bytes[];
};

void *pool_alloc(struct pool *p, size_t bytes)
{
	struct pool_block *b = p->blocks;
	size_t aligned = (bytes + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1), size;

	if (!b || b->size - b->used < aligned) {
		size = aligned > BLOCK_BYTES ? aligned : BLOCK_BYTES;
		b = calloc(1, sizeof(*b) + size);
		if (!b) {
			p->failed = true;
			return NULL;
		}
		b->size = size;
		b->next = p->blocks;
		p->blocks = b;
	}
	b->used += aligned;
	return (uint8_t *)b->bytes + b->used - aligned;
}

char *pool_text(struct pool *p, const char *text, size_t len)
{
	char *copy = pool_alloc(p, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

void pool_done(struct pool *p)
{
	while (p->blocks) {
		struct pool_block *b = p->blocks;

		p->blocks = b->next;
		free(b);
	}
}
