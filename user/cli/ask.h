/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What commands that ask the collector have in common: options and a filter in, a question, its
 * answer shown. A command is a struct ask and its settings, which begin with a struct ask_options.
 */
#ifndef WT_ASK_H
#define WT_ASK_H

#include "user/cli/client.h"

struct show;

struct ask_options {
	struct client_options client;
	struct range_options range;
};

struct ask {
	const struct command_text *text;
	const struct option_row *rows;
	size_t rows_len;
	const char *path; /* "/v1/top" */
	/* Behind "unexpected 'word'" when there are words behind the options; NULL: a filter. */
	const char *no_filter;
	/* The question's own arguments; NULL: none. Range, filter and format are added for it. */
	void (*add_args)(const void *settings, struct client_query *q);
	/* The answer for people; the status to exit with. */
	int (*print)(const struct show *show, const void *settings, const json_t *root);
	/* The status to exit with that the answer itself asks for; NULL: EXIT_DONE. */
	int (*judge)(const json_t *root);
};

/* The whole command, from its words to its exit status. */
int ask_run(const struct ask *ask, void *settings, int argc, char **argv);

/*
 * The first part alone: settings from the words, the filter joined into *ret_filter (malloc'd;
 * NULL: none). COMMAND_GO_ON, or the status to exit with.
 */
int ask_options(const struct ask *ask, void *settings, int argc, char **argv, char **ret_filter);

#endif
