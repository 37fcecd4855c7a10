/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * TCP and drop signals and what the host itself counts as one: the attacher starts, sweeps and
 * stops them, the shipper reads what they left in shared memory. They are extra: when they cannot
 * be had, flows go on without.
 */
#ifndef WT_SIGNALS_H
#define WT_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "kern/abi.h"
#include "kern/abi_signal.h"
#include "user/agent/drop_signal.h"
#include "user/agent/signal.h"
#include "user/agent/state.h"
#include "user/agent/tcp_signal.h"

#define SIGNALS_BUDGET_MIN (4u << 20)
#define SIGNALS_NH_WORDS WT_DROP_KEY_WORDS

/* One tally as memory. record_bytes 0: this signal is not observed. */
struct signal_tally {
	uint8_t *table; /* [row][epoch][set][way] */
	uint8_t *lanes; /* [row][index & mask] */
	struct wt_lane_head *heads;
	uint32_t sets;
	uint32_t lane_len;
	uint32_t record_bytes;
};

/* What the attacher tells the shipper while both run: cumulative, in memory shared over fork(). */
struct signal_shared {
	uint64_t missed[WT_SIGNALS]; /* runs refused to all programs */
};

struct signals {
	uint32_t rows;
	uint32_t cpus;
	struct signal_tally tally[WT_SIGNALS];
	struct wt_signal_ledger *ledgers; /* [cpu][epoch][signal] */
	struct signal_shared *shared;
	struct host_page *host; /* what the attacher counts of the host; shared over fork() too */
	struct drop_names *names;
	struct signal_choice choices[SIGNAL_CHOICES_MAX];
	int choices_len;
	uint64_t connections_max;
	uint64_t bytes; /* of kernel memory, all together */
	/* the attacher's */
	struct tcp_signal *tcp;
	struct drop_signal *drops;
	struct host_counts *host_counts; /* NULL: could not be had */
	const struct state *state; /* borrowed */
	int ledgers_fd;
};

/*
 * family: as --hooks says. budget in bytes; controls_fd: the flow tally's (borrowed). The state's
 * commits forget what they knew of an older agent's signal tables. Prints what memory it takes.
 * 0 or -errno; a signal that cannot be had is logged and left out.
 */
int signals_start(enum hook_family family, uint64_t budget, int controls_fd, struct state *state,
		  struct signals **ret);
void signals_stop(struct signals *s); /* detaches; the memory stays */
void signals_free(struct signals *s);
DEFINE_AUTO(signals_free, struct signals *);

/*
 * Before any shipper of a new attacher: signal tables are new, so a killed agent's places in its
 * own mean nothing; what it recorded of open intervals is carried to the next ledger. One store.
 */
void signals_forget(struct state *state);

/*
 * Once an interval: live sockets into rows, recursion misses into the shared page, what the host
 * counts into a new snapshot (host_page.h). signals_start() did the first one.
 */
void signals_sweep(struct signals *s);

/* "auto", "tracepoint", …; HOOK_FAMILIES for none of them. */
enum hook_family signals_family(const char *word);

#endif
