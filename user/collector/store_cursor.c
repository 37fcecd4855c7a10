// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Tables listed in `segments` in; a place in the order of arrival, or what is behind one, out. */
#include "user/collector/store_cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/store_internal.h"
#include "user/lib/log.h"

#define HOUR_MAX 999999999 /* in the year 114,000 */

/* Name and rows of the series' tables, by hour: oldest first, or only the newest. */
static int list_tables(struct store_reader *r, enum store_series series, bool only_newest,
		       duckdb_result *ret)
{
	/* by length first: an hour is written without leading zeros */
	static const char *const sql[] = {
		"SELECT name, rows FROM segments WHERE rows > 0 AND starts_with(name, $1 || '_') "
		"ORDER BY length(name), name",
		"FROM (SELECT name, rows FROM segments WHERE rows > 0 AND starts_with(name, $1 || '_') "
		"ORDER BY length(name) DESC, name DESC LIMIT 2) ORDER BY length(name), name",
	};
	duckdb_value name = duckdb_create_varchar(store_series[series].name);
	AUTO_FREE char *error = NULL;
	int err = store_query(r, sql[only_newest], &name, 1, ret, &error);

	duckdb_destroy_value(&name);
	if (err)
		log_warn("store: list segments: %s", error ? error : strerror(-err));
	return err;
}
_Static_assert(STORE_CURSOR_HOURS == 2, "LIMIT above");

/* One line of list_tables(). -EINVAL for a name that is not of this program. */
static int table_at(duckdb_result *list, idx_t i, char name[STORE_NAME_MAX], int64_t *hour,
		    uint64_t *rows)
{
	char *text = duckdb_value_varchar(list, 0, i);

	if (!text)
		return -ENOMEM;
	snprintf(name, STORE_NAME_MAX, "%s", text);
	duckdb_free(text);
	*rows = duckdb_value_uint64(list, 1, i);
	return store_hour_parse(name, hour) ? 0 : -EINVAL;
}

int store_cursor_now(struct store_reader *r, enum store_series series, struct store_cursor *ret)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result list = {};
	struct store_cursor c = { 0 };
	char name[STORE_NAME_MAX];
	int err = list_tables(r, series, true, &list);

	for (idx_t i = 0; !err && i < duckdb_row_count(&list); i++, c.len++)
		err = table_at(&list, i, name, &c.hours[c.len].hour, &c.hours[c.len].rows);
	if (!err)
		*ret = c;
	return err;
}

/* How many rows of the table of this hour, with so many rows, are not after the cursor. */
static uint64_t known_rows(const struct store_cursor *after, int64_t hour, uint64_t rows)
{
	for (size_t i = 0; i < after->len; i++)
		if (after->hours[i].hour == hour)
			return after->hours[i].rows <= rows ? after->hours[i].rows : 0;
	return after->len && hour < after->hours[0].hour ? rows : 0;
}

static int append_tables(FILE *out, duckdb_result *list, enum store_series series,
			 const struct store_cursor *after)
{
	const char *separator = "";

	fputs("(", out);
	for (idx_t i = 0; i < duckdb_row_count(list); i++) {
		char name[STORE_NAME_MAX];
		uint64_t rows = 0, known;
		int64_t hour = 0;
		int err = table_at(list, i, name, &hour, &rows);

		if (err)
			return err;
		known = known_rows(after, hour, rows);
		if (known == rows)
			continue;
		fprintf(out, "%sSELECT * FROM %s WHERE rowid >= %" PRIu64, separator, name, known);
		separator = " UNION ALL ";
	}
	if (!*separator)
		fprintf(out, "SELECT * FROM %s_none", store_series[series].name);
	fputs(")", out);
	return ferror(out) ? -ENOMEM : 0;
}

int store_cursor_source(struct store_reader *r, enum store_series series,
			const struct store_cursor *after, char **ret)
{
	__attribute__((cleanup(result_done_auto))) duckdb_result list = {};
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *out;
	int err = list_tables(r, series, false, &list);

	if (err)
		return err;
	out = open_memstream(&text, &len);
	if (!out)
		return -ENOMEM;
	err = append_tables(out, &list, series, after);
	if (fclose(out) && !err)
		err = -ENOMEM;
	if (!err)
		*ret = TAKE(text);
	return err;
}

/* "497222.1000" at *at, which moves behind it. */
static int parse_hour(const char **at, int64_t *hour, uint64_t *rows)
{
	char *end;

	errno = 0;
	if (**at < '0' || **at > '9')
		return -EINVAL;
	*hour = strtoll(*at, &end, 10);
	if (errno || *end != '.' || end[1] < '0' || end[1] > '9' || *hour > HOUR_MAX)
		return -EINVAL;
	*rows = strtoull(end + 1, &end, 10);
	*at = end;
	return errno || *rows > INT64_MAX ? -EINVAL : 0;
}

int store_cursor_parse(const char *text, struct store_cursor *ret)
{
	struct store_cursor c = { 0 };
	const char *at = text;

	for (;;) {
		if (parse_hour(&at, &c.hours[c.len].hour, &c.hours[c.len].rows))
			return -EINVAL;
		c.len++;
		if (!*at)
			break;
		if (*at++ != ',' || c.len == STORE_CURSOR_HOURS)
			return -EINVAL;
	}
	if (c.len == 2 && c.hours[0].hour >= c.hours[1].hour)
		return -EINVAL;
	*ret = c;
	return 0;
}

const char *store_cursor_format(const struct store_cursor *c, char text[STORE_CURSOR_MAX])
{
	int n = 0;

	snprintf(text, STORE_CURSOR_MAX, "0.0"); /* of an empty store: all is after it */
	for (size_t i = 0; i < c->len; i++)
		n += snprintf(text + n, STORE_CURSOR_MAX - (size_t)n, "%s%" PRId64 ".%" PRIu64,
			      i ? "," : "", c->hours[i].hour, c->hours[i].rows);
	return text;
}
