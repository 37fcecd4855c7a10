// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The table of commands in, a man page or a script out. */
#include "user/cli/doc.h"

#include <stdio.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/lib/cleanup.h"

/* Each prints its own part; those without options print nothing. */
static void ask(const struct command *c, const char *kind)
{
	char arg[32];

	if (!c->has_options)
		return;
	snprintf(arg, sizeof(arg), "--doc=%s", kind);
	c->run(2, (char *[]){ (char *)c->name, arg, NULL });
}

static void print_man(void)
{
	static const struct options_doc doc = {
		.name = "wiretally",
		.section = 1,
		.summary = "who talks to whom, how fast, and what was lost",
		.usage = "COMMAND [OPTION]… [ARGUMENT]…",
		.about = "Every packet that crosses a watched interface is in one record or one "
			 "counter. Exit status: 0 done, 1 failed, 2 wrong usage, 3 an audit that "
			 "does not balance.",
	};

	options_doc_print(&doc, OPTIONS_DOC_MAN, stdout);
	puts(".SH COMMANDS");
	for (size_t i = 0; i < commands_len; i++)
		ask(&commands[i], "section");
	puts(".SH SEE ALSO\n.BR wiretally\\-agent (8),\n.BR wiretally\\-collector (8)");
}

static void print_script(void)
{
	puts("_wiretally() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n"
	     "\t[ \"$COMP_CWORD\" = 1 ] && words='");
	for (size_t i = 0; i < commands_len; i++)
		printf("%s ", commands[i].name);
	puts("'\n\tcase ${COMP_WORDS[1]} in");
	for (size_t i = 0; i < commands_len; i++) {
		if (!commands[i].has_options)
			continue;
		printf("\t%s) words='", commands[i].name);
		ask(&commands[i], "words");
		puts("' ;;");
	}
	puts("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	     "complete -o default -F _wiretally wiretally");
}

int cmd_completion(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "bash") != 0) {
		command_error("usage: wiretally completion [bash]: the script, for "
			      "/etc/bash_completion.d or `source <(wiretally completion)`");
		return strcmp(argv[1], "--help") ? EXIT_USAGE : EXIT_DONE;
	}
	print_script();
	return EXIT_DONE;
}

void doc_print(enum options_doc_kind kind)
{
	if (kind == OPTIONS_DOC_MAN)
		print_man();
	else
		print_script();
}
