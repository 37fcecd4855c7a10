/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The collector's sinks (user/sinks/sink.h), one set a process: the committer gives what it has
 * stored, /metrics and /v1/status read the counts. What a crash finds in their queues is in the
 * store, and named lost/not_sent by the next start.
 */
#ifndef WT_SINKS_H
#define WT_SINKS_H

#include <stddef.h>
#include <stdio.h>

#include "user/sinks/sink.h"

struct batch;
struct json_t;
struct option_list;

/*
 * These are the sinks: those there were and are not among them deliver what they can (it takes up
 * to SINK_STOP_MS each), new ones begin with the next transaction. 0, or -errno and nothing is
 * changed; has said which one, and why, on stderr. The URLs live as long as the process. Called by
 * one thread.
 */
int sinks_set(const struct option_list *urls);
/* After the first of these, before anything is given: what the run before left (sink_state.h). */
void sinks_remember(const char *data, const struct sink_place *place);
int sinks_start(void);
/* Delivers what it can, and forgets them. */
void sinks_stop(void);

/*
 * The committer's thread, around a transaction: a call for each of the batches it stores, where it
 * ends in the log, and when it was made what is given.
 */
void sinks_begin_transaction(void);
void sinks_announce_add(const struct batch *b);
void sinks_announce_end(const struct sink_place *end);
void sinks_give(const struct batch *b, const struct sink_names *names);
void sinks_end_transaction(bool is_made);

void metrics_sinks_print(FILE *out);
struct json_t *sinks_json(void);

#endif
