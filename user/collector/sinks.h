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

/* 0 or -EINVAL; has said which one, and why, on stderr. */
int sinks_open(const struct option_list *urls);
int sinks_start(void);
/* Delivers what it can, and forgets them. */
void sinks_stop(void);

/* The committer's thread. */
/* After sinks_open() and before anything is given: what the run before left (sink_state.h). */
void sinks_remember(const char *dir, const struct sink_place *stored);

/* Before a transaction: a call for each of the batches it stores, and where it ends in the log. */
void sinks_announce_begin(void);
void sinks_announce_add(const struct batch *b);
void sinks_announce_end(const struct sink_place *end);

void sinks_give(const struct batch *b, const struct sink_names *names);

size_t sinks_len(void);
void sinks_counts(size_t i, struct sink_counts *ret);

void metrics_sinks_print(FILE *out);
struct json_t *sinks_json(void);

#endif
