// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Flows in, chunks of 2048 rows appended out. */
#include "user/sinks/parquet_rows.h"

#include <errno.h>
#include <stdio.h>

#include "user/lib/addr.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"

#define VLAN_TAGGED 0x1000

/* clang-format off */
/* Its SQL type, and as which C type its value is written. */
#define TEXTS(X) X(agent) X(host) X(exporter) X(interface) X(src) X(dst) X(direction)
#define NUMBERS(X)                                                                          \
	X(start_us, BIGINT, int64_t, f->start_us)                                           \
	X(end_us, BIGINT, int64_t, f->end_us)                                               \
	X(src_port, USMALLINT, uint16_t, f->src_port)                                       \
	X(dst_port, USMALLINT, uint16_t, f->dst_port)                                       \
	X(proto, UTINYINT, uint8_t, f->proto)                                               \
	X(ethertype, USMALLINT, uint16_t, f->ethertype)                                     \
	X(folded, BOOLEAN, bool, f->kind == FLOW_FOLD)                                      \
	X(packets, UBIGINT, uint64_t, f->packets)                                           \
	X(octets, UBIGINT, uint64_t, f->l2_octets)                                          \
	X(l3_octets, UBIGINT, uint64_t, f->l3_octets)                                       \
	X(tcp_flags, USMALLINT, uint16_t, f->tcp_flags)                                     \
	X(dscp, UTINYINT, uint8_t, f->dscp)                                                 \
	X(ttl_min, UTINYINT, uint8_t, f->ttl_min)                                           \
	X(ttl_max, UTINYINT, uint8_t, f->ttl_max)                                           \
	X(sampling, UINTEGER, uint32_t, f->sampling ? f->sampling : 1)                      \
	X(src_as, UINTEGER, uint32_t, f->src_as)                                            \
	X(dst_as, UINTEGER, uint32_t, f->dst_as)                                            \
	X(ifindex, UINTEGER, uint32_t, f->ifindex)                                          \
	X(netns, UINTEGER, uint32_t, f->netns)                                              \
	X(counted, BOOLEAN, bool, (f->flags & FLOW_COUNTED) != 0)                           \
	X(inner, BOOLEAN, bool, (f->flags & FLOW_INNER) != 0)                               \
	X(later_fragment, BOOLEAN, bool, (f->flags & FLOW_LATER_FRAGMENT) != 0)             \
	X(vlan_outer, USMALLINT, uint16_t, f->vlan_outer & (VLAN_TAGGED - 1))               \
	X(vlan_inner, USMALLINT, uint16_t, f->vlan_inner & (VLAN_TAGGED - 1))               \
	X(tunnel_id, UINTEGER, uint32_t, f->tunnel_id)                                      \
	X(peer_ifindex, UINTEGER, uint32_t, f->peer_ifindex)
#define TEXT_ENUM(name) COLUMN_##name,
#define NUMBER_ENUM(name, sql, type, value) COLUMN_##name,
enum column { TEXTS(TEXT_ENUM) NUMBERS(NUMBER_ENUM) COLUMNS };

#define TEXT_ROW(name) { #name, "VARCHAR", DUCKDB_TYPE_VARCHAR },
#define NUMBER_ROW(name, sql, type, value) { #name, #sql, DUCKDB_TYPE_##sql },
static const struct {
	const char *name, *sql;
	duckdb_type type;
} columns[COLUMNS] = { TEXTS(TEXT_ROW) NUMBERS(NUMBER_ROW) };
/* clang-format on */

int parquet_rows_ddl(const char *table, char *sql, size_t size)
{
	int n = snprintf(sql, size, "CREATE TABLE IF NOT EXISTS %s (", table);

	for (size_t i = 0; i < COLUMNS && n < (int)size; i++)
		n += snprintf(sql + n, size - (size_t)n, "%s\"%s\" %s", i ? ", " : "",
			      columns[i].name, columns[i].sql);
	if (n < (int)size)
		n += snprintf(sql + n, size - (size_t)n, ")");
	return n < (int)size ? 0 : -E2BIG;
}

static duckdb_data_chunk chunk_new(void)
{
	duckdb_logical_type types[COLUMNS];
	duckdb_data_chunk chunk;

	for (size_t i = 0; i < COLUMNS; i++)
		types[i] = duckdb_create_logical_type(columns[i].type);
	chunk = duckdb_create_data_chunk(types, COLUMNS);
	for (size_t i = 0; i < COLUMNS; i++)
		duckdb_destroy_logical_type(&types[i]);
	return chunk;
}

/* NULL where there is none. Names come from outside: DuckDB refuses what is not UTF-8. */
static void put_text(duckdb_data_chunk chunk, enum column column, idx_t row, const char *text)
{
	duckdb_vector v = duckdb_data_chunk_get_vector(chunk, column);

	if (text && *text) {
		duckdb_vector_assign_string_element(v, row, text);
		return;
	}
	duckdb_vector_ensure_validity_writable(v);
	duckdb_validity_set_row_invalid(duckdb_vector_get_validity(v), row);
}

static void put_address(duckdb_data_chunk chunk, enum column column, idx_t row,
			const struct flow *f, const uint8_t bytes[16])
{
	char text[ADDR_TEXT_MAX];

	put_text(chunk, column, row, flow_has_addresses(f) ? addr_format(bytes, text) : NULL);
}

static void put_row(duckdb_data_chunk chunk, void *const data[COLUMNS], idx_t row,
		    const struct sink_rows *rows, const struct flow *f)
{
	put_text(chunk, COLUMN_agent, row, rows->agent);
	put_text(chunk, COLUMN_host, row, rows->host);
	put_text(chunk, COLUMN_exporter, row, rows->exporter);
	put_text(chunk, COLUMN_interface, row, sink_interface_name(rows, f->ifindex, f->netns));
	put_address(chunk, COLUMN_src, row, f, f->src);
	put_address(chunk, COLUMN_dst, row, f, f->dst);
	put_text(chunk, COLUMN_direction, row, f->flags & FLOW_EGRESS ? "egress" : "ingress");
#define PUT(name, sql, type, value) ((type *)data[COLUMN_##name])[row] = (type)(value);
	NUMBERS(PUT)
#undef PUT
}

static int append(duckdb_appender appender, duckdb_data_chunk chunk, const struct sink_rows *rows,
		  size_t from)
{
	idx_t full = duckdb_vector_size();
	void *data[COLUMNS];

	for (size_t done = from; done < rows->flows_len;) {
		size_t left = rows->flows_len - done, len = left < full ? left : full;

		duckdb_data_chunk_reset(chunk); /* may move its vectors */
		for (size_t i = 0; i < COLUMNS; i++)
			data[i] = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, i));
		for (size_t row = 0; row < len; row++)
			put_row(chunk, data, row, rows, &rows->flows[done + row]);
		duckdb_data_chunk_set_size(chunk, len);
		if (duckdb_append_data_chunk(appender, chunk) != DuckDBSuccess)
			return -EIO;
		done += len;
	}
	return duckdb_appender_close(appender) == DuckDBSuccess ? 0 : -EIO;
}

int parquet_rows_append(duckdb_connection connection, const char *table,
			const struct sink_rows *rows, size_t from)
{
	duckdb_appender appender = NULL;
	duckdb_data_chunk chunk = NULL;
	int err = -EIO;

	if (duckdb_appender_create(connection, NULL, table, &appender) == DuckDBSuccess) {
		chunk = chunk_new();
		err = chunk ? append(appender, chunk, rows, from) : -ENOMEM;
	}
	if (err)
		log_error("sink: parquet: %s",
			  appender ? duckdb_appender_error(appender) : "out of memory");
	if (chunk)
		duckdb_destroy_data_chunk(&chunk);
	duckdb_appender_destroy(&appender);
	return err;
}
