/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Where rows go besides the store: a sink has a queue with a bound, a thread, and counts of what
 * became of every row it was given:
 *
 *   given = waiting + delivered + lost/queue_full
 *
 * Giving never waits. Over TCP a row is delivered when the kernel has taken it; one that was under
 * way when a connection broke is sent again. Over UDP it is delivered when it was sent: nobody says
 * more. Kinds of sinks are rows of sink_kinds in sink.c:
 *
 *   ipfix://HOST:PORT        IPFIX over UDP
 *   ipfix+tcp://HOST:PORT    IPFIX over TCP
 *   netflow9://HOST:PORT     NetFlow v9 over UDP
 *
 * with ?rate=N (records a second over UDP, 100000), ?domain=N (0) and ?all=1 (every observation,
 * not only IP that counts) behind them, joined by &.
 */
#ifndef WT_SINK_H
#define WT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/wire/flow.h"

#define SINKS_MAX 8
#define SINK_ROWS_MAX 262144 /* that wait; more are lost/queue_full */
#define SINK_RATE_DEFAULT 100000 /* records a second over UDP: receivers' buffers are small */
#define SINK_BACKOFF_MIN_MS 100
#define SINK_BACKOFF_MAX_MS 5000
#define SINK_CONNECT_MS 5000
#define SINK_STOP_MS 5000 /* for what waits, at the end */
#define SINK_URL_MAX 256 /* with NUL */
#define SINK_ERROR_MAX 160

struct sink;

/* 0 and a sink that is not started; -EINVAL with *why (static). */
int sink_new(const char *url, struct sink **ret, const char **why);
int sink_start(struct sink *s);
/* Delivers what it can within SINK_STOP_MS, logs how many rows are left, frees. NULL is fine. */
void sink_stop(struct sink *s);

/* Copies the rows it wants. Any one thread. */
void sink_give(struct sink *s, const struct flow *rows, size_t len);

struct sink_counts {
	uint64_t given, waiting, delivered, lost_queue_full;
	uint64_t messages, octets; /* sent */
	uint64_t retries; /* connections that failed or broke */
	int64_t lag_us; /* since the oldest row that waits was given; 0: none does */
	char url[SINK_URL_MAX];
	char error[SINK_ERROR_MAX]; /* the last one; "" when all is well */
};

/* Any thread. */
void sink_counts(struct sink *s, struct sink_counts *ret);

#endif
