/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The drain: takes records out of lanes and the idle half, merges them, ships them to the spool,
 * and closes each interval with its ledger. Every step is a commit (state.h): killed anywhere,
 * the next agent goes on without losing or doubling a packet. One thread owns it.
 *
 *   collecting --flip, grace--> harvesting --cursor at the end--> collecting (next interval)
 */
#ifndef WT_DRAIN_H
#define WT_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "user/agent/crashlog.h"
#include "user/agent/iface.h"
#include "user/agent/ifstats.h"
#include "user/agent/merge.h"
#include "user/agent/record.h"
#include "user/agent/signal_drain.h"
#include "user/agent/spool.h"
#include "user/agent/tables.h"

#define DRAIN_MERGE_ROWS 32768
#define DRAIN_CHUNK_ROWS 262144 /* of the idle half between two looks at the lanes: some 30 MB */

struct drain {
	struct tables *tables;
	struct state *state;
	struct spool *spool;
	struct iface_list *ifaces; /* the shipper's, borrowed */
	struct record_source source;
	struct merge *merge;
	struct commit *next; /* being prepared */
	struct flow *rows; /* of the batch being filled */
	uint32_t rows_len;
	uint32_t rows_max;
	uint32_t ledgers_max; /* of one batch */
	uint32_t zeroed; /* sets of the idle half that are clean again */
	bool ledgers_zeroed; /* the idle half's */
	int64_t offset_ns;
	struct signal_drain *signals; /* NULL: neither TCP nor drops; owned */
	struct ifstats *ifstats;
	struct crashlog *crashlog; /* or NULL; borrowed */
	bool closing; /* next holds an interval's ledger */
	bool is_resumed; /* of an agent or shipper before us */
	struct wt_count totals[AGENT_COUNTS]; /* since start, for status */
	uint64_t intervals;
};

/*
 * Borrows everything; signals may be NULL. With a fresh state map it is initialised; with an old
 * one, recovered.
 */
int drain_open(struct tables *t, struct spool *spool, struct iface_list *ifaces,
	       const struct record_source *source, struct signals *signals, struct drain **ret);
void drain_close(struct drain *d);
DEFINE_AUTO(drain_close, struct drain *);

/* A change of the commit by others, d->next: no rows, only what is carried. */
void drain_prepare(struct drain *d);
void drain_publish(struct drain *d);

/* A flip happened before the last agent died and was not noted: wait for grace, then flipped. */
bool drain_must_resume(const struct drain *d);
bool drain_is_harvesting(const struct drain *d);
uint32_t drain_active_epoch(const struct drain *d);
uint64_t drain_next_sequence(const struct drain *d); /* of the commit that is current */

/* Lanes at least a quarter full are emptied, unless the spool is nearly full. */
int drain_relieve(struct drain *d);

/* The programs write to the other half since flip_ns, and nobody writes to the idle one. */
int drain_flipped(struct drain *d, uint64_t flip_ns);

/* One chunk of the harvest. 1: more to do; 0: the interval is closed; -errno. */
int drain_harvest(struct drain *d);

#endif
