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
#include "user/collector/store_scan_plan.h"
#include "user/collector/store_scan_sorted.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"

#define WHOLE_BYTES (64u << 10) /* a block that is no larger is read at once */

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
	run->len = scan_columns(info, run->columns);
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
		err = scan_read_block(run->fd, e, part->buf);
	if (!err)
		memcpy(&part->head, part->buf, sizeof(part->head));
	for (size_t i = 0; !err && i < run->len; i++)
		if (run->columns[i] < BLOCK_COLUMNS)
			part->values[i] = part->buf + part->head.columns[run->columns[i]].offset;
	return err;
}

static int read_wanted(const struct scan_run *run, struct scan_part *part,
		       const struct block_entry *e)
{
	size_t wanted = 0, at = 0;
	int err = scan_read_at(run->fd, &part->head, sizeof(part->head), e->offset);

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
		err = scan_read_at(run->fd, part->buf + at,
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
	const struct block_entry *e;
	int err;

	if (i >= plan->len)
		return 1;
	e = &plan->at[i];
	err = e->bytes <= WHOLE_BYTES ? read_whole(run, part, e) : read_wanted(run, part, e);
	if (!err && part->head.rows != e->rows)
		err = -EBADMSG;
	part->row = e->first_row < plan->skip ? (uint32_t)(plan->skip - e->first_row) : 0;
	return err;
}

static uint8_t *vector_at(duckdb_data_chunk output, idx_t i, size_t column, idx_t row)
{
	return (uint8_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, i)) +
	       row * block_column_size(column);
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
	duckdb_table_function f = scan_function_new("wt_rows", blocks);
	duckdb_state state;

	duckdb_table_function_set_init(f, scan_init);
	duckdb_table_function_set_local_init(f, scan_init_part);
	duckdb_table_function_set_function(f, scan_rows);
	state = duckdb_register_table_function(connection, f);
	duckdb_destroy_table_function(&f);
	if (state == DuckDBSuccess)
		return store_scan_sorted_add(connection, blocks);
	log_error("store: its function wt_rows is refused");
	return -EIO;
}
