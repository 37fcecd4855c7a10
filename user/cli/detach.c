// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally detach`: becomes `wiretally-agent --detach`. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/child.h"
#include "user/cli/command.h"
#include "user/lib/cleanup.h"

struct settings {
	const char *pin, *run_dir;
	bool help;
};

static const struct option_row rows[] = {
	{ "pin", 0, OPTION_TEXT, offsetof(struct settings, pin), "DIR", NULL,
	  .help = "where the agent was told to pin" },
	{ "run-dir", 0, OPTION_TEXT, offsetof(struct settings, run_dir), "DIR", NULL,
	  .help = "where the agent was told to lock" },
	{ "help", 'h', OPTION_FLAG, offsetof(struct settings, help), .help = "print this" },
};

static const struct command_text text = {
	.usage = "wiretally detach [OPTION]…",
	.about = "Removes every hook and pin of ours from this host. What was not shipped is lost.",
	.examples = "  sudo wiretally detach\n",
};

static void pass(struct child *c, const char *name, const char *value)
{
	if (!value)
		return;
	child_arg(c, name);
	child_arg(c, value);
}

int cmd_detach(int argc, char **argv)
{
	struct settings s = { 0 };
	struct child agent;
	int rest;
	int status = command_options(&text, rows, ARRAY_LEN(rows), &s, &s.help, argc, argv, &rest);

	if (status != COMMAND_GO_ON)
		return status;
	if (rest < argc) {
		command_error("detach: unexpected '%.60s'", argv[rest]);
		return EXIT_USAGE;
	}
	if (child_find(&agent, "wiretally-agent")) {
		command_error("detach: wiretally-agent is neither beside this program nor in PATH");
		return EXIT_FAILED;
	}
	child_arg(&agent, "--detach");
	pass(&agent, "--pin", s.pin);
	pass(&agent, "--run-dir", s.run_dir);
	execv(agent.path, (char *const *)agent.args);
	command_error("start %s: %s", agent.path, strerror(errno));
	return EXIT_FAILED;
}
