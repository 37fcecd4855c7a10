/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Where rows go besides the store: a sink has a queue with a bound, a thread, and counts of what
 * became of every row it was given:
 *
 *   given = waiting + delivered + lost/queue_full + lost/rejected + lost/not_sent
 *
 * Giving never waits. A row is delivered when
 *
 *   ipfix://HOST:PORT          IPFIX over UDP                 it was sent: nobody says more
 *   netflow9://HOST:PORT       NetFlow v9 over UDP            it was sent
 *   ipfix+tcp://HOST:PORT      IPFIX over TCP                 the kernel has taken it
 *   ipfix+tls://HOST:PORT      the same over TLS              TLS has taken it
 *   file:PATH                  JSON lines or protobuf         it was written
 *   parquet:PATH               Parquet files                  a database beside them has it
 *   kafka://HOST:PORT/TOPIC    protobuf or JSON messages      the brokers have acknowledged it
 *   otlp+http://HOST:PORT      OpenTelemetry's log records    the receiver answered 200
 *
 * and is sent again when that fails. Behind ? stand options: all=1 (every observation, not only
 * what counts) and each kind's own (docs/sinks.md).
 */
#ifndef WT_SINK_H
#define WT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/sinks/sink_state.h"
#include "user/sinks/sink_url.h"
#include "user/wire/batch.h"

#define SINKS_MAX 8
#define SINK_ROWS_MAX 262144 /* that wait; more are lost/queue_full */
#define SINK_RATE_DEFAULT 100000 /* records a second over UDP: receivers' buffers are small */
#define SINK_BACKOFF_MIN_MS 100
#define SINK_BACKOFF_MAX_MS 5000
#define SINK_CONNECT_MS 5000
#define SINK_STOP_MS 5000 /* for what waits, at the end */
#define SINK_ERROR_MAX 160

struct sink;

struct sink_kinds; /* sink_kinds.h: which there are; borrowed */
struct sink_metrics; /* sink_kind.h; borrowed */

/* 0 and a sink that is not started; -EINVAL with *why (static). */
int sink_new(const struct sink_kinds *kinds, const char *url, struct sink **ret, const char **why);
int sink_start(struct sink *s, const struct sink_metrics *metrics);
/* It has SINK_STOP_MS from now on. */
void sink_hurry(struct sink *s);
/* Delivers what it can within SINK_STOP_MS, logs how many rows are left, frees. NULL is fine. */
void sink_stop(struct sink *s);
/* The same for one that may never come back: how many rows are left and lost, no other run says. */
uint64_t sink_remove(struct sink *s);

/*
 * Before it is started: from here on what waits is known to the next run (sink_state.h), and what
 * the run before left is given and lost/not_sent. Without it nothing of that is known.
 */
void sink_remember(struct sink *s, const char *dir, const struct sink_place *stored);

/* What interfaces of the agent are called, as far as it said. */
struct sink_names {
	const struct watched_interface *at;
	size_t len;
};

/* ---- a transaction: one thread at a time ---- */

/* Copies the rows it wants; how many that are. They are its when they are given. */
uint64_t sink_stage(struct sink *s, const struct batch *b, const struct sink_names *names);
/* What is staged comes when the transaction that ends there is made. */
void sink_announce(struct sink *s, const struct sink_place *end);
/* It was made. */
void sink_give(struct sink *s);
/* It was not. */
void sink_unstage(struct sink *s);

struct sink_counts {
	uint64_t given, waiting, delivered, lost_queue_full, lost_rejected, lost_not_sent;
	uint64_t messages, octets; /* sent */
	uint64_t retries; /* connections that failed or broke */
	int64_t lag_us; /* since the oldest row that waits was given; 0: none does */
	char url[SINK_URL_MAX];
	char error[SINK_ERROR_MAX]; /* the last one; "" when all is well */
};

/* Any thread. */
void sink_counts(struct sink *s, struct sink_counts *ret);

#endif
