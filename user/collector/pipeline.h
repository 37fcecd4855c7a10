/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The way of a checked batch: server thread → log thread → committer thread. Two queues with one
 * bound over both: what is in memory and what the store lags behind the log.
 */
#ifndef WT_PIPELINE_H
#define WT_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/collector/seglog.h"
#include "user/lib/cleanup.h"

struct batch;

#define PIPELINE_ITEMS_MAX 8192 /* batches acknowledged or about to be, not stored */
#define PIPELINE_MEMORY_DEFAULT (UINT64_C(48) << 20) /* their bytes, decoded and as they came */
#define PIPELINE_LAG_MAX ((size_t)256 << 20) /* bytes of the log the store does not have */
#define PIPELINE_EXPANSION 8 /* a batch in memory is about so much larger than its body */
#define PIPELINE_WAIT_MS 3000 /* a body waits so long for room: some commits */
#define PIPELINE_RETRY_S 1 /* Retry-After when one of these is reached */

/* A batch under way. Whoever holds it owns batch and body. */
struct item {
	struct item *next;
	struct batch *batch;
	void *body; /* as it came */
	size_t body_len;
	bool zstd;
	bool is_new; /* stored in the transaction that is under way, not known before */
	bool is_kept; /* when it is refused or fails it stays whose it was */
	int64_t arrived_us;
	struct log_position end; /* set when durable */
	struct waiter *waiter; /* the server thread that waits; NULL at replay */
};

void item_free(struct item *item);
DEFINE_AUTO(item_free, struct item *);
void item_list_free(struct item *list);

struct pipeline;

int pipeline_new(uint64_t memory_max, struct pipeline **ret);
void pipeline_free(struct pipeline *p);
DEFINE_AUTO(pipeline_free, struct pipeline *);

/*
 * Before a body is decoded: waits up to PIPELINE_WAIT_MS for room for what is likely to be in it,
 * and keeps that for it. 0, and pipeline_leave() gives it back when the batch was handed over or
 * refused; else as pipeline_submit().
 */
int pipeline_enter(struct pipeline *p, size_t body_len);
void pipeline_leave(struct pipeline *p, size_t body_len);

/*
 * Hands the item over (freed or stored later; but see is_kept) and waits until it is durable. 0;
 * -EAGAIN: a bound above is reached; -ESHUTDOWN: stopping; else the log's error.
 */
int pipeline_submit(struct pipeline *p, struct item *item);

/*
 * The log thread's end. Take waits for items and returns at most SEGLOG_GROUP_MAX, linked; NULL
 * when stopping and empty. Every group taken goes back with pipeline_logged(): err 0 sends it on,
 * any other frees it and tells the waiters.
 */
struct item *pipeline_take_to_log(struct pipeline *p);
void pipeline_logged(struct pipeline *p, struct item *group, int err);

/*
 * The committer's end. Waits until there is something, until_ns (CLOCK_MONOTONIC) has come,
 * somebody settles, or it stops; returns what there is, linked, or NULL: no more than it takes to
 * reach so many rows (a transaction takes memory), but in the latter two cases all.
 */
enum pipeline_wake { PIPELINE_GO_ON, PIPELINE_HURRY, PIPELINE_STOP };
struct item *pipeline_take_to_commit(struct pipeline *p, int64_t until_ns, size_t rows,
				     enum pipeline_wake *wake);
/* Of memory: who commits should not wait for more. */
bool pipeline_is_half_full(struct pipeline *p);
/* These are in the store; the list is freed. */
void pipeline_committed(struct pipeline *p, struct item *list);

/*
 * Returns when all that was durable at the call is in the store: 0, or -ETIME after timeout_ms.
 */
int pipeline_settle(struct pipeline *p, int timeout_ms);

/* Stop in the order of the way: nothing new; then, the log thread gone, nothing more to commit. */
void pipeline_stop_log(struct pipeline *p);
void pipeline_stop_commit(struct pipeline *p);
bool pipeline_is_stopping(struct pipeline *p); /* the latter was called */

struct pipeline_depth {
	uint64_t items;
	uint64_t memory_bytes;
	uint64_t lag_bytes;
};
struct pipeline_depth pipeline_depth(struct pipeline *p);

#endif
