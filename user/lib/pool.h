/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Memory that is given back all at once: what messages of one request are made of. */
#ifndef WT_POOL_H
#define WT_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool_block;
struct pool {
	struct pool_block *blocks;
	bool failed; /* no memory: what was asked for is NULL */
};

void *pool_alloc(struct pool *p, size_t bytes); /* zeroed, aligned for anything; NULL: failed */
char *pool_text(struct pool *p, const char *text, size_t len); /* a copy, terminated */
void pool_done(struct pool *p);
static inline void pool_done_auto(struct pool *p)
{
	pool_done(p);
}

#endif
