/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Commands that show rows of one path of the API as one table: what they have in common. Such a
 * command is a struct listing, its tables of options and columns, and what is its own.
 */
#ifndef WT_LISTING_H
#define WT_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "user/cli/ask.h"
#include "user/cli/columns.h"

struct listing;

/* The first member, `list`, of a command's settings. */
struct listing_options {
	struct ask_options ask;
	const char *by, *order, *exporter; /* NULL: the command has no such option */
	uint64_t rows, offset;
	/* not an option: listing_run() puts it there */
	const struct listing *listing;
};

#define LISTING_AT(type, member) offsetof(type, list.member)

/* Rows for a table of options. */
#define LISTING_BY(type, fallback_, words) \
	{ "by",                            \
	  'b',                             \
	  OPTION_TEXT,                     \
	  LISTING_AT(type, by),            \
	  "WHAT",                          \
	  fallback_,                       \
	  .help = words "; several with commas" }
#define LISTING_ORDER(type, words, fallback_, help_)                     \
	{ "order", 'o',	      OPTION_CHOICE,	LISTING_AT(type, order), \
	  NULL,	   fallback_, .choices = words, .help = help_ }
#define LISTING_NUMBER(type, fallback_)                                          \
	{ "number",  'n',      OPTION_NUMBER,	    LISTING_AT(type, rows), "N", \
	  fallback_, .min = 1, .max = ASK_ROWS_MAX, .help = "show N rows" }
/* What all of them end with: the range, --follow, --exporter, and how it is printed. */
#define LISTING_ROWS(type)                                                \
	RANGE_ROWS(type, list.ask.range), FOLLOW_OPTIONS(type, list.ask), \
		{ "exporter",                                             \
		  'e',                                                    \
		  OPTION_TEXT,                                            \
		  LISTING_AT(type, exporter),                             \
		  "NAME",                                                 \
		  NULL,                                                   \
		  .help = "only what this agent or host has reported" },  \
		CLIENT_CSV_ROW(type, list.ask.client), CLIENT_ROWS(type, list.ask.client)

struct listing {
	struct command_text text;
	const struct option_row *rows;
	size_t rows_len;
	const char *path; /* "/v1/tcp" */
	enum ask_follow follow;
	const char *none; /* what is said where no row comes: "no drops match" */
	const struct column *columns;
	size_t columns_len;
	bool has_keys; /* grouped: columns_print() */
	bool is_paged; /* limit and offset, not n */
	/* The question's arguments beyond struct listing_options; NULL: none. */
	void (*add_args)(const void *settings, struct client_query *q);
	/* What is printed below the table; NULL: nothing. */
	void (*print_below)(const struct show *show, const json_t *root);
};

/* The whole command. `settings` begins with a struct listing_options and is zero. */
int listing_run(const struct listing *listing, void *settings, int argc, char **argv);

#endif
