/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Kernel rows and ledgers become batches: proto/wiretally.proto, zstd, one spool entry each. */
#ifndef WT_RECORD_H
#define WT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "kern/abi.h"
#include "user/agent/outlet.h"
#include "user/agent/spool.h"
#include "user/wire/batch.h"

#define RECORD_ROWS_MAX 8192 /* a batch; well below 1 MiB */
/* What a row, and a ledger row beside its raw form, can take at worst in the spool. */
#define RECORD_ROW_BYTES 112
#define RECORD_LEDGER_BYTES (sizeof(struct agent_ledger) + 1024)

struct record_source {
	char agent[BATCH_AGENT_MAX];
	char host[BATCH_NAME_MAX];
	uint8_t boot_id[16];
	uint8_t instance[16];
	struct outlet *outlet; /* told of each batch that will be on its way; or NULL */
};

/* Wall clock minus CLOCK_MONOTONIC, ns. */
int64_t record_clock_offset_ns(void);

void record_from_flow(const struct wt_flow *from, int64_t offset_ns, struct flow *to);
void record_from_fold(const struct wt_fold *from, enum wt_fold_class class,
		      const struct agent_ledger *at, bool counted, int64_t offset_ns,
		      struct flow *to);
void record_ledger(const struct agent_ledger *from, struct ledger_row *to);

/*
 * Encodes b, whose head is completed from source and next (sequence), and appends it to the spool
 * with its sums. 0 or -errno; -ENOMEM leaves next as it was.
 */
int record_ship(struct spool *spool, struct commit *next, const struct record_source *source,
		struct batch *b, const struct agent_ledger *ledgers);

#endif
