// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* An hour of flows in, a temporary table of its minutes out. */
#include "user/collector/store_minutes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/rollup_slice.h"
#include "user/collector/store_block.h"
#include "user/collector/store_rollup.h"
#include "user/collector/store_scan.h"
#include "user/collector/store_write.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"

#define MINUTES 60

struct hour_blocks {
	const struct block_entry *at;
	size_t len;
};

/* ---- slices --------------------------------------------------------------------------------- */

int store_minutes_slices(const struct store_segment *table, const struct block_entry *blocks,
			 size_t blocks_len, struct minutes_slice **ret, size_t *len)
{
	uint64_t wanted = table->rows / MINUTES_SLICE_ROWS + 1;
	int64_t n = wanted < MINUTES ? (int64_t)wanted : MINUTES;
	int64_t width = (MINUTES + n - 1) / n, start_us = table->number * STORE_HOUR_US;
	struct minutes_slice *slices = calloc(MINUTES, sizeof(*slices));

	if (!slices)
		return -ENOMEM;
	*len = 0;
	for (int64_t minute = 0; minute < MINUTES; minute += width) {
		struct minutes_slice *s = &slices[(*len)++];

		s->from_us = minute ? start_us + minute * ROLLUP_MINUTE_US : INT64_MIN;
		s->to_us = minute + width < MINUTES ? start_us + (minute + width) * ROLLUP_MINUTE_US
						    : INT64_MAX;
		for (size_t i = 0; i < blocks_len; i++)
			if (blocks[i].max_end_us >= s->from_us && blocks[i].min_start_us < s->to_us)
				s->rows += blocks[i].rows;
	}
	*ret = slices;
	return 0;
}

/* ---- statements ----------------------------------------------------------------------------- */

static int run(duckdb_connection c, const char *sql)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result res = {};

	if (duckdb_query(c, sql, &res) == DuckDBSuccess)
		return 0;
	log_error("store: roll up: %s", duckdb_result_error(&res));
	return -EIO;
}

/* "(SELECT … FROM the segment WHERE it is in the slice)"; no row starts at the last moment. */
static char *slice_source(const struct store_segment *table, const struct minutes_slice *s)
{
	char *source = NULL;
	size_t len;
	FILE *out = open_memstream(&source, &len);

	if (!out)
		return NULL;
	fputs("(SELECT *, 1::UINTEGER AS records FROM ", out);
	store_scan_source(table, 0, s->from_us, s->to_us, out);
	fputs(" WHERE TRUE", out);
	if (s->from_us > INT64_MIN)
		fprintf(out, " AND start_us >= %" PRId64, s->from_us);
	if (s->to_us < INT64_MAX)
		fprintf(out, " AND start_us < %" PRId64, s->to_us);
	fputs(")", out);
	if (!fclose(out))
		return source;
	free(source);
	return NULL;
}

/* By DuckDB, which spills. */
static int roll_up_sql(duckdb_connection c, const struct store_segment *table,
		       const struct minutes_slice *s)
{
	AUTO_FREE char *source = slice_source(table, s), *sql = NULL;
	size_t len;
	FILE *out = open_memstream(&sql, &len);

	if (!source || !out) {
		if (out)
			fclose(out);
		return -ENOMEM;
	}
	fputs("INSERT INTO rolled BY NAME ", out);
	store_rollup_sql(source, ROLLUP_MINUTE_US, ROLLUP_MINUTE_TOP, table->number, out);
	return fclose(out) ? -ENOMEM : run(c, sql);
}

/* ---- ours ----------------------------------------------------------------------------------- */

/* Where a row of `rolled` has its columns; what is not there is `interval`. */
#define AT(column, field) [column] = offsetof(struct rolled, field)
static const size_t places[TIER_COLUMNS] = {
	AT(FLOW_EXPORTER_ID, key.exporter_id),
	AT(FLOW_START_US, start_us),
	AT(FLOW_END_US, end_us),
	AT(FLOW_SRC_HI, key.src_hi),
	AT(FLOW_SRC_LO, key.src_lo),
	AT(FLOW_DST_HI, key.dst_hi),
	AT(FLOW_DST_LO, key.dst_lo),
	AT(FLOW_SRC_PORT, key.src_port),
	AT(FLOW_DST_PORT, key.dst_port),
	AT(FLOW_ETHERTYPE, key.ethertype),
	AT(FLOW_PROTO, key.proto),
	AT(FLOW_FLAGS, key.flags),
	AT(FLOW_KIND, key.kind),
	AT(FLOW_IFINDEX, key.ifindex),
	AT(FLOW_NETNS, key.netns),
	AT(FLOW_VLAN_OUTER, key.vlan_outer),
	AT(FLOW_VLAN_INNER, key.vlan_inner),
	AT(FLOW_TUNNEL_ID, key.tunnel_id),
	AT(FLOW_PACKETS, packets),
	AT(FLOW_L2_OCTETS, l2_octets),
	AT(FLOW_L3_OCTETS, l3_octets),
	AT(FLOW_TCP_FLAGS, tcp_flags),
	AT(FLOW_DSCP, dscp),
	AT(FLOW_TTL_MIN, ttl_min),
	AT(FLOW_TTL_MAX, ttl_max),
	AT(FLOW_SAMPLING, key.sampling),
	AT(FLOW_SRC_AS, src_as),
	AT(FLOW_DST_AS, dst_as),
	AT(FLOW_PEER_IFINDEX, peer_ifindex),
	AT(FLOW_RECORDS, records),
};

static void fill_column(const struct rolled *rows, size_t len, size_t column, uint64_t hour,
			uint8_t *to)
{
	size_t size = column == FLOW_RECORDS ? sizeof(uint32_t) : block_column_size(column);

	for (size_t i = 0; i < len; i++) {
		const void *from = (const uint8_t *)&rows[i] + places[column];

		memcpy(to + i * size, column == FLOW_INTERVAL ? &hour : from, size);
	}
}

static int append_chunk(duckdb_appender appender, duckdb_data_chunk chunk,
			const struct rolled *rows, size_t len, uint64_t hour)
{
	duckdb_data_chunk_reset(chunk);
	for (size_t i = 0; i < TIER_COLUMNS; i++)
		fill_column(rows, len, i, hour,
			    duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, i)));
	duckdb_data_chunk_set_size(chunk, len);
	return duckdb_append_data_chunk(appender, chunk) == DuckDBSuccess ? 0 : -EIO;
}

static duckdb_data_chunk new_chunk(void)
{
	duckdb_logical_type types[TIER_COLUMNS];
	duckdb_data_chunk chunk;

	for (size_t i = 0; i < TIER_COLUMNS; i++)
		types[i] = duckdb_create_logical_type(store_flow_columns[i].type);
	chunk = duckdb_create_data_chunk(types, TIER_COLUMNS);
	for (size_t i = 0; i < TIER_COLUMNS; i++)
		duckdb_destroy_logical_type(&types[i]);
	return chunk;
}

static int append_rows(duckdb_connection c, const struct rolled *rows, size_t len, int64_t hour)
{
	duckdb_data_chunk chunk = new_chunk();
	duckdb_appender appender = NULL;
	size_t most = duckdb_vector_size();
	int err = 0;

	if (duckdb_appender_create_ext(c, "temp", NULL, "rolled", &appender) != DuckDBSuccess)
		err = -EIO;
	for (size_t done = 0; done < len && !err; done += most)
		err = append_chunk(appender, chunk, rows + done,
				   len - done < most ? len - done : most, (uint64_t)hour);
	if (!err && duckdb_appender_close(appender) != DuckDBSuccess)
		err = -EIO;
	if (err)
		log_error("store: roll up: %s", duckdb_appender_error(appender));
	duckdb_appender_destroy(&appender);
	duckdb_destroy_data_chunk(&chunk);
	return err;
}

static int roll_up(duckdb_connection c, const struct store_segment *table, int fd,
		   const struct hour_blocks *blocks, const struct minutes_slice *s)
{
	AUTO_FREE struct rolled *rows = NULL;
	size_t len = 0;
	int err = rollup_slice(fd, blocks->at, blocks->len, s, &rows, &len);

	if (err == -ENOBUFS)
		return roll_up_sql(c, table, s);
	if (err)
		log_error("store: roll up %s: %s", table->name, strerror(-err));
	return err ? err : append_rows(c, rows, len, table->number);
}

/* ---- all slices ----------------------------------------------------------------------------- */

/*
 * An agent that was started again is another exporter. Coarse rows belong to its first one, which
 * is kept as long as they are: many restarts would make a list without end.
 */
static const char name_firsts[] =
	"UPDATE rolled SET exporter_id = first FROM (SELECT id, min(id) OVER (PARTITION BY agent, "
	"exporter) AS first FROM exporters) WHERE id = exporter_id AND first <> id";

int store_minutes_make(duckdb_connection c, struct store_blocks *blocks,
		       const struct store_segment *table, bool is_careful)
{
	AUTO_FREE struct minutes_slice *slices = NULL;
	AUTO_FREE struct block_entry *at = NULL;
	struct hour_blocks of_hour;
	AUTO_FD int fd = -1;
	size_t blocks_len = 0, len = 0;
	int err = 0;

	if (store_segment_is_rows(table)) {
		err = store_blocks_list(blocks, table->number, table->bytes, &at, &blocks_len);
		fd = err ? -1 : store_blocks_fd(blocks, table->number);
		if (!err && fd < 0)
			err = fd;
	}
	if (!err)
		err = store_minutes_slices(table, at, blocks_len, &slices, &len);
	if (!err)
		err = run(c, "CREATE TEMP TABLE rolled AS FROM minutes_none");
	of_hour = (struct hour_blocks){ at, blocks_len };
	for (size_t i = 0; !err && i < len; i++)
		err = is_careful || fd < 0 ? roll_up_sql(c, table, &slices[i])
					   : roll_up(c, table, fd, &of_hour, &slices[i]);
	return err ? err : run(c, name_firsts);
}

void store_minutes_select(const struct store_segment *table, FILE *out)
{
	fprintf(out,
		"SELECT * FROM rolled ORDER BY kind, start_us // %" PRId64
		", src_hi, src_lo, dst_hi, dst_lo, dst_port, start_us",
		ROLLUP_MINUTE_US);
}
