/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Questions to the collector's API: a path with arguments in, the reply out. What goes wrong is
 * said here, once, on stderr.
 */
#ifndef WT_CLIENT_H
#define WT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "user/cli/command.h"
#include "user/lib/cleanup.h"

#define CLIENT_URL "http://127.0.0.1:9101"
#define CLIENT_REPLY_MAX (512u << 20) /* bytes of a reply */
#define CLIENT_SECONDS 60
#define CLIENT_DOWNLOAD_SECONDS 3600

/* What went wrong, for who does not want it on stderr. */
struct client_error {
	char message[256];
	long position; /* in the filter, in characters; -1: it is not about one */
};

/* What every command that asks has: put CLIENT_ROWS into its rows. */
struct client_options {
	const char *url;
	bool json;
	bool csv;
	bool exact;
	bool help;
	/* not options: of a command that asks again and again */
	int stop_fd; /* readable: give up; 0: none */
	bool is_quiet; /* that there is no answer was said already */
	struct client_error *error; /* not NULL: what goes wrong is written here, not said */
};

#define CLIENT_ROWS(type, member)                                                             \
	{ "url",                                                                              \
	  'u',                                                                                \
	  OPTION_TEXT,                                                                        \
	  offsetof(type, member.url),                                                         \
	  "URL",                                                                              \
	  NULL,                                                                               \
	  .help = "ask the collector at URL (default $WIRETALLY_URL, else " CLIENT_URL ")" }, \
		{ "json", 'j', OPTION_FLAG, offsetof(type, member.json),                      \
		  .help = "print the API's JSON" },                                           \
		{ "exact", 'x', OPTION_FLAG, offsetof(type, member.exact),                    \
		  .help = "whole numbers on a terminal, too" },                               \
		{ "help", 'h', OPTION_FLAG, offsetof(type, member.help), .help = "print this" }
#define CLIENT_CSV_ROW(type, member) \
	{ "csv", 'c', OPTION_FLAG, offsetof(type, member.csv), .help = "print CSV" }

/* A time range as options; RANGE_ROWS. */
struct range_options {
	const char *last;
	const char *from;
	const char *to;
};

#define RANGE_ROWS(type, member)                                                   \
	{ "last",                                                                  \
	  'l',                                                                     \
	  OPTION_TEXT,                                                             \
	  offsetof(type, member.last),                                             \
	  "TIME",                                                                  \
	  NULL,                                                                    \
	  .help = "the last TIME, like 5m or 7d, or all (default 1h)" },           \
		{ "from",                                                          \
		  'f',                                                             \
		  OPTION_TEXT,                                                     \
		  offsetof(type, member.from),                                     \
		  "TIME",                                                          \
		  NULL,                                                            \
		  .help = "from TIME on, like 12:30, -2h or '2026-01-31 12:30'" }, \
		{ "to",	  't',	OPTION_TEXT,	      offsetof(type, member.to),   \
		  "TIME", NULL, .help = "before TIME" }

/* A path with its arguments, built up. */
struct client_query {
	FILE *out;
	char *text;
	size_t len;
	bool has_args;
	bool wants_fresh; /* wait until all that was acknowledged is stored */
	const char *filter; /* as asked, for the caret below an error; borrowed */
};

/* 0 or -ENOMEM; client_query_done() in any case. path is "/v1/top". */
int client_query_init(struct client_query *q, const char *path);
void client_query_done(struct client_query *q);
static inline void client_query_done_auto(struct client_query *q)
{
	client_query_done(q);
}

/* Appends name=value, escaped; nothing when value is NULL or empty. */
void client_query_arg(struct client_query *q, const char *name, const char *value);
void client_query_number(struct client_query *q, const char *name, unsigned long long value);

/* EXIT_USAGE when the options are not times (said), else COMMAND_GO_ON. */
int client_query_range(struct client_query *q, const struct range_options *range);

/*
 * Asks. COMMAND_GO_ON with the body, terminated, in *ret (malloc'd) and its length, or the status
 * to exit with after what is wrong was said; EXIT_DONE when stop_fd became readable. Finishes q.
 */
int client_get(const struct client_options *options, struct client_query *q, char **ret,
	       size_t *ret_len);

/*
 * The same for a body of any size, into out as it comes; on a terminal stderr shows how far it is.
 * EXIT_DONE, or the status to exit with.
 */
int client_download(const struct client_options *options, struct client_query *q, FILE *out);

/*
 * The same as client_get(), and the body as JSON in *ret (owned by the caller). With --json the
 * body is printed
 * first; with --csv it is printed and that is all: EXIT_DONE.
 */
int client_get_json(const struct client_options *options, struct client_query *q, json_t **ret);

DEFINE_AUTO(json_decref, json_t *);
#define AUTO_JSON AUTO(json_decref)

/* The address asked: --url, $WIRETALLY_URL or the default. */
const char *client_url(const struct client_options *options);

#endif
