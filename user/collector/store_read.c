// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Read connections: a snapshot, SQL with bound values and a deadline in, results out. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/pipeline.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_watch.h"
#include "user/collector/store_workers.h"
#include "user/lib/log.h"
#include "user/lib/clock.h"

struct store_reader {
	struct store_reader *next; /* of the store's */
	struct store *store;
	duckdb_connection connection; /* NULL while the store could not be opened again */
	bool is_in_snapshot;
	int64_t until_ns; /* of the snapshot */
	uint64_t snapshot; /* its number; UINT64_MAX: in none */
};

struct store *store_of(const struct store_reader *r)
{
	return r->store;
}

static void snapshot_set(struct store_reader *r, bool begins)
{
	struct store *s = r->store;

	pthread_mutex_lock(&s->snapshots_lock);
	r->snapshot = begins ? ++s->snapshots : UINT64_MAX;
	pthread_mutex_unlock(&s->snapshots_lock);
}

uint64_t store_snapshots_now(struct store *s)
{
	uint64_t now;

	pthread_mutex_lock(&s->snapshots_lock);
	now = s->snapshots;
	pthread_mutex_unlock(&s->snapshots_lock);
	return now;
}

/* The committer's thread: readers come and go with the gate held alone. */
uint64_t store_snapshots_oldest(struct store *s)
{
	uint64_t oldest = UINT64_MAX;

	pthread_rwlock_rdlock(&s->gate);
	pthread_mutex_lock(&s->snapshots_lock);
	for (const struct store_reader *r = s->readers; r; r = r->next)
		if (r->snapshot < oldest)
			oldest = r->snapshot;
	pthread_mutex_unlock(&s->snapshots_lock);
	pthread_rwlock_unlock(&s->gate);
	return oldest;
}

static int64_t deadline_ns(void)
{
	return monotonic_ns() + STORE_QUERY_DEADLINE_MS * INT64_C(1000000);
}

int store_reader_open(struct store *s, struct store_reader **ret)
{
	struct store_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->store = s;
	r->snapshot = UINT64_MAX;
	pthread_rwlock_wrlock(&s->gate);
	if (s->db && duckdb_connect(s->db, &r->connection) != DuckDBSuccess) {
		pthread_rwlock_unlock(&s->gate);
		free(r);
		return -ENOMEM;
	}
	r->next = s->readers;
	s->readers = r;
	pthread_rwlock_unlock(&s->gate);
	*ret = r;
	return 0;
}

void store_reader_close(struct store_reader *r)
{
	struct store_reader **at;

	if (!r)
		return;
	store_reader_end(r);
	pthread_rwlock_wrlock(&r->store->gate);
	for (at = &r->store->readers; *at != r;)
		at = &(*at)->next;
	*at = r->next;
	if (r->connection)
		duckdb_disconnect(&r->connection);
	pthread_rwlock_unlock(&r->store->gate);
	free(r);
}

void store_readers_disconnect(struct store *s)
{
	for (struct store_reader *r = s->readers; r; r = r->next)
		if (r->connection)
			duckdb_disconnect(&r->connection);
}

int store_readers_connect(struct store *s)
{
	for (struct store_reader *r = s->readers; r; r = r->next)
		if (duckdb_connect(s->db, &r->connection) != DuckDBSuccess)
			return -ENOMEM;
	return 0;
}

static int reader_run(struct store_reader *r, const char *sql)
{
	if (!r->connection)
		return -EIO;
	return duckdb_query(r->connection, sql, NULL) == DuckDBSuccess ? 0 : -EIO;
}

int store_reader_begin(struct store_reader *r)
{
	store_reader_end(r);
	pthread_rwlock_rdlock(&r->store->gate);
	snapshot_set(r, true); /* before it sees the list of segments */
	if (reader_run(r, "BEGIN TRANSACTION READ ONLY")) {
		snapshot_set(r, false);
		pthread_rwlock_unlock(&r->store->gate);
		return -EIO;
	}
	r->is_in_snapshot = true;
	r->until_ns = deadline_ns();
	return 0;
}

void store_reader_extend(struct store_reader *r, int64_t deadline_ms)
{
	r->until_ns = monotonic_ns() + deadline_ms * INT64_C(1000000);
}

void store_reader_end(struct store_reader *r)
{
	if (!r->is_in_snapshot)
		return;
	reader_run(r, "ROLLBACK");
	r->is_in_snapshot = false;
	snapshot_set(r, false);
	pthread_rwlock_unlock(&r->store->gate);
}

static int fail(int err, const char *why, char **error)
{
	if (error)
		*error = strdup(why ? why : "unknown error");
	return err;
}

/* DuckDB names the file; what is wrong with it is for the sealer to find out. */
static void suspect_files(struct store *s, const char *why)
{
	if (why && strstr(why, "/segments/"))
		s->is_suspect = true;
}

bool store_is_suspect(struct store *s)
{
	return atomic_exchange(&s->is_suspect, false);
}

static int run_prepared(struct store_reader *r, duckdb_prepared_statement statement,
			duckdb_result *ret, char **error)
{
	struct watched_query q = {
		.connection = r->connection,
		.until_ns = r->is_in_snapshot ? r->until_ns : deadline_ns(),
	};
	duckdb_state state;
	int err = 0;

	store_watch_begin(r->store->watch, &q);
	store_workers_begin(r->store->workers);
	state = duckdb_execute_prepared(statement, ret);
	store_workers_end(r->store->workers);
	store_watch_end(r->store->watch, &q);
	if (state == DuckDBSuccess)
		return 0;
	suspect_files(r->store, duckdb_result_error(ret));
	err = q.was_stopped ? fail(-ETIME, "the query took too long and was stopped", error)
	      : duckdb_result_error_type(ret) == DUCKDB_ERROR_OUT_OF_MEMORY
		      ? fail(-ENOMEM, duckdb_result_error(ret), error)
		      : fail(-EINVAL, duckdb_result_error(ret), error);
	duckdb_destroy_result(ret);
	return err;
}

static int query(struct store_reader *r, const char *sql, duckdb_value *params, size_t params_len,
		 duckdb_result *ret, char **error)
{
	duckdb_prepared_statement statement = NULL;
	int err = 0;

	if (!r->connection)
		return fail(-EIO, "the store is closed after a failure", error);
	if (duckdb_prepare(r->connection, sql, &statement) != DuckDBSuccess)
		err = fail(-EINVAL, duckdb_prepare_error(statement), error);
	if (err)
		suspect_files(r->store, duckdb_prepare_error(statement));
	for (size_t i = 0; !err && i < params_len; i++) {
		if (duckdb_bind_value(statement, i + 1, params[i]) != DuckDBSuccess)
			err = fail(-EINVAL, duckdb_prepare_error(statement), error);
	}
	if (!err)
		err = run_prepared(r, statement, ret, error);
	duckdb_destroy_prepare(&statement);
	return err;
}

int store_query(struct store_reader *r, const char *sql, duckdb_value *params, size_t params_len,
		duckdb_result *ret, char **error)
{
	int err;

	if (error)
		*error = NULL;
	if (r->is_in_snapshot)
		return query(r, sql, params, params_len, ret, error);
	pthread_rwlock_rdlock(&r->store->gate);
	err = query(r, sql, params, params_len, ret, error);
	pthread_rwlock_unlock(&r->store->gate);
	return err;
}
