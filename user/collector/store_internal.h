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

#define STORE_COLUMNS_MAX 48
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

/* One series' rows of this transaction. */
struct store_hours {
	struct store_appender rows;
	struct segment_change change;
	int64_t made_hour; /* whose table and segment row are there for sure; -1: unknown */
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
	struct store_appender ledger;
	struct store_hours hours[STORE_SERIES];
	bool must_reopen; /* a commit failed */
};

/* "flows_<hour>" into name, which it returns; and back: false for what is no such name. */
const char *store_hour_name(enum store_series series, int64_t hour, char name[STORE_NAME_MAX]);
bool store_hour_parse(const char *name, int64_t *hour);

/* store.c: after a failed commit. 0 or -errno, logged; then the next store_begin() tries again. */
int store_reopen(struct store *s);

/* store_read.c: all readers' connections; with the gate held, or before there are readers. */
int store_readers_connect(struct store *s);
void store_readers_disconnect(struct store *s);

/* store_rows.c: chunks of rows into one table. */
int store_rows_open(struct store *s, struct store_appender *a, const char *table,
		    const struct store_column *columns, size_t len);
int store_rows_push(struct store_appender *a, size_t columns); /* a chunk, full or not */
int store_rows_finish(struct store_appender *a, size_t columns);
void store_rows_text(struct store_appender *a, idx_t column, const char *text);
#define STORE_SET(a, type, col, value) (((type *)(a)->column[col])[(a)->rows] = (type)(value))

/* store_hours.c: the series' table of that hour is open for rows. */
int store_hours_open(struct store *s, enum store_series series, int64_t arrived_us);
/* One row was filled in, about the time [start_us, end_us]. */
int store_hours_added(struct store *s, enum store_series series, int64_t start_us, int64_t end_us);
void store_hours_forget(struct store *s); /* which tables there are */

/* store_append_signal.c */
int store_append_connections(struct store *s, uint32_t exporter_id, const struct batch *b,
			     int64_t arrived_us);
int store_append_drops(struct store *s, uint32_t exporter_id, const struct batch *b,
		       int64_t arrived_us);
int store_append_latencies(struct store *s, uint32_t exporter_id, const struct batch *b,
			   int64_t arrived_us);
int store_append_host_counts(struct store *s, uint32_t exporter_id, const struct batch *b,
			     int64_t arrived_us);

/* store_hours.c: flush everything and update `segments`; or forget it all. */
int store_appenders_finish(struct store *s);
void store_appenders_drop(struct store *s);

#endif
