/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The drain's part for TCP and drops: as for flows (drain.h), but a row is shipped as it is. Rows
 * of one connection from two CPUs add up at the collector.
 */
#ifndef WT_SIGNAL_DRAIN_H
#define WT_SIGNAL_DRAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "user/agent/state.h"

struct drain;
struct signals;
struct signal_drain;

#define SIGNAL_CHUNK_ROWS 1024 /* of a signal in one step */
#define SIGNAL_ROW_BYTES 512 /* what a row can take at worst in the spool, both kinds */

/* Borrows signals. 0 or -ENOMEM. */
int signal_drain_open(struct signals *signals, struct signal_drain **ret);
void signal_drain_close(struct signal_drain *s);

/* What one step can put into the spool. */
size_t signal_drain_worst(const struct drain *d);

/* A lane holds something; a lane is a quarter full. */
bool signal_drain_moved(const struct drain *d);
bool signal_drain_pressed(const struct drain *d);

/*
 * Within a step (d->next is being prepared): lanes, and with harvesting the idle half too, into
 * batches. 1: there is more; 0: all taken; -errno.
 */
int signal_drain_take(struct drain *d, bool harvesting);

/* After a commit became current: tails and zeros, see drain.c. */
void signal_drain_apply(struct drain *d, const struct commit *c);
/* A new process goes on: what is zeroed already by the current commit. */
void signal_drain_recover(struct drain *d, const struct commit *c, bool applied);
void signal_drain_flipped(struct drain *d);

/* The ledger of one signal over the idle half. False when nothing happened. */
bool signal_drain_ledger(struct drain *d, uint32_t idle, enum wt_signal signal,
			 struct agent_ledger *row);
/* What the host counted since the last time, as a batch of that interval. 0 or -errno. */
int signal_drain_host_counts(struct drain *d, uint64_t interval);
void signal_drain_zero_ledger(struct drain *d, uint32_t epoch);

#endif
