/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The list of what the store consists of: a line a table or file. Only what is listed is read, so
 * a line that changes in a transaction moves rows from a table to a file at one moment.
 *
 *   drops_500000 | min_start_us | max_end_us | rows | file ''              | 0     | 0
 *   flows_500000 | …            | …          | …    | file ''              | bytes | 0
 *   flows_499999 | …            | …          | …    | flows_499999.v2.parquet | bytes | crc32
 */
#ifndef WT_STORE_SEGMENTS_H
#define WT_STORE_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <duckdb.h>

#include "user/collector/store_schema.h"

#define STORE_NAME_MAX 32 /* with NUL */
#define STORE_FILE_MAX 48

struct store;
struct store_reader;

struct store_segment {
	char name[STORE_NAME_MAX];
	char file[STORE_FILE_MAX]; /* in DIR/segments; "": not sealed, a table or rows */
	enum store_series series;
	int64_t number; /* arrival / store_series[series].period_us */
	int64_t min_start_us;
	int64_t max_end_us;
	uint64_t rows;
	uint64_t bytes; /* of the file, or of the rows'; 0: a table */
	uint32_t crc; /* of the file, zlib's */
	uint32_t hours; /* SERIES_HOURS: bit h: what arrived in hour h of the day is in it */
	unsigned int may_have; /* flows and their tiers: enum store_trait */
};

struct store_segments {
	struct store_segment *at; /* by series, then number */
	size_t len;
};

void store_segments_done(struct store_segments *list);

/* "flows_<number>" into name, which it returns; and back: false for what is no such name. */
const char *store_segment_name(enum store_series series, int64_t number, char name[STORE_NAME_MAX]);
bool store_segment_parse(const char *name, enum store_series *series, int64_t *number);

/* Not sealed, and a file of blocks (store_blocks.h) instead of a table. */
bool store_segment_is_rows(const struct store_segment *g);

/* When the last of its rows may have arrived. */
int64_t store_segment_end_us(const struct store_segment *g);

/* All there are, as the writer or as a reader's snapshot sees them. 0 or -errno, logged. */
int store_segments_list(struct store *s, struct store_segments *ret);
int store_segments_read(struct store_reader *r, struct store_segments *ret);

#endif
