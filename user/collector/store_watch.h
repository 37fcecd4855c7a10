/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Deadlines of queries: a thread that interrupts those that are still running at theirs. (DuckDB
 * has no timeout of its own, and one of its tasks may run for minutes.)
 */
#ifndef WT_STORE_WATCH_H
#define WT_STORE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <duckdb.h>

struct store_watch;

/* A query that runs now: on the stack of whoever waits for it. */
struct watched_query {
	struct watched_query *next;
	duckdb_connection connection;
	int64_t until_ns; /* CLOCK_MONOTONIC */
	bool was_stopped;
};

int store_watch_start(struct store_watch **ret);
void store_watch_stop(struct store_watch *w);

/* Around the query; after the second, q->was_stopped holds. */
void store_watch_begin(struct store_watch *w, struct watched_query *q);
void store_watch_end(struct store_watch *w, struct watched_query *q);

#endif
