// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Tables listed in `segments` in; a place in the order of arrival, or what is behind one, out. */
#include "user/collector/store_cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/store_internal.h"
#include "user/collector/store_scan.h"

#define HOUR_MAX 999999999 /* in the year 114,000 */

/* The series' segments with rows, oldest first. */
static int list_tables(struct store_reader *r, enum store_series series, struct store_segments *ret)
{
	struct store_segments list;
	size_t len = 0;
	int err = store_segments_read(r, &list);

	if (err)
		return err;
	for (size_t i = 0; i < list.len; i++)
		if (list.at[i].series == series && list.at[i].rows)
			list.at[len++] = list.at[i];
	list.len = len;
	*ret = list;
	return 0;
}

int store_cursor_now(struct store_reader *r, enum store_series series, struct store_cursor *ret)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	struct store_cursor c = { 0 };
	int err = list_tables(r, series, &list);

	if (err)
		return err;
	for (size_t i = list.len < STORE_CURSOR_HOURS ? 0 : list.len - STORE_CURSOR_HOURS;
	     i < list.len; i++, c.len++) {
		c.hours[c.len].hour = list.at[i].number;
		c.hours[c.len].rows = list.at[i].rows;
	}
	*ret = c;
	return 0;
}

/* How many rows of the table of this hour, with so many rows, are not after the cursor. */
static uint64_t known_rows(const struct store_cursor *after, int64_t hour, uint64_t rows)
{
	for (size_t i = 0; i < after->len; i++)
		if (after->hours[i].hour == hour)
			return after->hours[i].rows <= rows ? after->hours[i].rows : 0;
	return after->len && hour < after->hours[0].hour ? rows : 0;
}

/* -ESTALE: some rows of a table were new, and it was sealed since. Files are in another order. */
static int append_tables(FILE *out, const struct store_segments *list, enum store_series series,
			 const struct store_cursor *after)
{
	const char *more = series == SERIES_FLOWS ? ", 1::UINTEGER AS records" : "";
	const char *separator = "";

	fputs("(", out);
	for (size_t i = 0; i < list->len; i++) {
		const struct store_segment *g = &list->at[i];
		uint64_t known = known_rows(after, g->number, g->rows);

		if (known == g->rows)
			continue;
		if (g->file[0])
			return -ESTALE;
		fprintf(out, "%sSELECT *%s FROM ", separator, more);
		store_scan_source(g, known, INT64_MIN, INT64_MAX, out);
		separator = " UNION ALL ";
	}
	if (!*separator)
		fprintf(out, "SELECT *%s FROM %s_none", more, store_series[series].name);
	fputs(")", out);
	return ferror(out) ? -ENOMEM : 0;
}

int store_cursor_source(struct store_reader *r, enum store_series series,
			const struct store_cursor *after, char **ret)
{
	__attribute__((cleanup(store_segments_done))) struct store_segments list = { 0 };
	AUTO_FREE char *text = NULL;
	size_t len;
	FILE *out;
	int err = list_tables(r, series, &list);

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
