/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * When the database file is damaged, it goes to DIR/quarantine; a new one, then or because it was
 * not there, lists the sealed files again. What is lost is what was in tables: the hour that was
 * being filled (the segment log brings back what it still has) and the ledger. Who the exporters
 * are is in files as well, written with each sealing:
 *
 *   kept_exporters.parquet  kept_interfaces.parquet  kept_addresses.parquet
 */
#ifndef WT_STORE_RESTORE_H
#define WT_STORE_RESTORE_H

#include <stdbool.h>

#include <duckdb.h>

struct store;

/*
 * What DuckDB says when a file is not what it wrote: -EBADMSG the database, -EILSEQ its
 * write-ahead log. 0: anything else, which may be well tomorrow.
 */
int store_damage(const char *why);

/* The write-ahead log alone, or the database with it, to DIR/quarantine. 0 or -errno, logged. */
int store_set_log_aside(struct store *s);
int store_set_database_aside(struct store *s);

/* A database that lists nothing lists the files there are: a new one, or after damage. */
int store_restore_if_new(struct store *s);

/* Is this file one of those above? */
bool store_is_kept_file(const char *file);

/* Writes them, as this connection's snapshot has it. */
int store_keep_names(struct store *s, duckdb_connection connection);

#endif
