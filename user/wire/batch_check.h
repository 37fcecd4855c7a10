/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What makes the parts of a batch acceptable: the encoder refuses to send, and the decoder to
 * take, anything else. Each check returns NULL, or a static string naming what is wrong.
 */
#ifndef WT_BATCH_CHECK_H
#define WT_BATCH_CHECK_H

#include <stdbool.h>
#include <stddef.h>

struct batch;
struct batch_head;
struct flow;
struct ledger_row;

const char *batch_check_sizes(const struct batch *b);
const char *batch_check_head(const struct batch_head *head);
const char *batch_check_flow(const struct flow *flow);
const char *batch_check_ledger(const struct ledger_row *row);

/*
 * Copies text for people into size bytes at to: control characters and what is not UTF-8 become
 * '?', so that no terminal, page or JSON writer downstream meets them. False when it does not fit.
 */
bool batch_name_is_valid(const char *name, size_t size);
bool batch_copy_text(const char *from, char *to, size_t size);

#endif
