/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The store's writing half, for one thread: the committer. Everything between store_begin() and
 * store_commit() becomes visible and durable together, or not at all. All return 0 or -errno and
 * have logged why; after an error only store_rollback() is of use.
 */
#ifndef WT_STORE_WRITE_H
#define WT_STORE_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <duckdb.h>

#include "user/collector/seglog.h"
#include "user/collector/store_schema.h"
#include "user/lib/cleanup.h"

struct batch;
struct store;
struct watched_interface;

#define STORE_HOUR_US (INT64_C(3600) * 1000000)

/* One row of `exporters`. */
struct store_exporter {
	uint32_t id;
	const char *agent;
	const uint8_t *instance; /* 16 bytes */
	const char *host;
	const char *exporter;
	uint64_t high_water;
	uint64_t gaps;
	int64_t first_us;
	int64_t last_us;
};

int store_begin(struct store *s);
int store_commit(struct store *s);
void store_rollback(struct store *s);

int store_insert_exporter(struct store *s, const struct store_exporter *e);
int store_update_exporter(struct store *s, const struct store_exporter *e);

/* Rows and ledger of a batch that arrived at arrived_us; makes the hour's table when needed. */
int store_append_batch(struct store *s, uint32_t exporter_id, const struct batch *b,
		       int64_t arrived_us);

int store_put_interface(struct store *s, const char *agent, const struct watched_interface *w,
			int64_t last_us);
int store_replace_addresses(struct store *s, const char *agent, uint8_t (*addresses)[16],
			    size_t len);

/* What is in the log up to `end` is in this transaction or an earlier one. */
int store_put_position(struct store *s, struct log_position end);
int store_position(struct store *s, struct log_position *ret);

/*
 * Retention, in transactions of its own. Drops tables and files whose rows arrived before their
 * tier's time (store_series[].kept_as), with the ledger rows and exporters that nothing refers to
 * any more; the number of segments goes to *dropped. Flows that are not sealed yet go with hours.
 */
int store_expire(struct store *s, const int64_t before_us[STORE_TIERS], unsigned int *dropped);

/* The segment that is missed least, of those that ended before now. -ENOENT: there is none. */
int store_drop_oldest(struct store *s, int64_t now_us);

/* Bytes in use: blocks of the database that hold something, its write-ahead log, sealed files. */
int store_used_bytes(struct store *s, uint64_t *ret);

/* Which is when blocks of what was dropped become free. -EBUSY: not while others write. */
int store_checkpoint(struct store *s);

/*
 * Run sql on the writer's connection with $1… bound from the arguments, one letter of `types` for
 * each: u uint64_t, i int64_t, s const char *, b const void * and size_t. result may be NULL.
 */
int store_run(struct store *s, duckdb_result *result, const char *sql, const char *types, ...);

/* duckdb_destroy_result() for AUTO. */
static inline void result_done_auto(duckdb_result *r)
{
	duckdb_destroy_result(r);
}

#endif
