// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What SQL says badly, as functions of ours that statements call. */
#include "user/collector/store_functions.h"

#include <errno.h>

#include "user/lib/log.h"
#include "user/wire/signal.h"

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

int store_functions_add(duckdb_connection connection)
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
	if (state == DuckDBSuccess)
		return 0;
	log_error("store: its functions are refused");
	return -EIO;
}
