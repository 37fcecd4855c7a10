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

struct rollup_best {
	uint64_t exporter;
	uint64_t slot;
	uint64_t hash;
};

/*
 * Of groups by exporter, slot and hash, with sums of octets: those that are heavier than the
 * (top + 1)th of their class; of a class with no more than `top`, all. The hash's low bits tell
 * equal ones apart. malloc'd into *ret. 0 or -ENOMEM.
 */
int rollup_best(const struct key_sums *s, uint32_t top, struct rollup_best **ret, size_t *ret_len);

#endif
