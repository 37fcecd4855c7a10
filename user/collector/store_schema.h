/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What tables there are, as rows: DDL and appenders both read them. */
#ifndef WT_STORE_SCHEMA_H
#define WT_STORE_SCHEMA_H

#include <stddef.h>

#include <duckdb.h>

#define STORE_SCHEMA 1 /* written into `meta`; a newer one is refused */

struct store_column {
	const char *name;
	duckdb_type type;
};

/* In the order of their appenders' columns. */
enum flow_column {
	FLOW_EXPORTER_ID,
	FLOW_INTERVAL,
	FLOW_START_US,
	FLOW_END_US,
	FLOW_SRC_HI,
	FLOW_SRC_LO,
	FLOW_DST_HI,
	FLOW_DST_LO,
	FLOW_SRC_PORT,
	FLOW_DST_PORT,
	FLOW_ETHERTYPE,
	FLOW_PROTO,
	FLOW_FLAGS,
	FLOW_KIND,
	FLOW_IFINDEX,
	FLOW_NETNS,
	FLOW_VLAN_OUTER,
	FLOW_VLAN_INNER,
	FLOW_TUNNEL_ID,
	FLOW_PACKETS,
	FLOW_L2_OCTETS,
	FLOW_L3_OCTETS,
	FLOW_TCP_FLAGS,
	FLOW_DSCP,
	FLOW_TTL_MIN,
	FLOW_TTL_MAX,
	FLOW_SAMPLING,
	FLOW_COLUMNS,
};
extern const struct store_column store_flow_columns[FLOW_COLUMNS];

enum ledger_column {
	LEDGER_EXPORTER_ID,
	LEDGER_INTERVAL,
	LEDGER_START_US,
	LEDGER_END_US,
	LEDGER_IFINDEX,
	LEDGER_NETNS,
	LEDGER_POINT,
	LEDGER_NAME,
	LEDGER_PACKETS,
	LEDGER_OCTETS,
	LEDGER_ARRIVED_US,
	LEDGER_COLUMNS,
};
extern const struct store_column store_ledger_columns[LEDGER_COLUMNS];

/* "CREATE TABLE IF NOT EXISTS <name> (…)" into sql. 0, or -E2BIG when it does not fit. */
int store_ddl(const char *name, const struct store_column *columns, size_t len, char *sql,
	      size_t size);

/* Makes what is missing and checks the schema's version. 0 or -errno; has logged why. */
int store_schema_init(duckdb_connection connection);

#endif
