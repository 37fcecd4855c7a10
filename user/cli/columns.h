/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Tables of the API's rows as tables: a column is a title, a member, and how it is shown. */
#ifndef WT_COLUMNS_H
#define WT_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct show;
struct table;

enum cell {
	CELL_COUNT, /* "-" where there is none */
	CELL_BYTES,
	CELL_MS_OF_NS, /* a latency; "-" when there is none */
	CELL_MS_OF_US,
	CELL_BPS, /* eight times it, over the row's start_us to end_us; "-" without a duration */
	CELL_PPS, /* it, over the same */
	CELL_BPP, /* it, over the row's packets */
	CELL_SHARE, /* of member `with`, in percent */
	CELL_TEXT, /* "-" when empty */
	CELL_ENDPOINT, /* an address, its port in `with` */
	CELL_TIME, /* µs since the epoch */
	CELL_DURATION, /* µs; "-" where `with`, the start, is not known */
	CELL_SPAN, /* from `with` to it */
	CELL_OWNER, /* a process' name, its pid in `with`: "curl/4711"; "?" behind: ambiguous */
	CELL_EXPORTER, /* file, else host, else agent */
	CELL_PROTOCOL, /* "tcp", "icmp 8/0", the ethertype of what is not IP */
	CELL_INTERFACE, /* "eth0 in" */
};

struct column {
	const char *title;
	const char *member;
	enum cell cell;
	const char *with;
};

/* What any cell fits into; names are longer, and not copied. With NUL. */
#define COLUMNS_CELL_MAX 80

/* One cell, in text or where it is; borrowed until either changes. */
const char *columns_cell(const struct show *show, const json_t *row, const struct column *column,
			 char text[COLUMNS_CELL_MAX]);

/*
 * All rows, by these columns, as a table of the caller's; NULL: no memory. There is at least one
 * row. has_keys: as below.
 */
struct table *columns_table(const struct show *show, const json_t *rows,
			    const struct column *columns, size_t len, bool has_keys);

/*
 * All rows, by these columns; with has_keys behind those of the keys (keys.h), of which the first
 * column's member is the measure. There is at least one row. The status to exit with.
 */
int columns_print(const struct show *show, const json_t *rows, const struct column *columns,
		  size_t len, bool has_keys);

#endif
