/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the attacher counts of the host, handed to the shipper through memory shared over fork():
 * one snapshot a sweep, two slots in turn. The shipper says in its commit (state.h, host_taken)
 * which one it shipped last, so each count is shipped once, whoever is killed when:
 *
 *     snapshot 7, base 5: gauges as they are, counters as they grew since snapshot 5
 *     shipped when host_taken is 5; then host_taken = 7, and snapshot 8 has base 7
 *
 * The shipper may ship snapshot 7 while 8 is being made, which then has base 5 too: what 8 counts
 * beyond 7 is the difference, and no later snapshot is needed (there is none at the agent's end).
 */
#ifndef WT_HOST_PAGE_H
#define WT_HOST_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/wire/batch.h"

#define HOST_PAGE_MAX BATCH_HOST_COUNTS_MAX /* counts of a snapshot */
#define HOST_COUNT_BYTES 80 /* what one takes at worst in the spool */

struct host_snapshot {
	uint64_t number; /* from 1; 0: being written */
	uint64_t base;
	uint32_t len;
	uint32_t pad;
	struct host_count at[HOST_PAGE_MAX];
};

struct host_page {
	uint64_t number; /* of the newest; 0: none yet */
	struct host_snapshot slots[2];
};

/* Counts that a snapshot may hold with a spool of that size: a batch is a small part of it. */
uint32_t host_page_limit(size_t spool_bytes);

/* The attacher's: the slot to fill, then everybody's to see. */
struct host_snapshot *host_page_begin(struct host_page *p);
void host_page_publish(struct host_page *p, struct host_snapshot *s);

/* The shipper's: the newest snapshot and the one taken before, as they were published. */
struct host_taker {
	struct host_snapshot last;
	struct host_snapshot newest;
	struct host_count at[HOST_PAGE_MAX]; /* what is to be shipped of it */
	uint32_t len;
};

/*
 * What is new since snapshot `taken`, into *t; *ret is its number. False: nothing, or it cannot be
 * told from what was shipped, or it was written over meanwhile: the next one will do.
 */
bool host_page_take(const struct host_page *p, uint64_t taken, struct host_taker *t, uint64_t *ret);

#endif
