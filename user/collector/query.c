// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A finished statement in, rows out; and the arguments and errors all queries have in common. */
#include "user/collector/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query_sql.h"
#include "user/collector/store.h"
#include "user/lib/log.h"

int query_run(struct store_reader *reader, struct sql_builder *b, struct query_rows *ret)
{
	duckdb_value *values;
	int err = sql_finish(b);

	memset(ret, 0, sizeof(*ret));
	if (err)
		return err;
	values = calloc(b->params_len + 1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (size_t i = 0; i < b->params_len; i++)
		values[i] = duckdb_create_varchar(b->params[i]);
	err = store_query(reader, b->text, values, b->params_len, &ret->result, &ret->error);
	ret->is_open = !err;
	for (size_t i = 0; i < b->params_len; i++)
		duckdb_destroy_value(&values[i]);
	free(values);
	return err;
}

void query_rows_done(struct query_rows *rows)
{
	if (rows->chunk)
		duckdb_destroy_data_chunk(&rows->chunk);
	if (rows->is_open)
		duckdb_destroy_result(&rows->result);
	free(rows->error);
	memset(rows, 0, sizeof(*rows));
}

bool query_rows_next(struct query_rows *rows)
{
	if (++rows->row < rows->rows)
		return true;
	do {
		if (rows->chunk)
			duckdb_destroy_data_chunk(&rows->chunk);
		rows->chunk = duckdb_fetch_chunk(rows->result);
		if (!rows->chunk)
			return false;
		rows->rows = duckdb_data_chunk_get_size(rows->chunk);
	} while (!rows->rows);
	rows->row = 0;
	return true;
}

static void *column_data(const struct query_rows *rows, idx_t column)
{
	return duckdb_vector_get_data(duckdb_data_chunk_get_vector(rows->chunk, column));
}

bool query_is_null(const struct query_rows *rows, idx_t column)
{
	uint64_t *validity =
		duckdb_vector_get_validity(duckdb_data_chunk_get_vector(rows->chunk, column));

	return validity && !duckdb_validity_row_is_valid(validity, rows->row);
}

int64_t query_int(const struct query_rows *rows, idx_t column)
{
	return ((int64_t *)column_data(rows, column))[rows->row];
}

uint64_t query_u64(const struct query_rows *rows, idx_t column)
{
	return ((uint64_t *)column_data(rows, column))[rows->row];
}

size_t query_text(const struct query_rows *rows, idx_t column, const char **ret)
{
	duckdb_string_t *text = &((duckdb_string_t *)column_data(rows, column))[rows->row];

	*ret = duckdb_string_t_data(text);
	return duckdb_string_t_length(*text);
}

int query_run_reply(const struct api_request *req, struct api_reply *reply, struct sql_builder *b,
		    struct query_rows *ret)
{
	int err = query_run(req->reader, b, ret);

	if (!err)
		return 0;
	if (err == -ETIME)
		err = api_error(reply, 503, NULL, -1,
				"the query took longer than %d s: ask for a shorter time",
				STORE_QUERY_DEADLINE_MS / 1000);
	else if (err == -ENOMEM)
		err = api_error(
			reply, 503, NULL, -1,
			"the query needs more memory than the store may have: ask for a shorter time");
	else if (err == -EINVAL) {
		log_error("query: %s", ret->error ? ret->error : strerror(-err));
		err = api_error(reply, 500, NULL, -1, "the query failed: see the collector's log");
	}
	return err < 0 ? err : 1;
}

int query_number_arg(const struct api_request *req, struct api_reply *reply, const char *name,
		     uint64_t min, uint64_t max, uint64_t fallback, uint64_t *ret)
{
	const char *text = req->arg(req, name);
	char *end = NULL;
	uint64_t n = fallback;
	int err;

	if (text) {
		errno = 0;
		n = strtoull(text, &end, 10);
		if (*text < '0' || *text > '9' || *end || errno || n < min || n > max) {
			err = api_error(reply, 400, name, -1,
					"%s is not a number from %llu to %llu", name,
					(unsigned long long)min, (unsigned long long)max);
			return err < 0 ? err : 1;
		}
	}
	*ret = n;
	return 0;
}

int query_flag_arg(const struct api_request *req, struct api_reply *reply, const char *name,
		   bool *ret)
{
	static const char *const yes[] = { "1", "true", "yes", "" };
	static const char *const no[] = { "0", "false", "no", "0" };
	const char *text = req->arg(req, name);
	int err;

	*ret = false;
	if (!text)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
			*ret = !strcmp(text, yes[i]);
			return 0;
		}
	}
	err = api_error(reply, 400, name, -1, "%s is neither 1 nor 0", name);
	return err < 0 ? err : 1;
}

int query_format_arg(const struct api_request *req, struct api_reply *reply, bool *is_csv)
{
	const char *format = req->arg(req, "format");
	int err;

	*is_csv = format && !strcmp(format, "csv");
	if (!format || *is_csv || !strcmp(format, "json"))
		return 0;
	err = api_error(reply, 400, "format", -1, "format is neither json nor csv");
	return err < 0 ? err : 1;
}
