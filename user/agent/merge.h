/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Partial records of one flow (two CPUs, spills) become one row, in a table of fixed size. When it
 * is full the caller ships what is there and starts anew: the rest is shipped unmerged.
 */
#ifndef WT_MERGE_H
#define WT_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/abi.h"
#include "user/lib/cleanup.h"

struct merge {
	struct wt_flow *rows; /* dense, in order of arrival */
	uint32_t len;
	uint32_t cap;
	uint32_t *index; /* row number + 1, 0 = free; 2 × cap rounded up, a power of two */
	uint32_t index_mask;
};

/* cap rows. 0 or -ENOMEM. */
int merge_new(uint32_t cap, struct merge **ret);
void merge_free(struct merge *m);
DEFINE_AUTO(merge_free, struct merge *);

/* False when the flow has no row yet and there is none to give. Key and epoch tell flows apart. */
bool merge_add(struct merge *m, const struct wt_flow *flow);
void merge_clear(struct merge *m);

#endif
