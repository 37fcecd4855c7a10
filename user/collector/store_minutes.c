// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* An hour of flows in, a temporary table of its minutes out. */
#include "user/collector/store_minutes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/key_sums.h"
#include "user/collector/store_functions.h"
#include "user/collector/store_rollup.h"
#include "user/collector/store_scan.h"
#include "user/collector/store_write.h"
#include "user/lib/log.h"

#define MINUTES 60
/* Sums of wt_best: a hash, three words and three sums. */
#define QUICK_ROWS (KEY_SUMS_BYTES_MAX / sizeof(uint64_t) / 7)

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
	const char *why;

	if (duckdb_query(c, sql, &res) == DuckDBSuccess)
		return 0;
	why = duckdb_result_error(&res);
	if (why && strstr(why, STORE_BEST_TOO_MANY))
		return -ENOBUFS;
	log_error("store: roll up: %s", why);
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

static int roll_up(duckdb_connection c, const struct store_segment *table,
		   const struct minutes_slice *s, bool is_careful)
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
	store_rollup_sql(source, is_careful || s->rows > QUICK_ROWS ? ROLLUP_SPILLS : ROLLUP_QUICK,
			 ROLLUP_MINUTE_US, ROLLUP_MINUTE_TOP, table->number, out);
	return fclose(out) ? -ENOMEM : run(c, sql);
}

int store_minutes_make(duckdb_connection c, struct store_blocks *blocks,
		       const struct store_segment *table, bool is_careful)
{
	AUTO_FREE struct minutes_slice *slices = NULL;
	AUTO_FREE struct block_entry *at = NULL;
	size_t blocks_len = 0, len = 0;
	int err = 0;

	if (store_segment_is_rows(table))
		err = store_blocks_list(blocks, table->number, table->bytes, &at, &blocks_len);
	else
		is_careful = true;
	if (!err)
		err = store_minutes_slices(table, at, blocks_len, &slices, &len);
	if (!err)
		err = run(c, "CREATE TEMP TABLE rolled AS FROM minutes_none");
	for (size_t i = 0; !err && i < len; i++)
		err = roll_up(c, table, &slices[i], is_careful);
	return err;
}

void store_minutes_select(const struct store_segment *table, FILE *out)
{
	fprintf(out,
		"SELECT * FROM rolled ORDER BY kind, start_us // %" PRId64
		", src_hi, src_lo, dst_hi, dst_lo, dst_port, start_us",
		ROLLUP_MINUTE_US);
}
