// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A program's name and arguments in, a watched process out; its end in, how it ended out. */
#include "user/cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/cleanup.h"

/* The first of PATH's folders that has the program. */
static int find_in_path(struct child *c, const char *name)
{
	const char *path = getenv("PATH");

	for (; path && *path; path += strcspn(path, ":"), path += *path == ':') {
		int len = (int)strcspn(path, ":");

		if (len &&
		    snprintf(c->path, sizeof(c->path), "%.*s/%s", len, path, name) <
			    (int)sizeof(c->path) &&
		    !access(c->path, X_OK))
			return 0;
	}
	return -ENOENT;
}

int child_find(struct child *c, const char *name)
{
	char own[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	*c = (struct child){ .name = name, .pid_fd = -1, .ready_fd = -1 };
	child_arg(c, name);
	if (len > 0) {
		own[len] = '\0';
		slash = strrchr(own, '/');
		if (slash &&
		    snprintf(c->path, sizeof(c->path), "%.*s/%s", (int)(slash - own), own, name) <
			    (int)sizeof(c->path) &&
		    !access(c->path, X_OK))
			return 0;
	}
	return find_in_path(c, name);
}

void child_arg(struct child *c, const char *arg)
{
	if (c->args_len < CHILD_ARGS_MAX - 1)
		c->args[c->args_len++] = arg;
	else
		c->has_too_many = true;
}

static void restore_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Never returns. Between fork and exec: system calls only. */
static void become(const struct child *c, int ready_fd, pid_t parent)
{
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1); /* it died before we asked */
	restore_signals();
	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
		_exit(126);
	if (ready_fd == CHILD_READY_FD)
		fcntl(ready_fd, F_SETFD, 0);
	else if (dup2(ready_fd, CHILD_READY_FD) < 0)
		_exit(126);
	/* whatever else is open, by whoever started us, is not its business */
	syscall(SYS_close_range, CHILD_READY_FD + 1, ~0U, 0);
	execv(c->path, (char *const *)c->args);
	_exit(127);
}

int child_start(struct child *c)
{
	pid_t parent = getpid();
	int ready[2];

	if (c->has_too_many)
		return -E2BIG;
	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	c->pid = fork();
	if (!c->pid)
		become(c, ready[1], parent);
	close(ready[1]);
	if (c->pid < 0) {
		int err = -errno;

		c->pid = 0;
		close(ready[0]);
		return err;
	}
	c->ready_fd = ready[0];
	c->pid_fd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pid_fd >= 0)
		return 0;
	kill(c->pid, SIGKILL);
	child_reap(c);
	return -ENOSYS;
}

int child_reap(struct child *c)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	close_fd(TAKE_FD(c->pid_fd));
	close_fd(TAKE_FD(c->ready_fd));
	c->pid = 0;
	return status;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

int child_stop(struct child *c, int signal_fd)
{
	struct pollfd fds[2] = { { c->pid_fd, POLLIN, 0 }, { signal_fd, POLLIN, 0 } };
	int64_t until = now_ms() + CHILD_STOP_MS, left;

	if (!c->pid)
		return 0;
	kill(c->pid, SIGTERM); /* not reaped yet, so the pid is still its own */
	while ((left = until - now_ms()) > 0) {
		int n = poll(fds, 2, (int)left);

		if (n > 0)
			break;
		if (n < 0 && errno != EINTR)
			break;
	}
	if (!(fds[0].revents & POLLIN)) {
		struct signalfd_siginfo impatient;

		kill(c->pid, SIGKILL);
		/* the next one to be stopped gets its time */
		if (fds[1].revents & POLLIN && read(signal_fd, &impatient, sizeof(impatient)) < 0)
			errno = 0;
	}
	return child_reap(c);
}

const char *child_end(int status, char text[64])
{
	if (WIFSIGNALED(status))
		snprintf(text, 64, "was killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == 127)
		snprintf(text, 64, "could not be started");
	else
		snprintf(text, 64, "exited with status %d", WEXITSTATUS(status));
	return text;
}
