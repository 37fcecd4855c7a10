/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The sealer thread: what takes minutes and must stall nobody. One thing at a time: a table is
 * written to files (store_seal.h), or the files there are are read against their checksums. The
 * committer hands both over, and publishes what comes back, because it alone writes the store.
 */
#ifndef WT_SEALER_H
#define WT_SEALER_H

#include <stdbool.h>

#include "user/collector/store_seal.h"
#include "user/lib/cleanup.h"

struct sealer;
struct store;

/* The store is borrowed. Stop waits for the file that is being written or read. */
int sealer_start(struct store *s, struct sealer **ret);
void sealer_stop(struct sealer *s);
DEFINE_AUTO(sealer_stop, struct sealer *);

/* It has nothing to do, and nothing to be fetched. */
bool sealer_is_idle(struct sealer *s);

void sealer_give_table(struct sealer *s, const struct store_sealing *job);
/* True once a table given is done: *err is what store_seal_write() said. */
bool sealer_take_table(struct sealer *s, struct store_sealing *job, int *err);

/* Takes the list over. */
void sealer_give_check(struct sealer *s, struct store_segments *list);
/* True for each file found damaged; when none is left it is idle again. */
bool sealer_take_damaged(struct sealer *s, struct store_segment *ret);

#endif
