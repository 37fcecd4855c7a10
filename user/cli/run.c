// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * `wiretally run`: starts the collector, then the agent, and waits; on a signal or when one of them
 * ends, stops the agent first (it ships what it has) and the collector then. Restarts nothing.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <poll.h>

#include "user/cli/agent_status.h"
#include "user/cli/child.h"
#include "user/cli/command.h"
#include "user/cli/run_options.h"
#include "user/cli/show.h"
#include "user/lib/cleanup.h"

#define READY_MS 120000 /* the collector may have a log to replay */
#define GRACE_MS 200 /* a signal to all of us at once may reach them first */

_Static_assert(CHILD_READY_FD == 3, "run_options.c says so to them");

struct run {
	struct run_options options;
	struct child agent, collector;
	int signal_fd;
	int epoll_fd;
};

enum event { EVENT_READY, EVENT_SIGNAL, EVENT_ENDED, EVENT_TIMEOUT };

static inline void run_done_auto(struct run *r)
{
	close_fd(r->signal_fd);
	close_fd(r->epoll_fd);
}

/* In the effective set: 12 NET_ADMIN, 38 PERFMON, 39 BPF. */
static bool has_capabilities(void)
{
	const unsigned long long needed = 1ULL << 12 | 1ULL << 38 | 1ULL << 39;
	AUTO_FILE FILE *f = fopen("/proc/self/status", "re");
	unsigned long long effective = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "CapEff: %llx", &effective) == 1)
			break;
	}
	return (effective & needed) == needed;
}

/* Our own, or those that the agent's file has (setcap). */
static bool may_watch(const struct child *agent)
{
	return has_capabilities() || getxattr(agent->path, "security.capability", NULL, 0) > 0;
}

static int find_programs(struct run *r)
{
	static const char *const names[] = { "wiretally-agent", "wiretally-collector" };
	struct child *const children[] = { &r->agent, &r->collector };

	for (size_t i = 0; i < 2; i++) {
		if (child_find(children[i], names[i])) {
			command_error("run: %s is neither beside this program nor in PATH",
				      names[i]);
			return -ENOENT;
		}
	}
	return 0;
}

static int watch_fd(struct run *r, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static int open_events(struct run *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (r->signal_fd < 0 || r->epoll_fd < 0)
		return -errno;
	return watch_fd(r, r->signal_fd);
}

static bool take_signal(struct run *r, int wait_ms)
{
	struct pollfd p = { r->signal_fd, POLLIN, 0 };
	struct signalfd_siginfo signal;

	return poll(&p, 1, wait_ms) > 0 && read(r->signal_fd, &signal, sizeof(signal)) > 0;
}

/* The byte it writes when it serves, or its end without one. */
static bool is_ready(struct child *c)
{
	char byte;
	bool ready = read(c->ready_fd, &byte, 1) == 1;

	close_fd(TAKE_FD(c->ready_fd));
	return ready;
}

/* What happens next. `starting` is the child whose readiness is waited for, NULL: none. */
static enum event next_event(struct run *r, struct child *starting)
{
	struct epoll_event e;
	int n;

	do {
		n = epoll_wait(r->epoll_fd, &e, 1, starting ? READY_MS : -1);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return EVENT_TIMEOUT;
	if (e.data.fd == r->signal_fd)
		return take_signal(r, 0) ? EVENT_SIGNAL : next_event(r, starting);
	if (starting && e.data.fd == starting->ready_fd)
		return is_ready(starting) ? EVENT_READY : next_event(r, NULL);
	return take_signal(r, GRACE_MS) ? EVENT_SIGNAL : EVENT_ENDED;
}

static bool has_ended(const struct child *c)
{
	struct pollfd p = { c->pid_fd, POLLIN, 0 };

	return c->pid && poll(&p, 1, 0) > 0;
}

/* Says who ended, and returns our own exit status. */
static int say_ended(struct run *r)
{
	struct child *const children[] = { &r->collector, &r->agent };
	int exit_status = EXIT_FAILED;
	char end[64];

	for (size_t i = 0; i < 2; i++) {
		struct child *c = children[i];
		int status;

		if (!has_ended(c))
			continue;
		status = child_reap(c);
		command_error("%s %s", c->name, child_end(status, end));
		if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_USAGE)
			exit_status = EXIT_USAGE;
	}
	return exit_status;
}

/* COMMAND_GO_ON when it serves. */
static int start(struct run *r, struct child *c)
{
	int err = child_start(c);

	if (!err)
		err = watch_fd(r, c->pid_fd);
	if (!err)
		err = watch_fd(r, c->ready_fd);
	if (err) {
		command_error("start %s: %s", c->path, strerror(-err));
		return EXIT_FAILED;
	}
	switch (next_event(r, c)) {
	case EVENT_READY:
		return COMMAND_GO_ON;
	case EVENT_SIGNAL:
		return EXIT_DONE;
	case EVENT_ENDED:
		return say_ended(r);
	default:
		command_error("%s does not get ready within %d s", c->name, READY_MS / 1000);
		return EXIT_FAILED;
	}
}

/* "watching eth0, eth1; page and API at http://127.0.0.1:9101/ ; try: wiretally top" */
static void say_watching(const struct run *r)
{
	AUTO_FREE char *names = NULL;
	json_t *status = NULL, *interface;
	size_t i, len;
	FILE *out = open_memstream(&names, &len);

	if (!out)
		return;
	if (!agent_status(r->options.agent_socket, &status)) {
		json_array_foreach(json_object_get(status, "interfaces"), i, interface)
			fprintf(out, "%s%s", i ? ", " : "", show_text(interface, "name"));
	}
	json_decref(status);
	fclose(out);
	show_line("watching %s; page and API at http://%s/ ; try: wiretally top",
		  names && *names ? names : "no interface yet", r->options.listen);
	fflush(stdout);
}

static int make_run_dir(const char *path)
{
	/* 0755: both programs have given up root when they reach for each other's socket */
	if (!mkdir(path, 0755) || errno == EEXIST)
		return 0;
	command_error("make '%s': %s", path, strerror(errno));
	return -errno;
}

static int serve(struct run *r)
{
	int status = start(r, &r->collector);

	if (status == COMMAND_GO_ON)
		status = start(r, &r->agent);
	if (status != COMMAND_GO_ON)
		return status;
	say_watching(r);
	return next_event(r, NULL) == EVENT_SIGNAL ? EXIT_DONE : say_ended(r);
}

/* Also says when one had to be killed, since what it held is in no ledger yet. */
static void stop(struct run *r)
{
	struct child *const children[] = { &r->agent, &r->collector };
	char end[64];

	for (size_t i = 0; i < 2; i++) {
		int status = child_stop(children[i], r->signal_fd);

		if (status)
			command_error("%s %s", children[i]->name, child_end(status, end));
	}
	/* unprivileged by now, they may not remove them themselves */
	unlink(r->options.collector_socket);
	unlink(r->options.agent_socket);
}

int cmd_run(int argc, char **argv)
{
	AUTO(run_done) struct run r = { .signal_fd = -1, .epoll_fd = -1 };
	int status = run_options_parse(argc, argv, &r.options);

	if (status != COMMAND_GO_ON)
		return status;
	if (find_programs(&r))
		return EXIT_FAILED;
	if (!may_watch(&r.agent)) {
		command_error(
			"needs CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON: run with sudo or give %s these capabilities (setcap)",
			r.agent.path);
		return EXIT_FAILED;
	}
	if (make_run_dir(r.options.run_dir))
		return EXIT_FAILED;
	run_options_pass(&r.options, &r.agent, &r.collector);
	if (open_events(&r)) {
		command_error("run: %s", strerror(errno));
		return EXIT_FAILED;
	}
	status = serve(&r);
	stop(&r);
	return status;
}
