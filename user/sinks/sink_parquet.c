// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Rows of flows in, Parquet files out. A Parquet file is whole or is none, so rows wait for it in a
 * small database beside it, and are delivered when they are in there: a kill loses none of them and
 * writes none twice, for the name of the file that is next is in there, too.
 *
 *   parquet:/var/log/flows.parquet   flows-20261126T031500-00000007.parquet, …, flows.parquet.part
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <duckdb.h>

#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/lib/timespec.h"
#include "user/sinks/parquet_rows.h"
#include "user/sinks/sink_kind.h"
#include "user/sinks/sink_rotation.h"

#define SUFFIX ".parquet"
#define INTERVAL_DEFAULT_US (INT64_C(60) * 1000000)
#define INTERVAL_MIN_US INT64_C(1000000)
#define ROWS_DEFAULT 1000000 /* in a file */
#define KEEP_DEFAULT 1000
#define TICK_US 1000000
#define FILE_MODE 0640 /* flows are nobody else's */
#define STAMP_LEN 25 /* "-20261126T031500-00000007" */

struct parquet {
	struct sink *sink;
	const char *path;
	int64_t interval_us;
	uint64_t keep, rows_max;
	duckdb_database db; /* NULL: closed */
	duckdb_connection connection;
	uint64_t rows, number; /* of the file that is next */
	int64_t begun_us; /* wall clock: when its first row came */
	bool is_doubtful; /* what is in memory, after a transaction that failed (store.c) */
};

/* ---- SQL ------------------------------------------------------------------------------------ */

static int run(struct parquet *p, const char *sql)
{
	duckdb_result result = {};
	int err = 0;

	if (duckdb_query(p->connection, sql, &result) != DuckDBSuccess) {
		log_error("sink %s: %s", p->path, duckdb_result_error(&result));
		err = -EIO;
	}
	duckdb_destroy_result(&result);
	return err;
}

static int run_number(struct parquet *p, const char *before, int64_t number, const char *behind)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "%s%" PRId64 "%s", before, number, behind);
	return run(p, sql);
}

static int read_state(struct parquet *p)
{
	duckdb_result result = {};
	int err = -EIO;

	if (duckdb_query(p->connection,
			 "SELECT number, begun_us, (SELECT count(*) FROM rows) FROM meta",
			 &result) == DuckDBSuccess &&
	    duckdb_row_count(&result) == 1) {
		p->number = duckdb_value_uint64(&result, 0, 0);
		p->begun_us = duckdb_value_int64(&result, 1, 0);
		p->rows = duckdb_value_uint64(&result, 2, 0);
		err = 0;
	}
	duckdb_destroy_result(&result);
	return err;
}

static int make_tables(struct parquet *p)
{
	char sql[2048];
	int err = parquet_rows_ddl("rows", sql, sizeof(sql));

	if (!err)
		err = run(p, sql);
	if (!err)
		err = run(p, "CREATE TABLE IF NOT EXISTS meta (number UBIGINT, begun_us BIGINT);"
			     "INSERT INTO meta SELECT 1, 0 WHERE (SELECT count(*) FROM meta) = 0");
	return err ? err : read_state(p);
}

/* ---- files ---------------------------------------------------------------------------------- */

/* "flows-20261126T031500-00000007.parquet" of "flows.parquet" */
static bool is_file(const char *name, const char *base)
{
	size_t len = strlen(base) - strlen(SUFFIX);

	return strlen(name) == len + STAMP_LEN + strlen(SUFFIX) && !strncmp(name, base, len) &&
	       name[len] == '-' && !strcmp(name + len + STAMP_LEN, SUFFIX) &&
	       strspn(name + len, "-0123456789T") == STAMP_LEN;
}

static char *file_name(const struct parquet *p)
{
	int len = (int)(strlen(p->path) - strlen(SUFFIX));
	time_t s = p->begun_us / 1000000;
	char stamp[24], *name;
	struct tm tm;

	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", gmtime_r(&s, &tm));
	return asprintf(&name, "%.*s-%s-%08" PRIu64 SUFFIX, len, p->path, stamp, p->number) < 0
		       ? NULL
		       : name;
}

/* COPY … TO '<name>.new', durable. A quote in the name is two. */
static int write_file(struct parquet *p, const char *name, const char *fresh)
{
	AUTO_FREE char *sql = NULL;
	AUTO_FD int fd = -1;
	size_t len;
	FILE *out = open_memstream(&sql, &len);
	int err;

	if (!out)
		return -ENOMEM;
	fputs("COPY rows TO '", out);
	for (const char *c = fresh; *c; c++)
		fputs(*c == '\'' ? "''" : (char[]){ *c, '\0' }, out);
	fputs("' (FORMAT parquet, COMPRESSION zstd)", out);
	if (fclose(out))
		return -ENOMEM;
	err = run(p, sql);
	if (err)
		return err;
	fd = open(fresh, O_RDONLY | O_CLOEXEC);
	return fd < 0 || fchmod(fd, FILE_MODE) || fsync(fd) || rename(fresh, name) ? -errno : 0;
}

/* What waits becomes a file. After a kill in the midst the same file is written once more. */
static int seal(struct parquet *p)
{
	AUTO_FREE char *name = NULL, *fresh = NULL;
	int err;

	if (!p->rows)
		return 0;
	name = file_name(p);
	if (!name || asprintf(&fresh, "%s.new", name) < 0)
		return -ENOMEM;
	err = write_file(p, name, fresh);
	if (err)
		return err;
	err = run(p, "BEGIN; DELETE FROM rows; UPDATE meta SET number = number + 1; COMMIT");
	if (err)
		return err;
	p->rows = 0;
	p->number++;
	sink_rotation_trim(p->path, is_file, p->keep);
	return 0;
}

/* ---- the kind ------------------------------------------------------------------------------- */

static int parse_options(struct parquet *p, struct sink_url *url)
{
	const char *interval = sink_url_option(url, "interval");

	if (interval && (timespec_parse_duration(interval, &p->interval_us) ||
			 p->interval_us < INTERVAL_MIN_US))
		return -EINVAL;
	if (sink_url_number(url, "rows", 1, UINT32_MAX, &p->rows_max))
		return -EINVAL;
	return sink_url_number(url, "keep", 1, 10000000, &p->keep);
}

static int parquet_make(const struct sink_kind *kind, struct sink *sink, struct sink_url *url,
			void **ret, const char **why)
{
	AUTO_FREE struct parquet *p = calloc(1, sizeof(*p));
	size_t len = strlen(url->path);

	if (!p)
		return -ENOMEM;
	*p = (struct parquet){ .sink = sink,
			       .path = url->path,
			       .interval_us = INTERVAL_DEFAULT_US,
			       .keep = KEEP_DEFAULT,
			       .rows_max = ROWS_DEFAULT };
	if (*url->authority || *url->path != '/' || len <= strlen(SUFFIX) ||
	    strcmp(url->path + len - strlen(SUFFIX), SUFFIX) != 0) {
		*why = "want parquet:/PATH" SUFFIX;
		return -EINVAL;
	}
	*why = "behind ? may stand interval=TIME (1s or more), rows=N, keep=FILES and all=1";
	if (parse_options(p, url))
		return -EINVAL;
	sink_set_wants(sink, true, TICK_US);
	*ret = TAKE(p);
	return 0;
}

/* What waits need not wait for the next start; what is doubtful must not reach a file. */
static void parquet_close(void *own)
{
	struct parquet *p = own;

	if (p->connection && !p->is_doubtful)
		seal(p);
	else if (p->connection)
		run(p, "PRAGMA disable_checkpoint_on_shutdown");
	if (p->connection)
		duckdb_disconnect(&p->connection);
	if (p->db)
		duckdb_close(&p->db);
}

static int open_database(struct parquet *p)
{
	AUTO_FREE char *part = NULL;
	duckdb_config config = NULL;
	char *why = NULL;
	int err = 0;

	if (asprintf(&part, "%s.part", p->path) < 0 ||
	    duckdb_create_config(&config) != DuckDBSuccess)
		return -ENOMEM;
	duckdb_set_config(config, "threads", "1");
	duckdb_set_config(config, "memory_limit", "256MB");
	duckdb_set_config(config, "autoinstall_known_extensions", "false");
	duckdb_set_config(config, "allow_community_extensions", "false");
	if (duckdb_open_ext(part, &p->db, config, &why) != DuckDBSuccess) {
		sink_trouble(p->sink, why ? why : "its database cannot be opened");
		err = -EIO;
	}
	duckdb_free(why);
	duckdb_destroy_config(&config);
	return err;
}

static int parquet_open(void *own)
{
	struct parquet *p = own;
	int err = open_database(p);

	p->rows = 0; /* until it is known */
	p->is_doubtful = false;
	if (!err && duckdb_connect(p->db, &p->connection) != DuckDBSuccess)
		err = -ENOMEM;
	if (!err)
		err = make_tables(p);
	if (err)
		parquet_close(p);
	return err;
}

/* One transaction: all of them are in the database, or none. */
static int store_rows(struct parquet *p, const struct sink_rows *rows, size_t from)
{
	int64_t now_us = wall_us();
	int err = run(p, "BEGIN");

	if (err)
		return err;
	if (!p->rows)
		err = run_number(p, "UPDATE meta SET begun_us = ", now_us, "");
	if (!err)
		err = parquet_rows_append(p->connection, "rows", rows, from);
	if (!err)
		err = run(p, "COMMIT");
	if (err) {
		p->is_doubtful = true;
		duckdb_query(p->connection, "ROLLBACK", NULL);
		return err;
	}
	if (!p->rows)
		p->begun_us = now_us;
	p->rows += rows->flows_len - from;
	return 0;
}

static int parquet_deliver(void *own, const struct sink_rows *rows, size_t from)
{
	struct parquet *p = own;
	int err;

	if (from >= rows->flows_len)
		return 0;
	err = store_rows(p, rows, from);
	if (err)
		return err;
	sink_confirm(p->sink, rows->flows_len - from, 0);
	return p->rows >= p->rows_max ? seal(p) : 0;
}

static int parquet_tick(void *own, const struct sink_metrics *source)
{
	struct parquet *p = own;

	if (!p->connection)
		return 0;
	return wall_us() - p->begun_us >= p->interval_us ? seal(p) : 0;
}

const struct sink_kind sink_parquet = {
	.scheme = "parquet:",
	.make = parquet_make,
	.open = parquet_open,
	.deliver = parquet_deliver,
	.tick = parquet_tick,
	.tick_does = "write a file",
	.close = parquet_close,
	.free = free,
};
