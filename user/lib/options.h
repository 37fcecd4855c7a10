/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Options as rows: one row holds name, type, range, default and help; the command line, a config
 * file, --help and completion all read it. A row names where its value goes by the offset in the
 * program's own settings structure:
 *
 *   static const struct option_row rows[] = {
 *           { "interval", 0, OPTION_DURATION, offsetof(struct settings, interval_us), "TIME", "5s",
 *             .min = 100000, .max = 3600000000, .help = "harvest every TIME" },
 *   };
 */
#ifndef WT_OPTIONS_H
#define WT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_type {
	OPTION_FLAG, /* bool: no value; its default is false */
	OPTION_TEXT, /* const char *: borrowed from argv or the row */
	OPTION_LIST, /* struct option_list: given several times */
	OPTION_NUMBER, /* uint64_t: "5000", "5k" (1000-based) */
	OPTION_BYTES, /* uint64_t: "64M" (1024-based) */
	OPTION_DURATION, /* int64_t µs: "5s", "1h30m" */
	OPTION_CHOICE, /* const char *: one of the words in `choices` ("auto|xdp|tc") */
};

#define OPTION_LIST_MAX 64

struct option_list {
	const char *values[OPTION_LIST_MAX];
	size_t len;
};

struct option_row {
	const char *name; /* "interval": given as --interval */
	char letter; /* 'i': also as -i; 0: none */
	enum option_type type;
	size_t offset; /* of the value in the settings */
	const char *value; /* what --help calls the value: "TIME"; NULL for flags */
	const char *fallback; /* the default as one would write it; NULL: unset (0, false, NULL) */
	uint64_t min, max; /* of numbers, bytes, durations (µs); max 0: no limit */
	const char *choices;
	bool only_argv; /* makes no sense in a file */
	const char *help;
};

struct option_error {
	char message[256];
};

/* Every row's default into *settings. A default that its own row refuses is a bug: aborts. */
void options_init(const struct option_row *rows, size_t len, void *settings);

/* One value by name, as a config file has it. -EINVAL with *error; -ENOENT: no such option. */
int options_set(const struct option_row *rows, size_t len, void *settings, const char *name,
		const char *value, struct option_error *error);

/*
 * argv[1…] over the defaults, which are set first. Options may stand before, between and behind
 * the other arguments, which argv[*rest…] are afterwards; "--" ends options. 0 or -EINVAL.
 */
int options_parse(const struct option_row *rows, size_t len, void *settings, int argc, char **argv,
		  int *rest, struct option_error *error);

/*
 * The same, with a file between the defaults and argv: the one that argv names by the row "config", if
 * it has one and it is given (config_file.h).
 */
int options_parse_with_file(const struct option_row *rows, size_t len, void *settings, int argc,
			    char **argv, int *rest, struct option_error *error);

/* Calls fn for each row whose value is another in the two settings. */
void options_diff(const struct option_row *rows, size_t len, const void *a, const void *b,
		  void (*fn)(void *arg, const struct option_row *row), void *arg);

/* The rows as --help shows them. */
void options_help(const struct option_row *rows, size_t len, FILE *out);

#endif
