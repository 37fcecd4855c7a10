// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/cli/child.h"
#include "user/lib/cleanup.h"

/* A shell that runs a script, as a child. */
static struct child shell(const char *script)
{
	struct child c = { .name = "sh", .path = "/bin/sh", .pid_fd = -1, .ready_fd = -1 };

	child_arg(&c, "sh");
	child_arg(&c, "-c");
	child_arg(&c, script);
	return c;
}

static void wait_for(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	cr_assert_eq(poll(&p, 1, 30000), 1, "nothing happened in 30 s");
}

Test(child, says_ready_and_stops)
{
	struct child c =
		shell("trap 'exit 7' TERM; echo >&3; exec 3>&-; while :; do sleep 1; done");
	char byte, end[64];

	cr_assert_eq(child_start(&c), 0);
	wait_for(c.ready_fd);
	cr_expect_eq(read(c.ready_fd, &byte, 1), 1);
	cr_expect_eq(getpgid(c.pid), c.pid, "a process group of its own");
	cr_expect_str_eq(child_end(child_stop(&c, -1), end), "exited with status 7", "%s", end);
	cr_expect_eq(c.pid, 0);
	cr_expect_eq(child_stop(&c, -1), 0, "a second stop does nothing");
}

Test(child, end_without_ready_shows)
{
	struct child c = shell("exit 2");
	char byte, end[64];

	cr_assert_eq(child_start(&c), 0);
	wait_for(c.pid_fd);
	cr_expect_eq(read(c.ready_fd, &byte, 1), 0);
	cr_expect_str_eq(child_end(child_reap(&c), end), "exited with status 2");
}

Test(child, what_cannot_be_executed)
{
	struct child c = shell("");
	char end[64];

	strcpy(c.path, "/nonexistent");
	cr_assert_eq(child_start(&c), 0);
	wait_for(c.pid_fd);
	cr_expect_str_eq(child_end(child_reap(&c), end), "could not be started");
}

/* It ignores SIGTERM; another signal to us ends the patience. */
Test(child, impatience_kills)
{
	struct child c = shell("trap '' TERM; echo >&3; while :; do sleep 1; done");
	sigset_t set;
	char end[64];
	int signal_fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	cr_assert_eq(child_start(&c), 0);
	wait_for(c.ready_fd);
	raise(SIGINT);
	cr_expect_str_eq(child_end(child_stop(&c, signal_fd), end), "was killed by signal 9");
	close(signal_fd);
}

Test(child, has_no_signals_blocked_and_no_descriptors_of_ours)
{
	struct child c = shell("grep -q '^SigBlk:.0*$' /proc/self/status && "
			       "[ -e /proc/$$/fd/3 ] && [ ! -e /proc/$$/fd/50 ]");
	char end[64];
	sigset_t set;

	cr_assert_eq(dup2(STDOUT_FILENO, 50), 50);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	cr_assert_eq(child_start(&c), 0);
	wait_for(c.pid_fd);
	cr_expect_str_eq(child_end(child_reap(&c), end), "exited with status 0", "%s", end);
}

Test(child, too_many_arguments_are_refused)
{
	struct child c = shell("");

	for (int i = 0; i < CHILD_ARGS_MAX; i++)
		child_arg(&c, "x");
	cr_expect_eq(child_start(&c), -E2BIG);
	cr_expect_null(c.args[CHILD_ARGS_MAX - 1]);
}

Test(child, found_in_path)
{
	char dir[] = "/tmp/wiretally-test-XXXXXX", path[128], file[128];
	struct child c;
	int fd;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "/nonexistent::%s", dir);
	snprintf(file, sizeof(file), "%s/wt-test-program", dir);
	setenv("PATH", path, 1);
	cr_expect_eq(child_find(&c, "wt-test-program"), -ENOENT);
	fd = open(file, O_CREAT | O_WRONLY, 0600);
	cr_expect_eq(child_find(&c, "wt-test-program"), -ENOENT, "not executable");
	fchmod(fd, 0700);
	close(fd);
	cr_expect_eq(child_find(&c, "wt-test-program"), 0);
	cr_expect_str_eq(c.path, file);
	unlink(file);
	rmdir(dir);
}
