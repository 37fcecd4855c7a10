/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The options of `wiretally run`, most of which are the agent's or the collector's own. */
#ifndef WT_RUN_OPTIONS_H
#define WT_RUN_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

#include "user/lib/options.h"

#define RUN_ROWS 23

struct child;

struct run_options {
	struct option_list interfaces, sample, allow, deny, sink, alert;
	const char *hook, *interval, *memory, *agent_id, *max_interfaces, *pin;
	const char *data, *listen, *exporters, *keep, *max_disk;
	const char *run_dir, *user;
	bool inner, insecure_listen, log_json, help;
	char names[RUN_ROWS][24]; /* "--interface", … */
	/* made from run_dir and data */
	char collector_socket[PATH_MAX], agent_socket[PATH_MAX], ship_to[PATH_MAX];
	char spool_dir[PATH_MAX];
};

/* COMMAND_GO_ON, or the status to exit with. */
int run_options_parse(int argc, char **argv, struct run_options *ret);

/* What was given, to whom it is for; and where they find each other. Borrowed from o. */
void run_options_pass(const struct run_options *o, struct child *agent, struct child *collector);

#endif
