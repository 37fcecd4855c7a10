// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What SQL says badly, as functions of ours that statements call. */
#include "user/collector/store_functions.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "user/collector/link_sums.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"
#include "user/wire/signal.h"

/* ---- wt_quantile ---------------------------------------------------------------------------- */

/*
 * The value that q of the samples do not exceed: in the first bucket with as many up to its end, as
 * far as the rest of them is of the bucket's. The last one has no end to go to. -1: no samples.
 */
static double quantile(double q, double *const buckets[LATENCY_BUCKETS], idx_t row)
{
	double all = 0, before = 0, wanted;

	for (int i = 0; i < LATENCY_BUCKETS; i++)
		all += buckets[i][row];
	if (all <= 0)
		return -1;
	wanted = q * all;
	for (int i = 0; i < LATENCY_BUCKETS - 1; i++) {
		double to = (double)(UINT64_C(1) << (LATENCY_SHIFT + i)), from = i ? to / 2 : 0;
		double count = buckets[i][row];

		if (before + count >= wanted && count > 0)
			return from + (wanted - before) / count * (to - from);
		before += count;
	}
	return (double)(UINT64_C(1) << (LATENCY_SHIFT + LATENCY_BUCKETS - 2));
}

/* Its input is flat, as the C API has it; NULLs are for the caller to leave out. */
static void run_quantile(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	idx_t rows = duckdb_data_chunk_get_size(input);
	double *q = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0));
	double *ret = duckdb_vector_get_data(output), *buckets[LATENCY_BUCKETS];

	if (duckdb_data_chunk_get_column_count(input) != LATENCY_BUCKETS + 1) {
		duckdb_scalar_function_set_error(info, "wt_quantile takes q and all buckets");
		return;
	}
	for (idx_t i = 0; i < LATENCY_BUCKETS; i++)
		buckets[i] = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, i + 1));
	duckdb_vector_ensure_validity_writable(output);
	for (idx_t row = 0; row < rows; row++) {
		ret[row] = quantile(q[row], buckets, row);
		if (ret[row] < 0)
			duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
	}
}

/* ---- wt_links ------------------------------------------------------------------------------- */

struct links_state {
	struct link_sums *sums; /* NULL: no row yet */
	uint64_t spec;
	bool has_failed; /* no memory, or too many pairs */
};

static idx_t links_size(duckdb_function_info info)
{
	return sizeof(struct links_state);
}

static struct links_state *links_of(duckdb_aggregate_state state)
{
	return (struct links_state *)state;
}

static void links_init(duckdb_function_info info, duckdb_aggregate_state state)
{
	*links_of(state) = (struct links_state){ 0 };
}

static void links_destroy(duckdb_aggregate_state *states, idx_t count)
{
	for (idx_t i = 0; i < count; i++)
		link_sums_free(TAKE(links_of(states[i])->sums));
}

/* A statement has one group: all rows are of one state. */
static void links_update(duckdb_function_info info, duckdb_data_chunk input,
			 duckdb_aggregate_state *states)
{
	struct links_state *state = links_of(states[0]);
	const void *columns[STORE_LINKS_ARGUMENTS];
	struct link_rows rows = { .len = duckdb_data_chunk_get_size(input) };

	for (idx_t i = 0; i < STORE_LINKS_ARGUMENTS; i++)
		columns[i] = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, i));
	if (!rows.len || state->has_failed)
		return;
	state->spec = *(const uint64_t *)columns[0];
	rows.from_hi = columns[1];
	rows.from_lo = columns[2];
	rows.to_hi = columns[3];
	rows.to_lo = columns[4];
	rows.octets = columns[5];
	rows.packets = columns[6];
	rows.flows = columns[7];
	if (!state->sums)
		state->sums = link_sums_new();
	state->has_failed =
		!state->sums || rows.len > LINK_ROWS_MAX || link_sums_add(state->sums, &rows);
}

static void links_merge(struct links_state *to, struct links_state *from)
{
	to->has_failed |= from->has_failed;
	if (!from->sums || to->has_failed)
		return;
	to->spec = from->spec;
	if (!to->sums)
		to->sums = TAKE(from->sums);
	else
		to->has_failed = link_sums_merge(to->sums, from->sums) != 0;
}

static void links_combine(duckdb_function_info info, duckdb_aggregate_state *source,
			  duckdb_aggregate_state *target, idx_t count)
{
	for (idx_t i = 0; i < count; i++)
		links_merge(links_of(target[i]), links_of(source[i]));
}

/* The total of all pairs, whose from_hi is how many there are, and behind it the heaviest. */
static void links_answer(const struct links_state *state, duckdb_vector result, idx_t row)
{
	size_t n = STORE_LINKS_N(state->spec), pairs = 0;
	AUTO_FREE struct link_sum *all = calloc(n + 1, sizeof(*all));

	if (!all || state->has_failed) {
		duckdb_vector_ensure_validity_writable(result);
		duckdb_validity_set_row_invalid(duckdb_vector_get_validity(result), row);
		return;
	}
	if (state->sums) {
		all[0] = link_sums_total(state->sums, &pairs);
		all[0].from_hi = pairs;
		n = link_sums_top(state->sums, STORE_LINKS_ORDER(state->spec), n, all + 1);
	}
	duckdb_vector_assign_string_element_len(result, row, (const char *)all,
						(n + 1) * sizeof(*all));
}

static void links_finalize(duckdb_function_info info, duckdb_aggregate_state *source,
			   duckdb_vector result, idx_t count, idx_t offset)
{
	for (idx_t i = 0; i < count; i++)
		links_answer(links_of(source[i]), result, offset + i);
}

static duckdb_state add_links(duckdb_connection connection)
{
	static const duckdb_type types[STORE_LINKS_ARGUMENTS] = {
		DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UBIGINT,
		DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_BIGINT,  DUCKDB_TYPE_BIGINT,  DUCKDB_TYPE_BIGINT,
	};
	duckdb_aggregate_function f = duckdb_create_aggregate_function();
	duckdb_logical_type type;
	duckdb_state state;

	duckdb_aggregate_function_set_name(f, "wt_links");
	for (idx_t i = 0; i < STORE_LINKS_ARGUMENTS; i++) {
		type = duckdb_create_logical_type(types[i]);
		duckdb_aggregate_function_add_parameter(f, type);
		duckdb_destroy_logical_type(&type);
	}
	type = duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
	duckdb_aggregate_function_set_return_type(f, type);
	duckdb_destroy_logical_type(&type);
	duckdb_aggregate_function_set_functions(f, links_size, links_init, links_update,
						links_combine, links_finalize);
	duckdb_aggregate_function_set_destructor(f, links_destroy);
	state = duckdb_register_aggregate_function(connection, f);
	duckdb_destroy_aggregate_function(&f);
	return state;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static duckdb_state add_quantile(duckdb_connection connection)
{
	duckdb_scalar_function f = duckdb_create_scalar_function();
	duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE);
	duckdb_state state;

	duckdb_scalar_function_set_name(f, "wt_quantile");
	duckdb_scalar_function_add_parameter(f, number);
	duckdb_scalar_function_set_varargs(f, number);
	duckdb_scalar_function_set_return_type(f, number);
	duckdb_scalar_function_set_function(f, run_quantile);
	state = duckdb_register_scalar_function(connection, f);
	duckdb_destroy_logical_type(&number);
	duckdb_destroy_scalar_function(&f);
	return state;
}

int store_functions_add(duckdb_connection connection)
{
	if (add_quantile(connection) == DuckDBSuccess && add_links(connection) == DuckDBSuccess)
		return 0;
	log_error("store: its functions are refused");
	return -EIO;
}
