/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The sinks of a collector or an agent (sink.h), one set a process: who makes transactions (of the
 * store; of the agent's state) gives what they hold, /metrics and status read the counts. What a
 * crash finds in their queues is named lost/not_sent by the next start.
 */
#ifndef WT_SINKS_H
#define WT_SINKS_H

#include <stddef.h>
#include <stdio.h>

#include "user/sinks/sink.h"

struct batch;
struct json_t;
struct option_list;
struct sink_kinds;

/* Before all others: "wiretally-agent", and what there is; borrowed. */
void sinks_init(const char *program, const struct sink_kinds *kinds);

/*
 * These are the sinks: those there were and are not among them deliver what they can (it takes up
 * to SINK_STOP_MS each), new ones begin with the next transaction. 0, or -errno and nothing is
 * changed; has said which one, and why, on stderr. The URLs live as long as the process. Called by
 * one thread.
 */
int sinks_set(const struct option_list *urls);
/* After the first of these, before anything is given: what the run before left (sink_state.h). */
void sinks_remember(const char *data, const struct sink_place *place);
/* metrics: what those that tick ask; borrowed. */
int sinks_start(const struct sink_metrics *metrics);
/* Delivers what it can, and forgets them. */
void sinks_stop(void);

/*
 * One thread, around a transaction: a call for each batch of it; before it can be made, where it
 * ends; and whether it was made. How many rows the batch is to all sinks together.
 */
void sinks_begin_transaction(void);
uint64_t sinks_stage(const struct batch *b, const struct sink_names *names);
void sinks_announce(const struct sink_place *end);
void sinks_end_transaction(bool is_made);

void metrics_sinks_print(FILE *out);
struct json_t *sinks_json(void);

#endif
