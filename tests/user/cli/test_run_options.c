// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "user/cli/child.h"
#include "user/cli/command.h"
#include "user/cli/run_options.h"
#include "user/lib/cleanup.h"

static struct run_options options;
static struct child agent, collector;

static int parse(char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	memset(&options, 0, sizeof(options));
	return run_options_parse(argc, argv, &options);
}

#define PARSE(...) parse((char *[]){ "run", __VA_ARGS__, NULL })

/* All arguments of a child in one line. */
static const char *line(const struct child *c, char *text, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < c->args_len; i++)
		n += (size_t)snprintf(text + n, size - n, i ? " %s" : "%s", c->args[i]);
	return text;
}

Test(run_options, everyone_gets_what_is_theirs)
{
	char text[2048];

	cr_assert_eq(PARSE("-i", "eth0", "-i", "veth*", "--inner", "--data", "/d", "--user", "u",
			   "--run-dir", "/tmp/r/", "--sample", "10", "--keep", "7d"),
		     COMMAND_GO_ON);
	run_options_pass(&options, &agent, &collector);
	cr_expect_str_eq(line(&agent, text, sizeof(text)),
			 "--interface eth0 --interface veth* --hook auto --interval 5s "
			 "--memory 64M --inner --sample 10 --user u --run-dir /tmp/r/ "
			 "--collector unix:/tmp/r/collector.sock --spool-dir /d-agent "
			 "--status-socket /tmp/r/agent.sock --ready-fd 3",
			 "%s", text);
	cr_expect_str_eq(line(&collector, text, sizeof(text)),
			 "--data /d --listen 127.0.0.1:9101 --keep 7d --user u "
			 "--socket /tmp/r/collector.sock --ready-fd 3",
			 "%s", text);
}

Test(run_options, refused, .init = cr_redirect_stderr)
{
	char long_dir[100];

	memset(long_dir, 'x', sizeof(long_dir) - 1);
	long_dir[sizeof(long_dir) - 1] = '\0';
	cr_expect_eq(PARSE("eth0"), EXIT_USAGE);
	cr_expect_eq(PARSE("--hook", "kprobe"), EXIT_USAGE);
	cr_expect_eq(PARSE("--run-dir", long_dir), EXIT_USAGE);
	cr_expect_eq(PARSE("--data"), EXIT_USAGE);
	cr_expect_eq(PARSE("--nosuch"), EXIT_USAGE);
}

Test(run_options, help_is_help, .init = cr_redirect_stdout)
{
	cr_expect_eq(PARSE("--help"), EXIT_DONE);
}
