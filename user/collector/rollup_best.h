/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Which conversations keep a row of their own in a coarse tier: of each class (an exporter in a
 * slot of time) about `top` with the most octets, found by the hashes of their keys alone. Two with
 * one hash stay or go together.
 */
#ifndef WT_ROLLUP_BEST_H
#define WT_ROLLUP_BEST_H

#include <stddef.h>
#include <stdint.h>

#include "user/collector/key_sums.h"
#include "user/lib/cleanup.h"

struct rollup_best;

/* `most`: of all classes together; more are not kept in mind. NULL: no memory. */
struct rollup_best *rollup_best_new(uint32_t top, size_t most);
void rollup_best_free(struct rollup_best *b); /* NULL is fine */
DEFINE_AUTO(rollup_best_free, struct rollup_best *);

/*
 * Groups by exporter, slot and hash, with sums of octets; each comes once, as many at a time as
 * there is room for. Takes 16 octets for each of those that may be among the best. 0; -ENOBUFS:
 * these are too many; -ENOMEM.
 */
int rollup_best_add(struct rollup_best *b, const struct key_sums *s);

/*
 * Once, when all have been added: the hashes of those that are heavier than the (top + 1)th of
 * their class; of a class with no more than `top`, all. A hash's low bits tell equal ones apart.
 * malloc'd into *ret. 0 or -ENOMEM.
 */
int rollup_best_get(const struct rollup_best *b, uint64_t **ret, size_t *ret_len);

#endif
