/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Rows of one imported file to the collector, in batches over its Unix socket, acknowledged. */
#ifndef WT_IMPORT_SEND_H
#define WT_IMPORT_SEND_H

#include <stddef.h>

#include "user/lib/cleanup.h"
#include "user/wire/flow.h"

#define IMPORT_BATCH_ROWS 8192
#define IMPORT_TRIES 12 /* of one batch, when the collector is busy: about a minute in all */

struct import_sender;

/* One per file: an instance of its own. exporter names the file. 0 or -errno; logs why. */
int import_sender_new(const char *socket_path, const char *exporter, struct import_sender **ret);
void import_sender_free(struct import_sender *s);
DEFINE_AUTO(import_sender_free, struct import_sender *);

/* A flowtable_sink; context is the sender. Sends every IMPORT_BATCH_ROWS rows. */
int import_sender_rows(void *context, const struct flow *rows, size_t len);

/* Sends what is left, with the ledger. Afterwards everything is acknowledged. */
int import_sender_finish(struct import_sender *s, const struct ledger_row *ledger, size_t len);

#endif
