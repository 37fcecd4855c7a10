// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows of a statement in, sums by key out. */
#include "user/collector/store_aggregates.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "user/collector/key_sift.h"
#include "user/collector/key_sums.h"
#include "user/collector/store_functions.h"
#include "user/lib/cleanup.h"

#define PICKED 256 /* rows that are brought together at a time */

static void *column_data(duckdb_data_chunk chunk, idx_t i)
{
	return duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, i));
}

/* ---- wt_sums, wt_sums_all ------------------------------------------------------------------- */

struct sums_state {
	struct key_sums *sums; /* NULL: no row yet */
	uint64_t spec;
	struct key_cells *cells; /* of wt_cells; NULL: no row yet */
	bool has_failed; /* no memory, or too many groups */
};

static idx_t sums_size(duckdb_function_info info)
{
	return sizeof(struct sums_state);
}

static struct sums_state *sums_of(duckdb_aggregate_state state)
{
	return (struct sums_state *)state;
}

static void sums_init(duckdb_function_info info, duckdb_aggregate_state state)
{
	*sums_of(state) = (struct sums_state){ 0 };
}

static void sums_destroy(duckdb_aggregate_state *states, idx_t count)
{
	for (idx_t i = 0; i < count; i++) {
		key_sums_free(TAKE(sums_of(states[i])->sums));
		key_cells_free(TAKE(sums_of(states[i])->cells));
	}
}

/* What a chunk has behind the spec. */
static struct key_rows read_rows(duckdb_data_chunk input, const struct key_shape *shape)
{
	struct key_rows rows = { .len = duckdb_data_chunk_get_size(input) };
	idx_t at = 1;

	for (unsigned int i = 0; i < shape->words; i++)
		rows.keys[i] = column_data(input, at++);
	for (unsigned int i = 0; i < shape->sums; i++)
		rows.sums[i] = column_data(input, at++);
	return rows;
}

/* Those whose cells the sift has marked, some at a time. */
static int add_picked(struct key_sums *s, const struct key_shape *shape,
		      const struct key_rows *rows, unsigned int sift)
{
	uint64_t keys[KEY_WORDS_MAX][PICKED];
	int64_t sums[SUM_ALL][PICKED];
	uint16_t picked[KEY_ROWS_MAX];
	size_t n = key_sift_pick(sift, rows, shape->words, picked);
	int err = 0;

	if (n == rows->len)
		return key_sums_add(s, rows);
	for (size_t done = 0; done < n && !err; done += PICKED) {
		struct key_rows some = { .len = n - done < PICKED ? n - done : PICKED };

		for (unsigned int w = 0; w < shape->words; w++) {
			some.keys[w] = keys[w];
			for (size_t i = 0; i < some.len; i++)
				keys[w][i] = rows->keys[w][picked[done + i]];
		}
		for (unsigned int k = 0; k < shape->sums; k++) {
			some.sums[k] = sums[k];
			for (size_t i = 0; i < some.len; i++)
				sums[k][i] = rows->sums[k][picked[done + i]];
		}
		err = key_sums_add(s, &some);
	}
	return err;
}

static int add_rows(struct sums_state *state, const struct key_shape *shape,
		    const struct key_rows *rows)
{
	if (!state->sums)
		state->sums = key_sums_new(*shape);
	if (!state->sums)
		return -ENOBUFS;
	if (STORE_SUMS_SIFT(state->spec))
		return add_picked(state->sums, shape, rows, STORE_SUMS_SIFT(state->spec));
	return key_sums_add(state->sums, rows);
}

/* A statement has one group: all rows are of one state. */
static void update(duckdb_function_info info, duckdb_data_chunk input,
		   duckdb_aggregate_state *states,
		   int (*add)(struct sums_state *state, const struct key_shape *shape,
			      const struct key_rows *rows))
{
	const struct key_shape *shape = duckdb_aggregate_function_get_extra_info(info);
	struct sums_state *state = sums_of(states[0]);
	struct key_rows rows = read_rows(input, shape);

	if (!rows.len || state->has_failed)
		return;
	state->spec = *(uint64_t *)column_data(input, 0);
	state->has_failed = rows.len > KEY_ROWS_MAX || add(state, shape, &rows);
}

static void sums_update(duckdb_function_info info, duckdb_data_chunk input,
			duckdb_aggregate_state *states)
{
	update(info, input, states, add_rows);
}

static void sums_merge(struct sums_state *to, struct sums_state *from)
{
	to->has_failed |= from->has_failed;
	if (!from->sums || to->has_failed)
		return;
	to->spec = from->spec;
	if (!to->sums)
		to->sums = TAKE(from->sums);
	else
		to->has_failed = key_sums_join(to->sums, TAKE(from->sums)) != 0;
}

static void sums_combine(duckdb_function_info info, duckdb_aggregate_state *source,
			 duckdb_aggregate_state *target, idx_t count)
{
	for (idx_t i = 0; i < count; i++)
		sums_merge(sums_of(target[i]), sums_of(source[i]));
}

/* The total of all groups, whose first word is how many there are, and behind it the heaviest. */
static void sums_answer(const struct sums_state *state, duckdb_vector result, idx_t row)
{
	size_t n = STORE_SUMS_N(state->spec), len = 0;
	AUTO_FREE struct key_group *all = calloc(n + 1, sizeof(*all));
	bool is_null = !all || state->has_failed;

	if (state->spec & STORE_SUMS_PROBE && state->sums)
		is_null |= key_sums_are_apart(state->sums);
	else if (all && state->sums && !state->has_failed)
		len = key_sums_top(state->sums, STORE_SUMS_ORDER(state->spec), n, all + 1, all);
	if (is_null) {
		duckdb_vector_ensure_validity_writable(result);
		duckdb_validity_set_row_invalid(duckdb_vector_get_validity(result), row);
		return;
	}
	duckdb_vector_assign_string_element_len(result, row, (const char *)all,
						(len + 1) * sizeof(*all));
}

static void sums_finalize(duckdb_function_info info, duckdb_aggregate_state *source,
			  duckdb_vector result, idx_t count, idx_t offset)
{
	for (idx_t i = 0; i < count; i++)
		sums_answer(sums_of(source[i]), result, offset + i);
}

static void add_parameters(duckdb_aggregate_function f, duckdb_type of, unsigned int n)
{
	duckdb_logical_type type = duckdb_create_logical_type(of);

	for (unsigned int i = 0; i < n; i++)
		duckdb_aggregate_function_add_parameter(f, type);
	duckdb_destroy_logical_type(&type);
}

/* ---- wt_cells ------------------------------------------------------------------------------- */

static int add_cells(struct sums_state *state, const struct key_shape *shape,
		     const struct key_rows *rows)
{
	if (!state->cells)
		state->cells = key_cells_new(STORE_SUMS_SIFT(state->spec));
	if (!state->cells)
		return -ENOBUFS;
	key_cells_add(state->cells, rows, shape->words);
	return 0;
}

static void cells_update(duckdb_function_info info, duckdb_data_chunk input,
			 duckdb_aggregate_state *states)
{
	update(info, input, states, add_cells);
}

static void cells_merge(struct sums_state *to, struct sums_state *from)
{
	to->has_failed |= from->has_failed;
	if (!from->cells)
		return;
	to->spec = from->spec;
	if (!to->cells) {
		to->cells = TAKE(from->cells);
		return;
	}
	key_cells_merge(to->cells, from->cells);
	key_cells_free(TAKE(from->cells));
}

static void cells_combine(duckdb_function_info info, duckdb_aggregate_state *source,
			  duckdb_aggregate_state *target, idx_t count)
{
	for (idx_t i = 0; i < count; i++)
		cells_merge(sums_of(target[i]), sums_of(source[i]));
}

static void cells_finalize(duckdb_function_info info, duckdb_aggregate_state *source,
			   duckdb_vector result, idx_t count, idx_t offset)
{
	int64_t *ret = duckdb_vector_get_data(result);

	for (idx_t i = 0; i < count; i++) {
		struct sums_state *state = sums_of(source[i]);

		ret[offset + i] = !state->has_failed;
		if (state->cells && !state->has_failed)
			key_sift_set(STORE_SUMS_SIFT(state->spec), TAKE(state->cells));
	}
}

/* ---- of keys -------------------------------------------------------------------------------- */

struct of_keys {
	const char *name;
	duckdb_type ret;
	duckdb_aggregate_update_t update;
	duckdb_aggregate_combine_t combine;
	duckdb_aggregate_finalize_t finalize;
	const struct key_shape *shapes;
};

static duckdb_state add_sums(duckdb_aggregate_function_set set, const struct of_keys *a,
			     const struct key_shape *shape)
{
	duckdb_aggregate_function f = duckdb_create_aggregate_function();
	duckdb_logical_type type = duckdb_create_logical_type(a->ret);
	duckdb_state state;

	duckdb_aggregate_function_set_name(f, a->name);
	add_parameters(f, DUCKDB_TYPE_UBIGINT, 1 + shape->words + SUM_COUNTS);
	if (shape->sums == SUM_ALL) {
		add_parameters(f, DUCKDB_TYPE_UBIGINT, 1);
		add_parameters(f, DUCKDB_TYPE_BIGINT, 2);
	}
	duckdb_aggregate_function_set_return_type(f, type);
	duckdb_destroy_logical_type(&type);
	duckdb_aggregate_function_set_functions(f, sums_size, sums_init, a->update, a->combine,
						a->finalize);
	duckdb_aggregate_function_set_destructor(f, sums_destroy);
	duckdb_aggregate_function_set_extra_info(f, (void *)shape, NULL);
	state = duckdb_add_aggregate_function_to_set(set, f);
	duckdb_destroy_aggregate_function(&f);
	return state;
}

/* One for each number of words. */
static duckdb_state add_sums_set(duckdb_connection connection, const struct of_keys *a)
{
	duckdb_aggregate_function_set set = duckdb_create_aggregate_function_set(a->name);
	duckdb_state state = DuckDBSuccess;

	for (int i = 0; i < KEY_WORDS_MAX && state == DuckDBSuccess; i++)
		state = add_sums(set, a, &a->shapes[i]);
	if (state == DuckDBSuccess)
		state = duckdb_register_aggregate_function_set(connection, set);
	duckdb_destroy_aggregate_function_set(&set);
	return state;
}

#define SHAPES(sums)                                                                          \
	{                                                                                     \
		{ 1, sums }, { 2, sums }, { 3, sums }, { 4, sums }, { 5, sums }, { 6, sums }, \
			{ 7, sums },                                                          \
		{                                                                             \
			8, sums                                                               \
		}                                                                             \
	}
static const struct key_shape counts[KEY_WORDS_MAX] = SHAPES(SUM_COUNTS);
static const struct key_shape all[KEY_WORDS_MAX] = SHAPES(SUM_ALL);
_Static_assert(KEY_WORDS_MAX == 8, "a shape for each");

static const struct of_keys of_keys[] = {
	{ "wt_sums", DUCKDB_TYPE_BLOB, sums_update, sums_combine, sums_finalize, counts },
	{ "wt_sums_all", DUCKDB_TYPE_BLOB, sums_update, sums_combine, sums_finalize, all },
	{ "wt_cells", DUCKDB_TYPE_BIGINT, cells_update, cells_combine, cells_finalize, counts },
};

/* ---- all of them ---------------------------------------------------------------------------- */

duckdb_state store_aggregates_add(duckdb_connection connection)
{
	duckdb_state state = DuckDBSuccess;

	for (size_t i = 0; i < ARRAY_LEN(of_keys) && state == DuckDBSuccess; i++)
		state = add_sums_set(connection, &of_keys[i]);
	return state;
}
