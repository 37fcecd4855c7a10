/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What commands that ask the collector have in common: options and a filter in, a question, its
 * answer shown. A command is a struct ask and its settings, which begin with a struct ask_options.
 */
#ifndef WT_ASK_H
#define WT_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "user/cli/client.h"

struct show;

struct ask_options {
	struct client_options client;
	struct range_options range;
	bool follow;
	int64_t interval_us;
	/* not options: of the question that is about to be asked */
	const char *after; /* the cursor behind which everything is new; NULL: as the range says */
};

#define FOLLOW_OPTIONS(type, member)                                   \
	{ "follow", 'F', OPTION_FLAG, offsetof(type, member.follow),   \
	  .help = "go on: ask again every --interval, until Ctrl-C" }, \
		{ "interval",                                          \
		  'i',                                                 \
		  OPTION_DURATION,                                     \
		  offsetof(type, member.interval_us),                  \
		  "TIME",                                              \
		  "2s",                                                \
		  .min = 100000,                                       \
		  .max = 3600000000,                                   \
		  .help = "with --follow: every TIME" }

/* What --follow does. */
enum ask_follow {
	FOLLOW_NOT,
	FOLLOW_AGAIN, /* the whole answer again, on a terminal in its place */
	FOLLOW_ROWS, /* rows that are new, oldest first */
	FOLLOW_GROUPS, /* groups of what is new */
};

struct ask {
	const struct command_text *text;
	const struct option_row *rows;
	size_t rows_len;
	const char *path; /* "/v1/top" */
	/* Behind "unexpected 'word'" when there are words behind the options; NULL: a filter. */
	const char *no_filter;
	enum ask_follow follow;
	/* What options mean together: COMMAND_GO_ON, or the status, and it has been said. */
	int (*check)(void *settings);
	/*
	 * The question's own arguments; NULL: none. Range, filter and format are added for it. With
	 * ask_options.after it is for all that is new: ASK_ROWS_MAX rows, the newest first.
	 */
	void (*add_args)(const void *settings, struct client_query *q);
	/* The answer for people; the status to exit with. */
	int (*print)(const struct show *show, const void *settings, const json_t *root);
	/* The status to exit with that the answer itself asks for; NULL: EXIT_DONE. */
	int (*judge)(const json_t *root);
};

#define ASK_ROWS_MAX 100000 /* the collector's limit */

/* The whole command, from its words to its exit status. */
int ask_run(const struct ask *ask, void *settings, int argc, char **argv);

/*
 * The first part alone: settings from the words, the filter joined into *ret_filter (malloc'd;
 * NULL: none). COMMAND_GO_ON, or the status to exit with.
 */
int ask_options(const struct ask *ask, void *settings, int argc, char **argv, char **ret_filter);

/* One question as the settings have it; q as client_get_json() takes it. Statuses as above. */
int ask_query(const struct ask *ask, const void *settings, const char *filter,
	      struct client_query *q);

#endif
