/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the store's own files share: nobody else includes this. */
#ifndef WT_STORE_INTERNAL_H
#define WT_STORE_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/collector/store.h"
#include "user/collector/store_blocks.h"
#include "user/collector/store_schema.h"
#include "user/collector/store_segments.h"
#include "user/collector/store_source.h"
#include "user/collector/store_sums.h"
#include "user/collector/store_write.h"

#define STORE_COLUMNS_MAX 48

/* Rows on their way into one table, a chunk at a time. */
struct store_appender {
	duckdb_appender appender; /* NULL: closed, or not a table */
	duckdb_data_chunk chunk; /* NULL until first used; kept */
	idx_t rows; /* in column[] */
	void *column[STORE_COLUMNS_MAX];
};

/* What this transaction adds to one row of `segments`. */
struct segment_change {
	int64_t hour; /* of arrival, since the epoch; -1: none */
	uint64_t rows;
	uint64_t bytes; /* that its file has now; 0: a table */
	int64_t min_start_us;
	int64_t max_end_us;
	unsigned int may_have; /* enum store_trait */
};

/* One series' rows of this transaction. */
struct store_hours {
	struct store_appender rows; /* of flows: into a file's blocks */
	bool is_open;
	struct segment_change change;
	int64_t made_hour; /* whose table and segment row are there for sure; -1: unknown */
	int64_t arrived_hour; /* of the rows that go into it */
};

struct retired_file;

struct store {
	duckdb_database db;
	char *dir;
	char *path;
	int segments_fd;
	int quarantine_fd;
	struct store_limits limits;
	struct store_blocks *blocks;
	struct store_watch *watch;
	struct store_workers *workers; /* of the database that is open */
	/* held shared by queries and snapshots, exclusively while the database is opened again */
	pthread_rwlock_t gate;
	struct store_reader *readers;
	/* snapshots: numbered as they begin, so that a file outlives those that may read it */
	pthread_mutex_t snapshots_lock;
	uint64_t snapshots; /* begun so far */
	bool has_narrow; /* files may lack columns of now: read by name, which costs */
	_Atomic uint64_t scratches; /* names given to files that are not segments */
	_Atomic bool is_suspect; /* a query failed over a file */
	/* the committer's */
	duckdb_connection writer;
	struct store_appender ledger;
	struct store_hours hours[STORE_SERIES];
	bool must_reopen; /* a commit failed */
	bool has_lost_rows; /* an open hour's file is not what is listed */
	char sealing[STORE_NAME_MAX]; /* a table that gets no more rows; "": none */
	struct retired_file *retired;
};

/* store.c: after a failed commit. 0 or -errno, logged; then the next store_begin() tries again. */
int store_reopen(struct store *s);

/* store_read.c: all readers' connections; with the gate held, or before there are readers. */
int store_readers_connect(struct store *s);
void store_readers_disconnect(struct store *s);

/* store_read.c */
struct store *store_of(const struct store_reader *r);
uint64_t store_snapshots_now(struct store *s); /* the number of the latest */
uint64_t store_snapshots_oldest(struct store *s); /* of those not over; UINT64_MAX: none */

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
