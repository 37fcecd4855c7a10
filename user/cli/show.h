/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* How values are shown: for people on a terminal, exact everywhere else. */
#ifndef WT_SHOW_H
#define WT_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "user/lib/units.h"

struct table;
struct table_layout;

struct show {
	bool is_human; /* 1.2 M rather than 1234567 */
	bool is_coloured;
	bool can_clear; /* the screen */
	struct table_layout *below; /* with --follow: rows go on below others; NULL: one answer */
};

/* From where stdout goes, NO_COLOR and --exact. */
void show_init(struct show *show, bool exact);

/* Write into text and return it. */
const char *show_count(const struct show *show, int64_t n, char text[UNITS_TEXT_MAX]);
const char *show_bytes(const struct show *show, int64_t n, char text[UNITS_TEXT_MAX]);

/* A number or text of an object; 0 and "" when it is not there. */
int64_t show_int(const json_t *object, const char *name);
const char *show_text(const json_t *object, const char *name);

#define SHOW_ENDPOINT_MAX 80 /* with NUL */
/* "10.0.0.1:443", "[2001:db8::1]:443", or the address alone where there is no such port. */
const char *show_endpoint(const json_t *row, const char *address, const char *port,
			  char text[SHOW_ENDPOINT_MAX]);

/* "2026-01-31 12:30:15.123" local time; "-" for 0, a time that is not known. */
const char *show_time(int64_t us, char text[SHOW_ENDPOINT_MAX]);

/* "1m 12s" for people, else seconds: "72.000". */
const char *show_duration(const struct show *show, int64_t us, char text[UNITS_TEXT_MAX]);

/* A latency in ms: "0.250". "-" for what is not there, or 0: nobody measured it. */
const char *show_ms(const json_t *row, const char *name, double per_ms, char text[UNITS_TEXT_MAX]);

/* The source of a row by the name people know: file, else host, else agent. */
const char *show_exporter(const json_t *row);

/*
 * "3 flows", or "3 of 7 flows; more with -n": behind the rows of root. noun is "flow".
 * Nothing where more rows are to follow.
 */
void show_matched(const struct show *show, const json_t *root, const char *noun);

/* "read from minutes, hours": when it was not records alone. */
void show_tiers(const json_t *root);

/* Words joined by blanks: what stands behind the options is one filter. malloc'd; NULL: none. */
char *show_join(int argc, char **argv);

/* A line on stdout; bytes that could steer a terminal show as '?'. */
void show_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints and says when memory ran out; the status to exit with. */
int show_table(const struct show *show, const struct table *t);

#endif
