// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* An hour's file of blocks in, its rows in the order of sealed files out: one thread, by runs. */
#include "user/collector/store_scan_sorted.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/collector/row_sort.h"
#include "user/collector/store_scan_plan.h"
#include "user/lib/log.h"

struct sorted_run {
	int fd;
	size_t next; /* block */
	struct row_sort *rows;
	uint32_t row; /* the next one of the run */
	uint8_t *block;
	size_t len; /* columns that are wanted */
	size_t columns[BLOCK_COLUMNS];
};

static void sorted_free(void *arg)
{
	struct sorted_run *run = arg;

	if (run->fd >= 0)
		close(run->fd);
	row_sort_free(run->rows);
	free(run->block);
	free(run);
}

static void sorted_init(duckdb_init_info info)
{
	const struct scan_plan *plan = duckdb_init_get_bind_data(info);
	struct sorted_run *run = calloc(1, sizeof(*run));

	if (!run) {
		duckdb_init_set_error(info, "no memory");
		return;
	}
	duckdb_init_set_init_data(info, run, sorted_free);
	duckdb_init_set_max_threads(info, 1);
	run->fd = store_blocks_fd(plan->blocks, plan->hour);
	run->rows = row_sort_new(store_blocks_sort_rows(plan->blocks));
	run->block = aligned_alloc(64, (BLOCK_BYTES_MAX + 63) / 64 * 64);
	run->len = scan_columns(info, run->columns);
	if (run->fd < 0 || !run->rows || !run->block || run->len > BLOCK_COLUMNS)
		duckdb_init_set_error(info, "/segments/: an hour's rows cannot be sorted");
}

/* As many blocks as fit. */
static int next_run(const struct scan_plan *plan, struct sorted_run *run)
{
	int err = 0;

	row_sort_clear(run->rows);
	run->row = 0;
	while (!err && run->next < plan->len) {
		err = scan_read_block(run->fd, &plan->at[run->next], run->block);
		if (!err)
			err = row_sort_add(run->rows, run->block);
		run->next += !err;
	}
	row_sort_finish(run->rows);
	return err == -ENOBUFS ? 0 : err;
}

static void sorted_rows(duckdb_function_info info, duckdb_data_chunk output)
{
	const struct scan_plan *plan = duckdb_function_get_bind_data(info);
	struct sorted_run *run = duckdb_function_get_init_data(info);
	uint32_t size = (uint32_t)duckdb_vector_size(), len;
	int err = 0;

	if (run->row == row_sort_len(run->rows))
		err = next_run(plan, run);
	len = row_sort_len(run->rows) - run->row;
	len = err ? 0 : len < size ? len : size;
	for (idx_t i = 0; i < run->len; i++)
		if (run->columns[i] < BLOCK_COLUMNS)
			row_sort_get(
				run->rows, run->columns[i], run->row, len,
				duckdb_vector_get_data(duckdb_data_chunk_get_vector(output, i)));
	run->row += len;
	duckdb_data_chunk_set_size(output, len);
	if (err)
		duckdb_function_set_error(info, "/segments/: an hour's rows are damaged");
}

int store_scan_sorted_add(duckdb_connection connection, struct store_blocks *blocks)
{
	duckdb_table_function f = scan_function_new("wt_sorted", blocks);
	duckdb_state state;

	duckdb_table_function_set_init(f, sorted_init);
	duckdb_table_function_set_function(f, sorted_rows);
	state = duckdb_register_table_function(connection, f);
	duckdb_destroy_table_function(&f);
	if (state == DuckDBSuccess)
		return 0;
	log_error("store: its function wt_sorted is refused");
	return -EIO;
}
