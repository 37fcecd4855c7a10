// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A command's option rows and words in, its settings or its --help out. */
#include "user/cli/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "user/lib/options_doc.h"
#include "user/lib/printable.h"

void command_error(const char *fmt, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	fprintf(stderr, "wiretally: %s\n", printable(message));
}

static void print_help(const struct command_text *text, const struct option_row *rows, size_t len)
{
	printf("usage: %s\n%s\n\n", text->usage, text->about);
	options_help(rows, len, stdout);
	if (text->examples)
		printf("\nexamples:\n%s", text->examples);
}

int command_options(const struct command_text *text, const struct option_row *rows, size_t len,
		    void *settings, const bool *help, int argc, char **argv, int *rest)
{
	const struct options_doc doc = { "wiretally",	 1,    NULL, text->usage, text->about,
					 text->examples, rows, len };
	struct option_error error;

	if (options_doc_asked(argc, argv)) {
		options_doc_print(&doc, options_doc_asked(argc, argv), stdout);
		return EXIT_DONE;
	}
	if (options_parse(rows, len, settings, argc, argv, rest, &error)) {
		command_error("%s (wiretally %s --help says more)", error.message, argv[0]);
		return EXIT_USAGE;
	}
	if (!*help)
		return COMMAND_GO_ON;
	print_help(text, rows, len);
	return EXIT_DONE;
}
