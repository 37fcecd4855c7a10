/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Commands are rows: the table drives dispatch, `wiretally help` and completion. */
#ifndef WT_COMMAND_H
#define WT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "user/lib/options.h"

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNBALANCED = 3, /* audit; alerts: one fires */
};

struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv); /* argv[0] is the name; returns enum exit_status */
	bool has_options; /* command_options() reads them */
};

extern const struct command commands[];
extern const size_t commands_len;

/* Every command's own file has one. */
int cmd_top(int argc, char **argv);
int cmd_flows(int argc, char **argv);
int cmd_tcp(int argc, char **argv);
int cmd_latency(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_series(int argc, char **argv);
int cmd_topology(int argc, char **argv);
int cmd_connects(int argc, char **argv);
int cmd_drops(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_exporters(int argc, char **argv);
int cmd_alerts(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_audit(int argc, char **argv);
int cmd_token(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_detach(int argc, char **argv);

/* What --help says besides the options. */
struct command_text {
	const char *usage; /* "wiretally top [OPTION]… [FILTER…]" */
	const char *about;
	const char *examples; /* lines, each ended */
};

#define COMMAND_GO_ON (-1)

/*
 * Options of a command over their rows' defaults. `help` points into settings. COMMAND_GO_ON with
 * the other arguments from argv[*rest] on, or the status to exit with: help or what is wrong has
 * been said.
 */
int command_options(const struct command_text *text, const struct option_row *rows, size_t len,
		    void *settings, const bool *help, int argc, char **argv, int *rest);

/* The line all of our errors start with: "wiretally: …" on stderr. Control characters show as ?. */
void command_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
