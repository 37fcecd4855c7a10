/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the agent must remember to go on exactly where a killed one stopped. It lives in a pinned,
 * mmapped array of its own (shared memory: kill -9 cannot tear it, only stop between two stores).
 *
 * A step of the drain changes many things at once: batches enter the spool, lane entries and slots
 * count as taken, sums move. All of it is written into the commit that is not current, then one
 * store of `current` makes it so; only then are lane tails moved and slots zeroed ("applied"). A
 * new agent that finds applied != the current commit's number applies again: same result.
 *
 *     commit[0]   commit[1]      current = 1, applied = commit[1].number
 */
#ifndef WT_STATE_H
#define WT_STATE_H

#include <stdint.h>

#include "kern/abi.h"
#include "kern/abi_signal.h"
#include "user/agent/geometry.h"

#define STATE_MAGIC 0x57545354u /* "WTST" */
#define STATE_ROWS GEOMETRY_CPUS_MAX
#define STATE_POINTS (GEOMETRY_SLOTS_MAX * WT_POINTS)
#define STATE_CARRY_MAX 256

/* The counters of a ledger row; their names on the wire are in ledger.c. */
enum agent_count {
	COUNT_SEEN,
	COUNT_RECORDED,
	COUNT_FOLDED,
	COUNT_FILTERED,
	COUNT_SAMPLED_OUT,
	COUNT_MISSED_NESTED,
	COUNT_LOST_SPOOL_FULL,
	COUNT_LOST_REFUSED,
	COUNT_LOST_AGENT_CRASH,
	COUNT_LOST_UNENCODABLE, /* a fault of ours: a batch the format cannot hold */
	COUNT_LOST_LANE_FULL, /* TCP and drops: there is nothing to fold them into */
	COUNT_LOST_NO_ROW,
	COUNT_FOLD_LANE_FULL,
	COUNT_FOLD_NO_ROW,
	COUNT_FOLD_NESTED,
	COUNT_KERNEL_PACKETS, /* the interface's own rx or tx */
	COUNT_KERNEL_DROPPED,
	COUNT_KERNEL_ERRORS,
	COUNT_UNPARSED, /* + enum wt_refusal */
	AGENT_COUNTS = COUNT_UNPARSED + WT_REFUSALS,
};

/* One observation point over one interval. */
struct agent_ledger {
	uint64_t interval;
	int64_t start_us; /* wall clock */
	int64_t end_us;
	uint32_t ifindex;
	uint32_t netns;
	uint32_t point; /* enum wt_point */
	uint32_t pad;
	struct wt_count counts[AGENT_COUNTS];
};

enum drain_phase {
	PHASE_COLLECTING = 0, /* the idle half is clean */
	PHASE_HARVESTING = 1, /* sets [0, cursor) of the idle half are taken */
};

struct commit {
	uint64_t number;
	uint64_t spool_head; /* bytes ever appended, see spool.h */
	uint64_t spool_dropped; /* the tail is at least here */
	uint64_t next_sequence;
	uint64_t refused_sequence; /* the last refused batch whose loss is in the carried ledgers */
	uint64_t interval; /* of the half that programs write to */
	uint32_t phase; /* enum drain_phase */
	uint32_t active; /* epoch the programs write to */
	uint64_t cursor;
	uint64_t start_ns[2]; /* CLOCK_MONOTONIC, by epoch */
	uint64_t end_ns; /* of the idle half */
	uint64_t lane_tail[STATE_ROWS];
	struct wt_count recorded[2][STATE_POINTS]; /* by epoch; [slot * points + point] */
	/* The same for the tallies of TCP and drops (signal_drain.c); enum wt_signal. */
	uint64_t signal_tail[WT_SIGNALS][STATE_ROWS];
	uint64_t signal_cursor[WT_SIGNALS];
	uint64_t signal_missed[WT_SIGNALS]; /* of struct signal_shared, taken so far */
	struct wt_count signal_recorded[2][WT_SIGNALS]; /* by epoch */
	uint64_t host_taken; /* snapshot of the host's counts shipped last, host_page.h */
	uint8_t crash_reported[16]; /* the run whose losses are told, see crashlog.h */
	uint32_t carry_len;
	uint32_t pad;
	struct agent_ledger
		carry[STATE_CARRY_MAX]; /* ledgers of dropped batches, to be sent again */
};

/*
 * The interval that rows of a half belong to. With the idle half clean, its rows can only be of a
 * flip that is under way: programs write there already, and drain_flipped() has not been told.
 */
static inline uint64_t commit_interval(const struct commit *c, uint32_t epoch)
{
	if (epoch == c->active)
		return c->interval;
	return c->phase == PHASE_HARVESTING ? c->interval - 1 : c->interval + 1;
}

struct state {
	uint32_t magic;
	uint32_t abi; /* WT_ABI_VERSION */
	uint32_t size; /* sizeof(struct state) */
	uint32_t netns;
	struct geometry geometry;
	uint8_t instance[16]; /* of these tables: an adopting agent goes on with it */
	uint64_t secret[WT_KEY_WORDS + 1]; /* the hash's: programs loaded later need it too */
	uint32_t current; /* index of the valid commit */
	uint32_t inner; /* tables hold inner packets too */
	uint64_t applied; /* number of the last commit that was applied */
	uint64_t spool_tail; /* bytes ever taken out of the spool */
	uint32_t outbox_len; /* the one batch that was or is being sent; 0 = none */
	uint32_t outbox_refused; /* the collector will never take it */
	struct commit commit[2];
};

#endif
