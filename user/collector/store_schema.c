// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Column tables in, DDL out; and the version that says who may read the file. */
#include "user/collector/store_schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/collector/store_write.h"
#include "user/lib/log.h"

/*
 * An address as text, from its halves: IPv4 out of v4-mapped, IPv6 as RFC 5952 has it. RUN(n, …): n
 * groups of zeros become "::"; the longest run is tried first.
 */
#define GROUP(half, shift) "(" half " >> " shift ") & 65535"
#define GROUPS(half) \
	GROUP(half, "48") ", " GROUP(half, "32") ", " GROUP(half, "16") ", " GROUP(half, "0")
#define ZEROS(n) "'(^|:)0(:0){" n "}(:|$)'"
#define RUN(n) "WHEN regexp_matches(t, " ZEROS(n) ") THEN regexp_replace(t, " ZEROS(n) ", '::') "
static const char macros[] = "CREATE MACRO IF NOT EXISTS wt_ip6(t) AS CASE " RUN("7") RUN("6") RUN(
	"5") RUN("4") RUN("3") RUN("2")
	RUN("1") "ELSE t END;"
		 "CREATE MACRO IF NOT EXISTS wt_ip(hi, lo) AS CASE WHEN hi = 0 AND lo >> 32 = 65535 THEN "
		 "concat_ws('.', (lo >> 24) & 255, (lo >> 16) & 255, (lo >> 8) & 255, lo & 255) ELSE "
		 "wt_ip6(format('{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}', " GROUPS(
			 "hi") ", " GROUPS("lo") ")) END;";

static const char small_tables[] =
	"CREATE TABLE IF NOT EXISTS meta (key VARCHAR, value UBIGINT);"
	"CREATE TABLE IF NOT EXISTS segments (name VARCHAR, min_start_us BIGINT, max_end_us BIGINT,"
	" rows UBIGINT, file VARCHAR DEFAULT '', bytes UBIGINT DEFAULT 0, crc UINTEGER DEFAULT 0,"
	" hours UINTEGER DEFAULT 0, may_have UTINYINT DEFAULT 63);"
	"CREATE TABLE IF NOT EXISTS stored (exporter_id UINTEGER, \"interval\" UBIGINT,"
	" ifindex UINTEGER, netns UINTEGER, point UTINYINT, name VARCHAR, packets BIGINT,"
	" octets BIGINT, arrived_us BIGINT);"
	"CREATE TABLE IF NOT EXISTS exporters (id UINTEGER, agent VARCHAR, instance BLOB,"
	" host VARCHAR, exporter VARCHAR, high_water UBIGINT, first_us BIGINT, last_us BIGINT,"
	" gaps UBIGINT, expired_interval UBIGINT);"
	"CREATE TABLE IF NOT EXISTS interfaces (agent VARCHAR, ifindex UINTEGER, netns UINTEGER,"
	" name VARCHAR, hook VARCHAR, last_us BIGINT);"
	"CREATE TABLE IF NOT EXISTS addresses (agent VARCHAR, hi UBIGINT, lo UBIGINT);"
	"CREATE TABLE IF NOT EXISTS log_position (segment UBIGINT, bytes UBIGINT);"
	"INSERT INTO log_position SELECT 0, 0 WHERE (SELECT count(*) FROM log_position) = 0;"
	"INSERT INTO meta SELECT 'schema', 8 WHERE (SELECT count(*) FROM meta) = 0;";
_Static_assert(STORE_SCHEMA == 8, "the last line above writes it");

/*
 * From any older version: what it had is read as it is (store_source.c fills up columns by name
 * where files may be 'narrow'), new tables are made with the others.
 */
static const char bring_up[] =
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS file VARCHAR DEFAULT '';"
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS bytes UBIGINT DEFAULT 0;"
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS crc UINTEGER DEFAULT 0;"
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS hours UINTEGER DEFAULT 0;"
	"ALTER TABLE segments DROP COLUMN IF EXISTS sampled;"
	"ALTER TABLE segments ADD COLUMN IF NOT EXISTS may_have UTINYINT DEFAULT 63;"
	"UPDATE segments SET may_have = may_have | 48;"
	"DROP TABLE IF EXISTS flows_none; DROP TABLE IF EXISTS minutes_none;"
	"DROP TABLE IF EXISTS hours_none;"
	"INSERT INTO meta SELECT 'narrow', 1 WHERE (SELECT value FROM meta WHERE key = 'schema') < 5 AND"
	" NOT EXISTS (SELECT 1 FROM meta WHERE key = 'narrow');"
	"UPDATE meta SET value = 8 WHERE key = 'schema';";

/* What is still written to must have every column: new ones are the last of flows. */
static const char grow[] =
	"SELECT 'ALTER TABLE ' || name || ' ADD COLUMN IF NOT EXISTS src_as UINTEGER DEFAULT 0;"
	" ALTER TABLE ' || name || ' ADD COLUMN IF NOT EXISTS dst_as UINTEGER DEFAULT 0;"
	" ALTER TABLE ' || name || ' ADD COLUMN IF NOT EXISTS peer_ifindex UINTEGER DEFAULT 0;'"
	" FROM segments WHERE file = '' AND bytes = 0 AND regexp_matches(name, '^(flows|hours)_')";

static const char *type_name(duckdb_type type)
{
	switch (type) {
	case DUCKDB_TYPE_UTINYINT:
		return "UTINYINT";
	case DUCKDB_TYPE_USMALLINT:
		return "USMALLINT";
	case DUCKDB_TYPE_UINTEGER:
		return "UINTEGER";
	case DUCKDB_TYPE_UBIGINT:
		return "UBIGINT";
	case DUCKDB_TYPE_BIGINT:
		return "BIGINT";
	default:
		return "VARCHAR";
	}
}

int store_ddl(const char *name, const struct store_column *columns, size_t len, char *sql,
	      size_t size)
{
	int n = snprintf(sql, size, "CREATE TABLE IF NOT EXISTS %s (", name);

	for (size_t i = 0; i < len && n < (int)size; i++)
		n += snprintf(sql + n, size - (size_t)n, "%s\"%s\" %s", i ? ", " : "",
			      columns[i].name, type_name(columns[i].type));
	if (n < (int)size)
		n += snprintf(sql + n, size - (size_t)n, ")");
	return n < (int)size ? 0 : -E2BIG;
}

static int run(duckdb_connection connection, const char *sql)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};

	if (duckdb_query(connection, sql, &result) == DuckDBSuccess)
		return 0;
	log_error("store: make tables: %s", duckdb_result_error(&result));
	return -EIO;
}

static int grow_tables(duckdb_connection connection)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};
	int err = 0;

	if (duckdb_query(connection, grow, &result) != DuckDBSuccess)
		return -EIO;
	for (idx_t i = 0; !err && i < duckdb_row_count(&result); i++) {
		char *sql = duckdb_value_varchar(&result, 0, i);

		err = run(connection, sql);
		duckdb_free(sql);
	}
	return err;
}

static int bring_up_from_before(duckdb_connection connection)
{
	int err = run(connection, bring_up);

	return err ? err : grow_tables(connection);
}

static int check_version(duckdb_connection connection)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result result = {};
	uint64_t found;

	if (duckdb_query(connection, "SELECT value FROM meta WHERE key = 'schema'", &result) !=
	    DuckDBSuccess)
		return -EIO;
	found = duckdb_row_count(&result) == 1 ? duckdb_value_uint64(&result, 0, 0) : 0;
	if (found == STORE_SCHEMA)
		return 0;
	/* 1 had flows alone, 2 no host counts nor latencies, 3 no files, 4 no exporters' fields,
	 * 5 not which segments have sampled rows, 6 every open hour as a table, 7 sealed
	 * flows as they were */
	if (found >= 1 && found < STORE_SCHEMA)
		return bring_up_from_before(connection);
	log_error("store: its schema is version %llu, this program knows %d",
		  (unsigned long long)found, STORE_SCHEMA);
	return -EPROTONOSUPPORT;
}

int store_schema_init(duckdb_connection connection)
{
	char sql[2048], none[32];
	int err = run(connection, small_tables);

	if (!err)
		err = check_version(connection);
	if (!err)
		err = run(connection, macros);
	if (!err)
		err = store_ddl("ledger", store_ledger_columns, LEDGER_COLUMNS, sql, sizeof(sql));
	if (!err)
		err = run(connection, sql);
	for (size_t i = 0; i < STORE_SERIES && !err; i++) {
		const struct store_table *t = &store_series[i];

		snprintf(none, sizeof(none), "%s_none", t->name);
		err = store_ddl(none, t->columns, t->len, sql, sizeof(sql));
		if (!err)
			err = run(connection, sql);
	}
	return err;
}
