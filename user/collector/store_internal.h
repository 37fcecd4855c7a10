/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the store's own files share: nobody else includes this. */
#ifndef WT_STORE_INTERNAL_H
#define WT_STORE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/collector/store.h"
#include "user/collector/store_schema.h"
#include "user/collector/store_write.h"

#define STORE_COLUMNS_MAX 32
#define STORE_NAME_MAX 32 /* of a flows table, with NUL */

/* Rows on their way into one table, a chunk at a time. */
struct store_appender {
	duckdb_appender appender; /* NULL: closed */
	duckdb_data_chunk chunk; /* NULL until first used; kept */
	idx_t rows; /* in chunk */
	void *column[STORE_COLUMNS_MAX];
};

/* What this transaction adds to one row of `segments`. */
struct segment_change {
	int64_t hour; /* of arrival, since the epoch; -1: none */
	uint64_t rows;
	int64_t min_start_us;
	int64_t max_end_us;
};

struct store {
	duckdb_database db;
	char *path;
	struct store_limits limits;
	struct store_watch *watch;
	/* held shared by queries and snapshots, exclusively while the database is opened again */
	pthread_rwlock_t gate;
	struct store_reader *readers;
	/* the committer's */
	duckdb_connection writer;
	struct store_appender flows;
	struct store_appender ledger;
	struct segment_change change;
	bool must_reopen; /* a commit failed */
	int64_t made_hour; /* whose table and segment row are there for sure; -1: unknown */
};

/* "flows_<hour>" into name, which it returns. */
const char *store_flows_name(int64_t hour, char name[STORE_NAME_MAX]);

/* store.c: after a failed commit. 0 or -errno, logged; then the next store_begin() tries again. */
int store_reopen(struct store *s);

/* store_read.c: all readers' connections; with the gate held, or before there are readers. */
int store_readers_connect(struct store *s);
void store_readers_disconnect(struct store *s);

/* store_append.c: flush everything and update `segments`; or forget it all. */
int store_appenders_finish(struct store *s);
void store_appenders_drop(struct store *s);

#endif
