// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Arguments in, the blocks to read out; and what stands for them in SQL. */
#include "user/collector/store_scan_plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/collector/store_block.h"
#include "user/collector/store_scan.h"
#include "user/lib/cleanup.h"

enum argument { ARG_HOUR, ARG_BYTES, ARG_SKIP, ARG_FROM_US, ARG_TO_US, ARGUMENTS };

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

/* ---- blocks --------------------------------------------------------------------------------- */

int scan_read_at(int fd, void *to, size_t len, uint64_t at)
{
	ssize_t n = pread(fd, to, len, (off_t)at);

	return n < 0 ? -errno : n < (ssize_t)len ? -EBADMSG : 0;
}

int scan_read_block(int fd, const struct block_entry *e, uint8_t *buf)
{
	const struct block_head *head = (const struct block_head *)buf;
	int err = scan_read_at(fd, buf, e->bytes, e->offset);

	if (!err)
		err = block_head_check(head, e->bytes);
	return err ? err : head->bytes == e->bytes && head->rows == e->rows ? 0 : -EBADMSG;
}

size_t scan_columns(duckdb_init_info info, size_t columns[])
{
	size_t len = duckdb_init_get_column_count(info);

	for (size_t i = 0; i < len && i < BLOCK_COLUMNS; i++)
		columns[i] = duckdb_init_get_column_index(info, i);
	return len;
}

/* ---- functions ------------------------------------------------------------------------------ */

duckdb_table_function scan_function_new(const char *name, struct store_blocks *blocks)
{
	duckdb_table_function f = duckdb_create_table_function();
	duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);

	duckdb_table_function_set_name(f, name);
	for (int i = 0; i < ARGUMENTS; i++)
		duckdb_table_function_add_parameter(f, type);
	duckdb_destroy_logical_type(&type);
	duckdb_table_function_set_extra_info(f, blocks, NULL);
	duckdb_table_function_set_bind(f, scan_bind);
	duckdb_table_function_supports_projection_pushdown(f, true);
	return f;
}

/* ---- SQL ------------------------------------------------------------------------------------ */

static void write_call(const char *function, const struct store_segment *g, uint64_t skip,
		       int64_t from_us, int64_t to_us, FILE *out)
{
	const int64_t arguments[ARGUMENTS] = { g->number, (int64_t)g->bytes, (int64_t)skip, from_us,
					       to_us };

	fprintf(out, "%s(", function);
	for (int i = 0; i < ARGUMENTS; i++) /* there is no literal of the smallest */
		fprintf(out, "%s(%" PRId64 ")::BIGINT", i ? ", " : "",
			arguments[i] == INT64_MIN ? -INT64_MAX : arguments[i]);
	fputs(")", out);
}

void store_scan_source(const struct store_segment *g, uint64_t skip, int64_t from_us, int64_t to_us,
		       FILE *out)
{
	if (store_segment_is_rows(g)) {
		write_call("wt_rows", g, skip, from_us, to_us, out);
		return;
	}
	fputs(g->name, out);
	if (skip)
		fprintf(out, " WHERE rowid >= %" PRIu64, skip);
}

void store_scan_sorted_source(const struct store_segment *g, FILE *out)
{
	write_call("wt_sorted", g, 0, INT64_MIN, INT64_MAX, out);
}
