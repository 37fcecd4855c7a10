// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Transactions of the committer: exporters, interfaces, addresses and the log's position. */
#include "user/collector/store_write.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "user/collector/store_files.h"
#include "user/collector/store_internal.h"
#include "user/lib/addr.h"
#include "user/lib/log.h"
#include "user/wire/flow.h"

static duckdb_state bind_next(duckdb_prepared_statement st, idx_t i, char type, va_list *ap)
{
	const void *bytes;

	switch (type) {
	case 'u':
		return duckdb_bind_uint64(st, i, va_arg(*ap, uint64_t));
	case 'i':
		return duckdb_bind_int64(st, i, va_arg(*ap, int64_t));
	case 's':
		return duckdb_bind_varchar(st, i, va_arg(*ap, const char *));
	case 'b':
		bytes = va_arg(*ap, const void *);
		return duckdb_bind_blob(st, i, bytes, va_arg(*ap, size_t));
	default:
		return DuckDBError;
	}
}

static int run_bound(duckdb_prepared_statement st, duckdb_result *result, const char *sql)
{
	duckdb_result unwanted = {};
	duckdb_result *out = result ? result : &unwanted;

	if (duckdb_execute_prepared(st, out) == DuckDBSuccess) {
		duckdb_destroy_result(&unwanted);
		return 0;
	}
	log_error("store: %s: %.80s", duckdb_result_error(out), sql);
	duckdb_destroy_result(out);
	return -EIO;
}

int store_run(struct store *s, duckdb_result *result, const char *sql, const char *types, ...)
{
	duckdb_prepared_statement st = NULL;
	int err = 0;
	va_list ap;

	if (!s->writer)
		return -EIO; /* could not be opened again */
	if (duckdb_prepare(s->writer, sql, &st) != DuckDBSuccess) {
		log_error("store: %s: %.80s", duckdb_prepare_error(st), sql);
		err = -EIO;
	}
	va_start(ap, types);
	for (idx_t i = 0; !err && types[i]; i++) {
		if (bind_next(st, i + 1, types[i], &ap) != DuckDBSuccess) {
			log_error("store: bind $%d: %.80s", (int)i + 1, sql);
			err = -EIO;
		}
	}
	va_end(ap);
	if (!err)
		err = run_bound(st, result, sql);
	duckdb_destroy_prepare(&st);
	return err;
}

/*
 * DuckDB 1.4 does not take all of a failed commit back: strings of rows that came to a table and
 * were reverted (the disk was full) run into those of later rows. So after such a failure the
 * database is opened anew, from what is on disk.
 */
int store_begin(struct store *s)
{
	int err = s->must_reopen ? store_reopen(s) : 0;

	if (!err && s->has_lost_rows) {
		s->has_lost_rows = false; /* what follows begins transactions, too */
		err = store_files_heal(s);
	}
	if (err)
		return err;
	err = store_run(s, NULL, "BEGIN TRANSACTION", "");
	s->must_reopen = err != 0;
	return err;
}

int store_commit(struct store *s)
{
	int err = store_appenders_finish(s);

	if (err)
		return err;
	err = store_run(s, NULL, "COMMIT", "");
	s->must_reopen = err != 0;
	return err;
}

void store_rollback(struct store *s)
{
	/* first: an appender flushes when it goes, which must not happen outside the transaction */
	store_appenders_drop(s);
	if (s->writer)
		duckdb_query(s->writer, "ROLLBACK", NULL);
}

int store_insert_exporter(struct store *s, const struct store_exporter *e)
{
	return store_run(s, NULL, "INSERT INTO exporters VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,0)",
			 "usbssuiiu", (uint64_t)e->id, e->agent, e->instance, (size_t)16, e->host,
			 e->exporter, e->high_water, e->first_us, e->last_us, e->gaps);
}

int store_update_exporter(struct store *s, const struct store_exporter *e)
{
	return store_run(s, NULL,
			 "UPDATE exporters SET host = $1, high_water = $2, last_us = $3, gaps = $4 "
			 "WHERE id = $5",
			 "suiuu", e->host, e->high_water, e->last_us, e->gaps, (uint64_t)e->id);
}

int store_put_interface(struct store *s, const char *agent, const struct watched_interface *w,
			int64_t last_us)
{
	int err = store_run(
		s, NULL, "DELETE FROM interfaces WHERE agent = $1 AND ifindex = $2 AND netns = $3",
		"suu", agent, (uint64_t)w->index, (uint64_t)w->netns);

	if (err)
		return err;
	return store_run(s, NULL, "INSERT INTO interfaces VALUES ($1, $2, $3, $4, $5, $6)",
			 "suussi", agent, (uint64_t)w->index, (uint64_t)w->netns, w->name, w->hook,
			 last_us);
}

int store_replace_addresses(struct store *s, const char *agent, uint8_t (*addresses)[16],
			    size_t len)
{
	int err = store_run(s, NULL, "DELETE FROM addresses WHERE agent = $1", "s", agent);

	for (size_t i = 0; !err && i < len; i++)
		err = store_run(s, NULL, "INSERT INTO addresses VALUES ($1, $2, $3)", "suu", agent,
				addr_hi(addresses[i]), addr_lo(addresses[i]));
	return err;
}

int store_put_position(struct store *s, struct log_position end)
{
	return store_run(s, NULL, "UPDATE log_position SET segment = $1, bytes = $2", "uu",
			 end.segment, end.offset);
}

int store_position(struct store *s, struct log_position *ret)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};
	int err = store_run(s, &result, "SELECT segment, bytes FROM log_position", "");

	if (err)
		return err;
	if (duckdb_row_count(&result) != 1) {
		log_error("store: log_position has %d rows, not 1", (int)duckdb_row_count(&result));
		return -EIO;
	}
	ret->segment = duckdb_value_uint64(&result, 0, 0);
	ret->offset = duckdb_value_uint64(&result, 1, 0);
	return 0;
}
