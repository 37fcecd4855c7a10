// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The database: opened once, read by many with a deadline; store_write.c is its other half. */
#include "user/collector/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/collector/pipeline.h"
#include "user/collector/store_internal.h"
#include "user/collector/store_watch.h"
#include "user/lib/log.h"

struct store_reader {
	duckdb_connection connection;
	struct store_watch *watch;
	bool is_in_snapshot;
	int64_t until_ns; /* of the snapshot */
};

static int64_t deadline_ns(void)
{
	return monotonic_ns() + STORE_QUERY_DEADLINE_MS * INT64_C(1000000);
}

/*
 * Nothing but our own file: no other files, no downloads, no extensions. CHECKPOINT stops writers
 * for seconds, so it comes rarely; the segment log takes what arrives meanwhile.
 */
static const struct {
	const char *name;
	const char *value;
} settings[] = {
	{ "access_mode", "READ_WRITE" },
	{ "enable_external_access", "false" },
	{ "autoinstall_known_extensions", "false" },
	{ "autoload_known_extensions", "false" },
	{ "allow_community_extensions", "false" },
	{ "checkpoint_threshold", "256MB" },
	{ "max_temp_directory_size", "4GB" },
};

static int config_set(duckdb_config config, const char *name, const char *value)
{
	if (duckdb_set_config(config, name, value) == DuckDBSuccess)
		return 0;
	log_error("store: setting %s = %s is refused", name, value);
	return -EINVAL;
}

static int open_database(struct store *s, const struct store_limits *limits)
{
	duckdb_config config = NULL;
	char text[64], *why = NULL;
	int err = 0;

	if (duckdb_create_config(&config) != DuckDBSuccess)
		return -ENOMEM;
	for (size_t i = 0; !err && i < ARRAY_LEN(settings); i++)
		err = config_set(config, settings[i].name, settings[i].value);
	snprintf(text, sizeof(text), "%" PRIu64 "B", limits->memory_bytes);
	if (!err)
		err = config_set(config, "memory_limit", text);
	snprintf(text, sizeof(text), "%u", limits->threads);
	if (!err)
		err = config_set(config, "threads", text);
	if (!err && duckdb_open_ext(s->path, &s->db, config, &why) != DuckDBSuccess) {
		log_error("open store '%s': %s", s->path, why ? why : "out of memory");
		err = -EIO;
	}
	duckdb_free(why);
	duckdb_destroy_config(&config);
	return err;
}

int store_open_limited(const char *dir, const struct store_limits *limits, struct store **ret)
{
	AUTO(store_close) struct store *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->made_hour = s->change.hour = -1;
	if (asprintf(&s->path, "%s/wiretally.duckdb", dir) < 0) {
		s->path = NULL;
		return -ENOMEM;
	}
	err = open_database(s, limits);
	if (err)
		return err;
	if (duckdb_connect(s->db, &s->writer) != DuckDBSuccess) {
		log_error("open store '%s': cannot connect", s->path);
		return -ENOMEM;
	}
	err = store_schema_init(s->writer);
	if (!err)
		err = store_watch_start(&s->watch);
	if (err)
		return err;
	*ret = TAKE(s);
	return 0;
}

int store_open(const char *dir, struct store **ret)
{
	struct store_limits limits = { STORE_MEMORY_DEFAULT, STORE_THREADS_DEFAULT };

	return store_open_limited(dir, &limits, ret);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_watch_stop(s->watch);
	store_appenders_drop(s);
	if (s->flows.chunk)
		duckdb_destroy_data_chunk(&s->flows.chunk);
	if (s->ledger.chunk)
		duckdb_destroy_data_chunk(&s->ledger.chunk);
	if (s->writer)
		duckdb_disconnect(&s->writer);
	if (s->db)
		duckdb_close(&s->db);
	free(s->path);
	free(s);
}

uint64_t store_file_bytes(const struct store *s)
{
	char wal[4096];
	struct stat st;
	uint64_t bytes = 0;

	snprintf(wal, sizeof(wal), "%s.wal", s->path);
	if (!stat(s->path, &st))
		bytes += (uint64_t)st.st_size;
	if (!stat(wal, &st))
		bytes += (uint64_t)st.st_size;
	return bytes;
}

int store_reader_open(struct store *s, struct store_reader **ret)
{
	struct store_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	if (duckdb_connect(s->db, &r->connection) != DuckDBSuccess) {
		free(r);
		return -ENOMEM;
	}
	r->watch = s->watch;
	*ret = r;
	return 0;
}

void store_reader_close(struct store_reader *r)
{
	if (!r)
		return;
	duckdb_disconnect(&r->connection);
	free(r);
}

static int reader_run(struct store_reader *r, const char *sql)
{
	return duckdb_query(r->connection, sql, NULL) == DuckDBSuccess ? 0 : -EIO;
}

int store_reader_begin(struct store_reader *r)
{
	store_reader_end(r);
	if (reader_run(r, "BEGIN TRANSACTION READ ONLY"))
		return -EIO;
	r->is_in_snapshot = true;
	r->until_ns = deadline_ns();
	return 0;
}

void store_reader_end(struct store_reader *r)
{
	if (r->is_in_snapshot)
		reader_run(r, "ROLLBACK");
	r->is_in_snapshot = false;
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

	store_watch_begin(r->watch, &q);
	state = duckdb_execute_prepared(statement, ret);
	store_watch_end(r->watch, &q);
	if (state == DuckDBSuccess)
		return 0;
	err = q.was_stopped ? fail(-ETIME, "the query took too long and was stopped", error)
			    : fail(-EINVAL, duckdb_result_error(ret), error);
	duckdb_destroy_result(ret);
	return err;
}

int store_query(struct store_reader *r, const char *sql, duckdb_value *params, size_t params_len,
		duckdb_result *ret, char **error)
{
	duckdb_prepared_statement statement = NULL;
	int err = 0;

	if (error)
		*error = NULL;
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

static int append_sources(FILE *out, duckdb_result *names)
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
	fputs(rows ? ")" : "SELECT * FROM flows_none)", out);
	return ferror(out) ? -ENOMEM : 0;
}

int store_flows_source(struct store_reader *r, int64_t from_us, int64_t to_us, char **ret)
{
	duckdb_value range[] = { duckdb_create_int64(from_us), duckdb_create_int64(to_us) };
	__attribute__((cleanup(result_done_auto))) duckdb_result names = {};
	AUTO_FREE char *text = NULL, *error = NULL;
	size_t len;
	FILE *out;
	int err;

	err = store_query(r,
			  "SELECT name FROM segments WHERE rows > 0 AND max_end_us >= $1 "
			  "AND min_start_us < $2 ORDER BY name",
			  range, ARRAY_LEN(range), &names, &error);
	duckdb_destroy_value(&range[0]);
	duckdb_destroy_value(&range[1]);
	if (err) {
		log_warn("store: list segments: %s", error ? error : strerror(-err));
		return err;
	}
	out = open_memstream(&text, &len);
	if (!out)
		return -ENOMEM;
	err = append_sources(out, &names);
	if (fclose(out) || err)
		return -ENOMEM;
	*ret = TAKE(text);
	return 0;
}
