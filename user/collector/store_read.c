// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Read connections: a snapshot, SQL with bound values and a deadline in, results out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/pipeline.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_watch.h"
#include "user/lib/log.h"

struct store_reader {
	struct store_reader *next; /* of the store's */
	struct store *store;
	duckdb_connection connection; /* NULL while the store could not be opened again */
	bool is_in_snapshot;
	int64_t until_ns; /* of the snapshot */
};

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
	if (reader_run(r, "BEGIN TRANSACTION READ ONLY")) {
		pthread_rwlock_unlock(&r->store->gate);
		return -EIO;
	}
	r->is_in_snapshot = true;
	r->until_ns = deadline_ns();
	return 0;
}

void store_reader_end(struct store_reader *r)
{
	if (!r->is_in_snapshot)
		return;
	reader_run(r, "ROLLBACK");
	r->is_in_snapshot = false;
	pthread_rwlock_unlock(&r->store->gate);
}

static int fail(int err, const char *why, char **error)
{
	if (error)
		*error = strdup(why ? why : "unknown error");
	return err;
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
	state = duckdb_execute_prepared(statement, ret);
	store_watch_end(r->store->watch, &q);
	if (state == DuckDBSuccess)
		return 0;
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

static int append_sources(FILE *out, duckdb_result *names, const char *series)
{
	idx_t rows = duckdb_row_count(names);

	fputs("(", out);
	for (idx_t i = 0; i < rows; i++) {
		char *name = duckdb_value_varchar(names, 0, i);

		if (!name)
			return -ENOMEM;
		fprintf(out, "%sSELECT * FROM %s", i ? " UNION ALL " : "", name);
		duckdb_free(name);
	}
	if (!rows)
		fprintf(out, "SELECT * FROM %s_none", series);
	fputs(")", out);
	return ferror(out) ? -ENOMEM : 0;
}

int store_source(struct store_reader *r, enum store_series series, int64_t from_us, int64_t to_us,
		 char **ret)
{
	duckdb_value range[] = { duckdb_create_int64(from_us), duckdb_create_int64(to_us),
				 duckdb_create_varchar(store_series[series].name) };
	__attribute__((cleanup(result_done_auto))) duckdb_result names = {};
	AUTO_FREE char *text = NULL, *error = NULL;
	size_t len;
	FILE *out;
	int err;

	err = store_query(r,
			  "SELECT name FROM segments WHERE rows > 0 AND max_end_us >= $1 "
			  "AND min_start_us < $2 AND starts_with(name, $3 || '_') ORDER BY name",
			  range, ARRAY_LEN(range), &names, &error);
	duckdb_destroy_value(&range[0]);
	duckdb_destroy_value(&range[1]);
	duckdb_destroy_value(&range[2]);
	if (err) {
		log_warn("store: list segments: %s", error ? error : strerror(-err));
		return err;
	}
	out = open_memstream(&text, &len);
	if (!out)
		return -ENOMEM;
	err = append_sources(out, &names, store_series[series].name);
	if (fclose(out) || err)
		return -ENOMEM;
	*ret = TAKE(text);
	return 0;
}
