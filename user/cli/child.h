/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The programs beside ours: found, started, watched by descriptor, stopped within a time. */
#ifndef WT_CHILD_H
#define WT_CHILD_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#define CHILD_READY_FD 3 /* in the child: it writes to it when it serves */
#define CHILD_ARGS_MAX 320 /* with the name and NULL */
#define CHILD_STOP_MS 15000 /* after SIGTERM; then SIGKILL */

struct child {
	const char *name; /* "wiretally-agent" */
	char path[PATH_MAX];
	const char *args[CHILD_ARGS_MAX];
	size_t args_len;
	bool has_too_many; /* args that did not fit */
	pid_t pid; /* 0: not running */
	int pid_fd;
	int ready_fd; /* readable: ready; at its end without a byte: never will be */
};

/* The program in our own folder, else in PATH. 0 or -ENOENT. */
int child_find(struct child *c, const char *name);

/* One more argument, borrowed. */
void child_arg(struct child *c, const char *arg);

/* Starts it in a process group of its own: Ctrl-C reaches us, and we stop it in order. */
int child_start(struct child *c);

/*
 * SIGTERM, a wait of CHILD_STOP_MS, SIGKILL; at once when signal_fd has another signal for us.
 * Returns its wait status. Nothing happens to one that does not run.
 */
int child_stop(struct child *c, int signal_fd);

/* The wait status of one whose pid_fd is readable. */
int child_reap(struct child *c);

/* "was killed by signal 9" or "exited with status 1", into text. */
const char *child_end(int status, char text[64]);

#endif
