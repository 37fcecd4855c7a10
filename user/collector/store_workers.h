/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Threads that help queries, and no commits: DuckDB's own would take over each commit's work from
 * the committer, which spins meanwhile (a record then costs 1.7 times the CPU). The database is
 * opened with `threads` and as many `external_threads`, so that it starts none itself.
 */
#ifndef WT_STORE_WORKERS_H
#define WT_STORE_WORKERS_H

#include <duckdb.h>

struct store_workers;

/* One less than the threads a query may use: who asks is one of them. 0 or -errno. */
int store_workers_start(duckdb_database db, unsigned int threads, struct store_workers **ret);
/* Before the database is closed; no query runs. NULL is fine. */
void store_workers_stop(struct store_workers *w);

/* Around a query. Any thread. */
void store_workers_begin(struct store_workers *w);
void store_workers_end(struct store_workers *w);

#endif
