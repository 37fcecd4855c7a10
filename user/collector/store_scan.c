// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* An hour's file of blocks in, DuckDB's vectors out. */
#include "user/collector/store_scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/collector/store_block.h"
#include "user/collector/store_blocks.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"

#define WHOLE_BYTES (64u << 10) /* a block that is no larger is read at once */

enum argument { ARG_HOUR, ARG_BYTES, ARG_SKIP, ARG_FROM_US, ARG_TO_US, ARGUMENTS };

/* What a statement reads. */
struct scan_plan {
	struct store_blocks *blocks;
	int64_t hour;
	uint64_t skip;
	struct block_entry *at;
	size_t len;
};

/* One run of it. */
struct scan_run {
	int fd;
	atomic_size_t next; /* block that nobody has begun */
	size_t len; /* columns that are wanted */
	size_t columns[BLOCK_COLUMNS];
};

/* One thread's block. */
struct scan_part {
	struct block_head head;
	uint8_t *buf;
	size_t size;
	const uint8_t *values[BLOCK_COLUMNS]; /* of wanted columns, in buf */
	uint32_t row; /* the next one */
};

/* ---- the plan ------------------------------------------------------------------------------- */

static void plan_free(void *arg)
{
	struct scan_plan *plan = arg;

	if (!plan)
		return;
	free(plan->at);
	free(plan);
}
DEFINE_AUTO(plan_free, void *);

static int64_t argument(duckdb_bind_info info, enum argument which)
{
	duckdb_value value = duckdb_bind_get_parameter(info, which);
	int64_t n = duckdb_get_int64(value);

	duckdb_destroy_value(&value);
	return n;
}

/* Blocks with a row that may be wanted; how many rows they have. */
static uint64_t prune(struct scan_plan *plan, int64_t from_us, int64_t to_us)
{
	uint64_t rows = 0;
	size_t len = 0;

	for (size_t i = 0; i < plan->len; i++) {
		const struct block_entry *e = &plan->at[i];

		if (e->first_row + e->rows <= plan->skip || e->max_end_us < from_us ||
		    e->min_start_us >= to_us)
			continue;
		rows += e->rows;
		plan->at[len++] = *e;
	}
	plan->len = len;
	return rows;
}

static void fail_bind(duckdb_bind_info info, int64_t hour, int err)
{
	char name[STORE_FILE_MAX], text[128];

	snprintf(text, sizeof(text), "/segments/%s: %s", store_blocks_name(hour, name),
		 strerror(-err));
	duckdb_bind_set_error(info, text);
}

static void scan_bind(duckdb_bind_info info)
{
	AUTO(plan_free) void *owned = calloc(1, sizeof(struct scan_plan));
	struct scan_plan *plan = owned;
	int err;

	if (!plan) {
		duckdb_bind_set_error(info, "no memory");
		return;
	}
	plan->blocks = duckdb_bind_get_extra_info(info);
	plan->hour = argument(info, ARG_HOUR);
	plan->skip = (uint64_t)argument(info, ARG_SKIP);
	err = store_blocks_list(plan->blocks, plan->hour, (uint64_t)argument(info, ARG_BYTES),
				&plan->at, &plan->len);
	if (err) {
		fail_bind(info, plan->hour, err);
		return;
	}
	for (size_t i = 0; i < FLOW_COLUMNS; i++) {
		duckdb_logical_type type = duckdb_create_logical_type(store_flow_columns[i].type);

		duckdb_bind_add_result_column(info, store_flow_columns[i].name, type);
		duckdb_destroy_logical_type(&type);
	}
	duckdb_bind_set_cardinality(
		info, prune(plan, argument(info, ARG_FROM_US), argument(info, ARG_TO_US)), false);
	duckdb_bind_set_bind_data(info, TAKE(owned), plan_free);
}

/* ---- a run ---------------------------------------------------------------------------------- */

static void run_free(void *arg)
{
	struct scan_run *run = arg;

	if (run->fd >= 0)
		close(run->fd);
	free(run);
}

static void scan_init(duckdb_init_info info)
{
	const struct scan_plan *plan = duckdb_init_get_bind_data(info);
	struct scan_run *run = calloc(1, sizeof(*run));

	if (!run) {
		duckdb_init_set_error(info, "no memory");
		return;
	}
	run->fd = plan->len ? store_blocks_fd(plan->blocks, plan->hour) : -1;
	run->len = duckdb_init_get_column_count(info);
	for (idx_t i = 0; i < run->len && i < BLOCK_COLUMNS; i++)
		run->columns[i] = duckdb_init_get_column_index(info, i);
	if (run->len > BLOCK_COLUMNS || (plan->len && run->fd < 0))
		duckdb_init_set_error(info, "/segments/: an hour's rows cannot be opened");
	duckdb_init_set_max_threads(info, plan->len ? plan->len : 1);
	duckdb_init_set_init_data(info, run, run_free);
}

static void part_free(void *arg)
{
	struct scan_part *part = arg;

	free(part->buf);
	free(part);
}

static void scan_init_part(duckdb_init_info info)
{
	struct scan_part *part = calloc(1, sizeof(*part));

	if (!part)
		duckdb_init_set_error(info, "no memory");
	else
		duckdb_init_set_init_data(info, part, part_free);
}

/* ---- a block -------------------------------------------------------------------------------- */

static int read_at(int fd, void *to, size_t len, uint64_t at)
{
	ssize_t n = pread(fd, to, len, (off_t)at);

	return n < 0 ? -errno : n < (ssize_t)len ? -EBADMSG : 0;
}

static int make_room(struct scan_part *part, size_t bytes)
{
	uint8_t *buf;

	if (part->size >= bytes)
		return 0;
	buf = realloc(part->buf, bytes);
	if (!buf)
		return -ENOMEM;
	part->buf = buf;
	part->size = bytes;
	return 0;
}

static int read_whole(const struct scan_run *run, struct scan_part *part,
		      const struct block_entry *e)
{
	int err = make_room(part, e->bytes);

	if (!err)
		err = read_at(run->fd, part->buf, e->bytes, e->offset);
	if (err)
		return err;
	memcpy(&part->head, part->buf, sizeof(part->head));
	err = block_head_check(&part->head, e->bytes);
	for (size_t i = 0; !err && i < run->len; i++)
		if (run->columns[i] < BLOCK_COLUMNS)
			part->values[i] = part->buf + part->head.columns[run->columns[i]].offset;
	return err;
}

static int read_wanted(const struct scan_run *run, struct scan_part *part,
		       const struct block_entry *e)
{
	size_t wanted = 0, at = 0;
	int err = read_at(run->fd, &part->head, sizeof(part->head), e->offset);

	if (!err)
		err = block_head_check(&part->head, e->bytes);
	for (size_t i = 0; !err && i < run->len; i++)
		if (run->columns[i] < BLOCK_COLUMNS)
			wanted += block_column_bytes(&part->head, run->columns[i]);
	if (!err)
		err = make_room(part, wanted + run->len * sizeof(uint64_t) + 1);
	for (size_t i = 0; !err && i < run->len; i++) {
		const struct block_column *c;

		if (run->columns[i] >= BLOCK_COLUMNS)
			continue;
		c = &part->head.columns[run->columns[i]];
		part->values[i] = part->buf + at;
		err = read_at(run->fd, part->buf + at,
			      block_column_bytes(&part->head, run->columns[i]),
			      e->offset + c->offset);
		at += (block_column_bytes(&part->head, run->columns[i]) + 7) / 8 * 8;
	}
	return err;
}

/* The next block that nobody has begun. 1: there is none. */
static int next_block(const struct scan_plan *plan, struct scan_run *run, struct scan_part *part)
{
	size_t i = atomic_fetch_add(&run->next, 1);
	const struct block_entry *e = &plan->at[i];
	int err;

	if (i >= plan->len)
		return 1;
	err = e->bytes <= WHOLE_BYTES ? read_whole(run, part, e) : read_wanted(run, part, e);
	if (!err && part->head.rows != e->rows)
		err = -EBADMSG;
	part->row = e->first_row < plan->skip ? (uint32_t)(plan->skip - e->first_row) : 0;
	return err;
}

static uint8_t *vector_at(duckdb_data_chunk output, idx_t i, size_t column, idx_t row)
{
	duckdb_type type = store_flow_columns[column].type;
	size_t size = type == DUCKDB_TYPE_UTINYINT    ? 1
		      : type == DUCKDB_TYPE_USMALLINT ? 2
		      : type == DUCKDB_TYPE_UINTEGER  ? 4
						      : 8;

	return (uint8_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, i)) +
	       row * size;
}

/* Rows of small blocks come together in a vector. */
static void scan_rows(duckdb_function_info info, duckdb_data_chunk output)
{
	const struct scan_plan *plan = duckdb_function_get_bind_data(info);
	struct scan_run *run = duckdb_function_get_init_data(info);
	struct scan_part *part = duckdb_function_get_local_init_data(info);
	idx_t size = duckdb_vector_size(), rows = 0;
	int err = 0;

	while (rows < size && !err) {
		uint32_t len = part->head.rows - part->row;

		if (!len) {
			err = next_block(plan, run, part);
			continue;
		}
		len = len < size - rows ? len : (uint32_t)(size - rows);
		for (idx_t i = 0; i < run->len; i++)
			if (run->columns[i] < BLOCK_COLUMNS)
				block_decode(&part->head, run->columns[i], part->values[i],
					     part->row, len,
					     vector_at(output, i, run->columns[i], rows));
		part->row += len;
		rows += len;
	}
	if (err < 0)
		duckdb_function_set_error(info, "/segments/: an hour's rows are damaged");
	if (err)
		part->head.rows = part->row = 0;
	duckdb_data_chunk_set_size(output, rows);
}

/* ---- the function --------------------------------------------------------------------------- */

int store_scan_add(duckdb_connection connection, struct store_blocks *blocks)
{
	duckdb_table_function f = duckdb_create_table_function();
	duckdb_state state;

	duckdb_table_function_set_name(f, "wt_rows");
	for (int i = 0; i < ARGUMENTS; i++) {
		duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);

		duckdb_table_function_add_parameter(f, type);
		duckdb_destroy_logical_type(&type);
	}
	duckdb_table_function_set_extra_info(f, blocks, NULL);
	duckdb_table_function_set_bind(f, scan_bind);
	duckdb_table_function_set_init(f, scan_init);
	duckdb_table_function_set_local_init(f, scan_init_part);
	duckdb_table_function_set_function(f, scan_rows);
	duckdb_table_function_supports_projection_pushdown(f, true);
	state = duckdb_register_table_function(connection, f);
	duckdb_destroy_table_function(&f);
	if (state == DuckDBSuccess)
		return 0;
	log_error("store: its function wt_rows is refused");
	return -EIO;
}

void store_scan_source(const struct store_segment *g, uint64_t skip, int64_t from_us, int64_t to_us,
		       FILE *out)
{
	if (store_segment_is_rows(g)) {
		const int64_t arguments[ARGUMENTS] = { g->number, (int64_t)g->bytes, (int64_t)skip,
						       from_us, to_us };

		for (int i = 0; i < ARGUMENTS; i++) /* there is no literal of the smallest */
			fprintf(out, "%s(%" PRId64 ")::BIGINT", i ? ", " : "wt_rows(",
				arguments[i] == INT64_MIN ? -INT64_MAX : arguments[i]);
		fputs(")", out);
		return;
	}
	fputs(g->name, out);
	if (skip)
		fprintf(out, " WHERE rowid >= %" PRIu64, skip);
}
