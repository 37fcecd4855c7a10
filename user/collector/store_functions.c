// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What SQL says badly, as functions of ours that statements call. */
#include "user/collector/store_functions.h"

#include <errno.h>
#include <stdbool.h>
#include <net/ethernet.h>
#include <stdlib.h>

#include "user/collector/store_aggregates.h"
#include "user/collector/store_packed.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"
#include "user/wire/flow_ports.h"
#include "user/wire/signal.h"

static void *column_data(duckdb_data_chunk chunk, idx_t i)
{
	return duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, i));
}

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

/* ---- wt_has_ports --------------------------------------------------------------------------- */

static void run_has_ports(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	const uint8_t *proto = column_data(input, 0), *flags = column_data(input, 1);
	bool *ret = duckdb_vector_get_data(output);
	idx_t rows = duckdb_data_chunk_get_size(input);

	for (idx_t i = 0; i < rows; i++)
		ret[i] = flow_has_ports(proto[i], flags[i]);
}

/* ---- wt_v4, wt_port ------------------------------------------------------------------------- */

#define V4_NULL (UINT64_C(1) << 32)
#define PORT_NULL (UINT64_C(1) << 16)

static void run_v4(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	const uint16_t *ethertype = column_data(input, 0);
	const uint64_t *half = column_data(input, 1);
	const uint8_t *shift = column_data(input, 2);
	uint64_t *ret = duckdb_vector_get_data(output);
	idx_t rows = duckdb_data_chunk_get_size(input);

	for (idx_t i = 0; i < rows; i++) {
		bool is_ip = (ethertype[i] == ETHERTYPE_IP) | (ethertype[i] == ETHERTYPE_IPV6);

		ret[i] = (is_ip ? half[i] & UINT32_MAX : V4_NULL) << (shift[0] & 63);
	}
}

static void run_port(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	const uint8_t *proto = column_data(input, 0), *flags = column_data(input, 1);
	const uint16_t *port = column_data(input, 2);
	const uint8_t *shift = column_data(input, 3);
	uint64_t *ret = duckdb_vector_get_data(output);
	idx_t rows = duckdb_data_chunk_get_size(input);

	for (idx_t i = 0; i < rows; i++)
		ret[i] = (flow_has_ports(proto[i], flags[i]) ? port[i] : PORT_NULL)
			 << (shift[0] & 63);
}

/* ---- wt_header, wt_l3 ----------------------------------------------------------------------- */

static void run_header(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	const uint64_t *packets = column_data(input, 0), *l2 = column_data(input, 1);
	const uint64_t *l3 = column_data(input, 2);
	uint8_t *ret = duckdb_vector_get_data(output);
	idx_t rows = duckdb_data_chunk_get_size(input);

	for (idx_t i = 0; i < rows; i++)
		ret[i] = store_packed_header(packets[i], l2[i], l3[i]);
}

/* Of what is NULL the data is anything. */
static void run_l3(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	const uint64_t *l3 = column_data(input, 0), *l2 = column_data(input, 1);
	const uint8_t *header = column_data(input, 2);
	const uint64_t *packets = column_data(input, 3);
	uint64_t *ret = duckdb_vector_get_data(output);
	idx_t rows = duckdb_data_chunk_get_size(input);

	for (idx_t i = 0; i < rows; i++)
		ret[i] = store_packed_l3(l3[i], l2[i], header[i], packets[i]);
}

/* ---- scalar functions ----------------------------------------------------------------------- */

static const struct scalar {
	const char *name;
	duckdb_scalar_function_t run;
	duckdb_type ret, parameters[4]; /* up to DUCKDB_TYPE_INVALID */
	bool takes_null; /* else what has one is NULL */
} scalars[] = {
	{ "wt_has_ports",
	  run_has_ports,
	  DUCKDB_TYPE_BOOLEAN,
	  { DUCKDB_TYPE_UTINYINT, DUCKDB_TYPE_UTINYINT } },
	{ "wt_v4",
	  run_v4,
	  DUCKDB_TYPE_UBIGINT,
	  { DUCKDB_TYPE_USMALLINT, DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UTINYINT } },
	{ "wt_header",
	  run_header,
	  DUCKDB_TYPE_UTINYINT,
	  { DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UBIGINT } },
	{ "wt_l3",
	  run_l3,
	  DUCKDB_TYPE_UBIGINT,
	  { DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UTINYINT, DUCKDB_TYPE_UBIGINT },
	  .takes_null = true },
	{ "wt_port",
	  run_port,
	  DUCKDB_TYPE_UBIGINT,
	  { DUCKDB_TYPE_UTINYINT, DUCKDB_TYPE_UTINYINT, DUCKDB_TYPE_USMALLINT,
	    DUCKDB_TYPE_UTINYINT } },
};

static duckdb_state add_scalar(duckdb_connection connection, const struct scalar *s)
{
	duckdb_scalar_function f = duckdb_create_scalar_function();
	duckdb_logical_type ret = duckdb_create_logical_type(s->ret);
	duckdb_state state;

	duckdb_scalar_function_set_name(f, s->name);
	for (size_t i = 0; i < ARRAY_LEN(s->parameters) && s->parameters[i]; i++) {
		duckdb_logical_type type = duckdb_create_logical_type(s->parameters[i]);

		duckdb_scalar_function_add_parameter(f, type);
		duckdb_destroy_logical_type(&type);
	}
	duckdb_scalar_function_set_return_type(f, ret);
	duckdb_scalar_function_set_function(f, s->run);
	if (s->takes_null)
		duckdb_scalar_function_set_special_handling(f);
	state = duckdb_register_scalar_function(connection, f);
	duckdb_destroy_logical_type(&ret);
	duckdb_destroy_scalar_function(&f);
	return state;
}

static duckdb_state add_scalars(duckdb_connection connection)
{
	duckdb_state state = DuckDBSuccess;

	for (size_t i = 0; i < ARRAY_LEN(scalars) && state == DuckDBSuccess; i++)
		state = add_scalar(connection, &scalars[i]);
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
	if (add_quantile(connection) == DuckDBSuccess && add_scalars(connection) == DuckDBSuccess &&
	    store_aggregates_add(connection) == DuckDBSuccess)
		return 0;
	log_error("store: its functions are refused");
	return -EIO;
}
