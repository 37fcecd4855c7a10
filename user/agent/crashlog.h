/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What is lost when an agent is killed and its tables go with it: without pins all of them, with
 * pins those of TCP and drops, and all when the next agent has another ABI. A small mapped file in
 * the run directory (crash_file.h) holds, per observation point, what was seen and what of it the
 * collector has. The next start reports the difference as lost/agent_crash. A clean stop that left
 * nothing behind removes the file.
 *
 * Exact where the kernel's ledgers are pinned. Else accurate to the shipper's last look at them
 * (SHIPPER_POLL_IDLE_MS): what came after it, nobody saw.
 */
#ifndef WT_CRASHLOG_H
#define WT_CRASHLOG_H

#include "user/agent/crash_file.h"
#include "user/agent/signals.h"
#include "user/agent/spool.h"
#include "user/agent/tables.h"

/* One process's view of the file. */
struct crashlog {
	struct crash_file *file; /* mapped, shared */
	struct crash_bank *bank; /* the valid one */
	const struct tables *tables; /* borrowed, as all below */
	const struct signals *signals; /* or NULL */
	uint32_t epochs; /* bit mask: ledgers of these count as open */
};

/* How many bytes l describes; 0 when the description cannot be. */
size_t crash_ledgers_bytes(const struct crash_ledgers *l);

/* What the run before left in a map that is still pinned, for crashlog_report(). */
struct crash_left {
	const uint8_t *ledgers; /* NULL: it is gone */
	size_t bytes;
};

/* Maps RUN_DIR/agent.crash, made if it is not there. 0 or -errno. */
int crashlog_map(const char *run_dir, struct crash_file **ret);
void crashlog_remove(const char *run_dir);

/* True when the file holds a run of this boot. */
bool crashlog_is_valid(const struct crash_file *f);

/*
 * Shipper, before anything is drained; next is a fresh copy of the current commit, owner this run
 * of the attacher. Adds what an earlier run lost to next's carried ledgers, unless that was done;
 * adopted: its flow tables live on. Returns the packets and events lost; next must become current
 * before crashlog_start().
 */
uint64_t crashlog_report(const struct crash_file *f, const uint8_t owner[16], bool adopted,
			 const struct crash_left *left, const struct spool *spool,
			 struct commit *next);

/* Shipper: makes the file say what state, spool and kernel ledgers say now. pin: of the ledgers. */
void crashlog_start(struct crashlog *c, struct crash_file *f, const uint8_t owner[16],
		    const char *pin, const struct tables *t, const struct signals *signals,
		    const struct spool *spool);

/* Drain thread: an interface is watched; what the open ledgers have seen by now. */
void crashlog_watch(struct crashlog *c, uint32_t slot, uint32_t ifindex);
void crashlog_look(struct crashlog *c);

/*
 * Drain thread, when an interval ends: begin, a call for each of its ledgers, and, when the commit
 * that holds them is current, end; zeroed when its kernel ledgers are.
 */
void crashlog_close_begin(struct crashlog *c);
void crashlog_closed(struct crashlog *c, const struct agent_ledger *ledger);
void crashlog_close_end(struct crashlog *c, uint32_t active);
void crashlog_zeroed(struct crashlog *c);

/* Ship thread: this batch is at the collector. */
void crashlog_settled(struct crashlog *c, const struct spool_entry *e);

#endif
