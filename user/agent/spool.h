/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The spool: encoded batches between the drain thread and the ship thread, in a pinned array of
 * fixed size, so that a killed agent loses none. (A disk spool behind it is to come: it takes the
 * place of the outbox.)
 *
 *   | outbox (SPOOL_ENTRY_MAX) | ring: entry, entry, wrap, … |
 *   entry = struct spool_entry, sums, ledgers, body (zstd protobuf); 8-byte aligned
 *
 * What was sent once may have arrived, so only never-sent entries are ever dropped: the ship
 * thread moves the oldest entry to the outbox before it sends it. When the ring is full the oldest
 * entries go, their packets become lost/spool_full, and the ledgers they carried are carried on.
 */
#ifndef WT_SPOOL_H
#define WT_SPOOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/agent/state.h"

#define SPOOL_MAGIC 0x57545350u /* "WTSP" */
#define SPOOL_ENTRY_MAX (2u << 20)
#define SPOOL_WRAP 0x57545752u /* the rest up to the ring's end is unused */

/* What a batch's rows add up to per observation point: becomes lost/spool_full when dropped. */
struct spool_sum {
	uint64_t interval;
	uint32_t ifindex;
	uint32_t netns;
	uint32_t point;
	uint32_t pad;
	struct wt_count count;
};

struct spool_entry {
	uint32_t magic;
	uint32_t bytes; /* of the whole entry */
	uint64_t sequence;
	uint32_t sums_len;
	uint32_t ledgers_len;
	uint32_t body_len;
	uint32_t rows;
};

struct spool_sum *spool_sums(const struct spool_entry *e);
struct agent_ledger *spool_ledgers(const struct spool_entry *e);
const void *spool_body(const struct spool_entry *e);

struct spool {
	uint8_t *outbox;
	uint8_t *ring;
	size_t ring_bytes;
	size_t entry_max;
	struct state *state;
	pthread_mutex_t lock; /* the tail and the outbox */
	pthread_cond_t freed; /* a refused outbox was */
	bool closing; /* nobody waits any more */
};

/* base: the mmapped array of bytes bytes. */
void spool_init(struct spool *s, struct state *state, void *base, size_t bytes);

/*
 * Drain thread, before it fills: next is a fresh copy of the current commit. Drops the oldest
 * entries into it until bytes (at most half the ring) fit. True when something was dropped: then
 * next must become current before anything is appended, or a kill would lose the loss.
 */
bool spool_reserve(struct spool *s, struct commit *next, size_t bytes);

/*
 * Drain thread. Appends behind next->spool_head; nothing is visible before next is current.
 * -ENOSPC without room, -EMSGSIZE when the entry can never fit.
 */
int spool_append(struct spool *s, struct commit *next, const struct spool_entry *head,
		 const struct spool_sum *sums, const struct agent_ledger *ledgers,
		 const void *body);

/* Drain thread, after its commit became current: entries it dropped are really gone. */
void spool_apply(struct spool *s, const struct commit *current);

/*
 * Ship thread. The batch to send: the outbox, filled from the ring if it is empty. NULL when
 * there is nothing. The pointer is valid until spool_acknowledge().
 */
const struct spool_entry *spool_next(struct spool *s);
void spool_acknowledge(struct spool *s);
/*
 * Ship thread: the collector will never take the batch in the outbox. Returns when the drain
 * thread has named the loss (lost/refused) in a commit, see spool_take_refused().
 */
void spool_refuse(struct spool *s);

/*
 * Drain thread, with next a fresh copy of the current commit: adds a refused batch to the carried
 * ledgers. True when it did: then next must become current, and spool_apply() frees the outbox.
 */
bool spool_take_refused(struct spool *s, struct commit *next);

/* Every entry that waits, the outbox first. Only while no other thread uses the spool. */
void spool_each(const struct spool *s, void (*visit)(void *arg, const struct spool_entry *e),
		void *arg);

/* Wakes spool_refuse(): the process ends, the next one goes on. */
void spool_close(struct spool *s);

/* Bytes and limit for status; racy by nature. */
uint64_t spool_used(const struct spool *s);

/* Adds a ledger to the carried ones; when the list is full it merges with its point's newest. */
void carry_add(struct commit *next, const struct agent_ledger *row);

/* A batch that goes nowhere: its rows as lost under a name, its ledgers to be sent again. */
void carry_batch(struct commit *next, const struct spool_sum *sums, uint32_t sums_len,
		 const struct agent_ledger *ledgers, uint32_t ledgers_len, enum agent_count loss);

#endif
