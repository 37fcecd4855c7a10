// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* wiretally: a word names the command, which does the rest. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/cli/doc.h"
#include "user/cli/import.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"
#include "user/lib/suggest.h"

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

const struct command commands[] = {
	{ "run", "start agent and collector on this host, until Ctrl-C", cmd_run, true },
	{ "top", "who talks most: traffic grouped and sorted", cmd_top, true },
	{ "watch", "a live screen: talkers, conversations, processes, TCP trouble, drops",
	  cmd_watch, true },
	{ "flows", "the flow records themselves", cmd_flows, true },
	{ "tcp", "how TCP fares: latency, retransmits, failures, by destination or process",
	  cmd_tcp, true },
	{ "series", "traffic over time, for graphs", cmd_series, true },
	{ "topology", "who talks to whom: table, D3, Graphviz, Mermaid", cmd_topology, true },
	{ "latency", "connect latency and round trips by far end: percentiles", cmd_latency, true },
	{ "connects", "TCP connections: slow, failed, whose, and why they ended", cmd_connects,
	  true },
	{ "drops", "packets the kernel dropped: why and where", cmd_drops, true },
	{ "audit", "prove that every packet is in a record or in a named counter", cmd_audit,
	  true },
	{ "alerts", "what the collector finds wrong: retransmits, failing connects, drops, losses",
	  cmd_alerts, true },
	{ "export", "flow records into a file: Parquet, CSV, JSON", cmd_export, true },
	{ "exporters", "routers and others that send NetFlow, IPFIX or sFlow", cmd_exporters,
	  true },
	{ "status", "what is watched, how, and by whom", cmd_status, true },
	{ "import", "capture files into the collector", cmd_import, true },
	{ "token", "let an agent or a reader of another host in", cmd_token, true },
	{ "detach", "remove every trace from the kernel", cmd_detach, true },
	{ "completion", "the shell's completion of all this", cmd_completion, false },
	{ "version", "print the version", cmd_version, false },
	{ "help", "this text, or that of a command", cmd_help, false },
};
const size_t commands_len = ARRAY_LEN(commands);

static void print_commands(FILE *out)
{
	fputs("usage: wiretally COMMAND [OPTION]… [ARGUMENT]…\n"
	      "Every packet that crosses a watched interface is in one record or one counter.\n\n",
	      out);
	for (size_t i = 0; i < commands_len; i++)
		fprintf(out, "  %-12s%s\n", commands[i].name, commands[i].summary);
	fputs("\n`wiretally COMMAND --help` says more. Exit status: 0 done, 1 failed, 2 wrong usage,\n"
	      "3 an audit that does not balance.\n",
	      out);
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < commands_len; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[ARRAY_LEN(commands)], *near;

	for (size_t i = 0; i < commands_len; i++)
		names[i] = commands[i].name;
	near = suggest_nearest(name, names, commands_len);
	if (near)
		command_error("unknown command '%.40s'; did you mean '%s'?", name, near);
	else
		command_error("unknown command '%.40s': see wiretally help", name);
	return EXIT_USAGE;
}

static int cmd_help(int argc, char **argv)
{
	static char help[] = "--help";
	const struct command *command;

	if (argc < 2 || argv[1][0] == '-') {
		print_commands(stdout);
		return EXIT_DONE;
	}
	command = find(argv[1]);
	if (!command)
		return unknown(argv[1]);
	return command->run(2, (char *[]){ argv[1], help, NULL });
}

static int cmd_version(int argc, char **argv)
{
	puts("wiretally " WT_VERSION);
	return EXIT_DONE;
}

/* The same as commands, as all programs have them. */
static const struct command flags[] = {
	{ "--help", NULL, cmd_help, false },
	{ "-h", NULL, cmd_help, false },
	{ "--version", NULL, cmd_version, false },
	{ "-V", NULL, cmd_version, false },
};

int main(int argc, char **argv)
{
	const struct command *command;

	setlocale(LC_CTYPE, "");
	log_init("wiretally", LOG_INFO, false);
	if (argc < 2) {
		print_commands(stderr);
		return EXIT_USAGE;
	}
	if (options_doc_asked(argc, argv)) {
		doc_print(options_doc_asked(argc, argv));
		return EXIT_DONE;
	}
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (!strcmp(argv[1], flags[i].name))
			return flags[i].run(1, argv + 1);
	}
	command = find(argv[1]);
	if (!command)
		return unknown(argv[1]);
	return command->run(argc - 1, argv + 1);
}
