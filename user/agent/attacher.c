// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A configuration in, hooks on interfaces and a shipper process out. */
#include "user/agent/attacher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/random.h>
#include <sys/wait.h>

#include <bpf/bpf.h>

#include "user/agent/cidr.h"
#include "user/agent/crashlog.h"
#include "user/agent/disk_spool.h"
#include "user/agent/identity.h"
#include "user/agent/message.h"
#include "user/agent/privilege.h"
#include "user/agent/scope.h"
#include "user/agent/shipper.h"
#include "user/agent/signals.h"
#include "user/agent/start.h"
#include "user/agent/status.h"
#include "user/agent/watch.h"
#include "user/lib/log.h"

enum attacher_fd { FD_SIGNAL, FD_LINKS, FD_MESSAGE, FD_GRACE, FDS };

struct attacher {
	const struct config *config;
	struct pins pins;
	struct kernel *kernel;
	struct tables *tables;
	struct watch watch;
	struct signals *signals; /* or NULL */
	struct start_before before;
	struct shipper_options shipper;
	pid_t shipper_pid;
	int message_fd;
	int grace_fd;
	int signal_fd;
	int links_fd;
	int restarts;
	bool is_ready;
	bool stopping;
	int exit_status;
	int argc;
	char **argv;
	bool again; /* SIGHUP */
};

static void tell_iface(void *arg, const struct iface *iface)
{
	struct attacher *a = arg;
	struct message m = { .type = MESSAGE_IFACE, .iface = *iface };

	if (a->message_fd >= 0 && message_send(a->message_fd, &m))
		log_debug("the shipper does not listen");
}

static void tell_all(struct attacher *a)
{
	for (uint32_t slot = 1; slot < a->tables->geometry.slots; slot++)
		if (a->watch.ifaces.at[slot].ifindex)
			tell_iface(a, &a->watch.ifaces.at[slot]);
}

static int start_shipper(struct attacher *a)
{
	int messages[2], grace[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, messages) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, grace))
		return -errno;
	a->shipper_pid = fork();
	if (a->shipper_pid < 0)
		return -errno;
	if (a->shipper_pid == 0) {
		close(messages[0]);
		close(grace[0]);
		close_fd(a->signal_fd);
		close_fd(a->links_fd);
		a->shipper.message_fd = messages[1];
		a->shipper.grace_fd = grace[1];
		_exit(shipper_run(a->tables, &a->shipper));
	}
	close(messages[1]);
	close(grace[1]);
	close_fd(a->message_fd);
	close_fd(a->grace_fd);
	a->message_fd = messages[0];
	a->grace_fd = grace[0];
	tell_all(a);
	return 0;
}

/* The other half of flip.c: the kernel waits for running programs before this returns. */
static void on_grace(struct attacher *a)
{
	struct message m;
	__u32 zero = 0;
	int err = message_receive(a->grace_fd, &m);
	AUTO_FD int inner = -1;

	if (err == -EPIPE) {
		close(a->grace_fd);
		a->grace_fd = -1;
	}
	if (err)
		return;
	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wt_grace_inner", 4, 4, 1, NULL);
	if (inner < 0 || bpf_map_update_elem(a->kernel->maps[MAP_GRACE], &zero, &inner, BPF_ANY))
		log_error("cannot wait for a grace period: %s", strerror(errno));
	else
		message_send(a->grace_fd, &m);
}

static void tell_ready(struct attacher *a)
{
	if (a->is_ready)
		return;
	a->is_ready = true;
	if (!a->config->ready_fd)
		return;
	if (write((int)a->config->ready_fd, "1\n", 2) < 0)
		log_warn("--ready-fd: %s", strerror(errno));
	close((int)a->config->ready_fd);
}

static void on_message(struct attacher *a)
{
	struct message m;
	int err = message_receive(a->message_fd, &m);

	if (err == -EPIPE) { /* SIGCHLD tells the rest */
		close(a->message_fd);
		a->message_fd = -1;
	}
	if (err)
		return;
	if (m.type == MESSAGE_READY)
		tell_ready(a);
	if (m.type == MESSAGE_INTERVAL) {
		watch_interval(&a->watch, m.number);
		if (a->signals && !a->stopping)
			signals_sweep(a->signals);
	}
}

static void stop(struct attacher *a)
{
	struct message m = { .type = MESSAGE_FINISH };

	if (a->stopping)
		return;
	a->stopping = true;
	/* Hooks first: what is counted until now is the last interval. */
	watch_stop(&a->watch, false);
	signals_stop(a->signals);
	if (a->message_fd < 0 || message_send(a->message_fd, &m))
		log_warn("the shipper is not there to finish");
}

/* False when the agent must end. */
static bool on_child(struct attacher *a)
{
	int status;

	if (waitpid(a->shipper_pid, &status, WNOHANG) != a->shipper_pid)
		return true;
	a->shipper_pid = 0;
	if (a->stopping) {
		a->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		return false;
	}
	log_error("the shipper died (%s %d)", WIFSIGNALED(status) ? "signal" : "exit status",
		  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (a->restarts++ >= ATTACHER_RESTARTS_MAX || start_shipper(a)) {
		a->exit_status = 1;
		return false;
	}
	log_info("a new shipper goes on where it stopped");
	return true;
}

/*
 * True: the agent is to be started again, with what its file says now. Pinned, hooks go on counting
 * meanwhile, and the next start takes over as after a kill; else it stops as it does at its end.
 */
static bool begin_again(struct attacher *a)
{
	struct config fresh = { 0 };

	if (a->stopping)
		return false;
	if (config_parse(a->argc, a->argv, &fresh)) {
		log_error("the options are not taken: all stays as it was");
		return false;
	}
	log_info("starting again, with the options as they are now");
	a->again = true;
	if (!a->pins.dir[0]) {
		stop(a);
		return false;
	}
	if (a->message_fd >= 0) /* without us the shipper leaves all as it is and ends */
		close(a->message_fd);
	a->message_fd = -1;
	waitpid(a->shipper_pid, NULL, 0);
	a->shipper_pid = 0;
	return true;
}

static bool on_signal(struct attacher *a)
{
	struct signalfd_siginfo si;

	if (read(a->signal_fd, &si, sizeof(si)) != sizeof(si))
		return true;
	if (si.ssi_signo == SIGCHLD)
		return on_child(a);
	if (si.ssi_signo == SIGHUP && a->config->config) /* else its terminal is gone */
		return !begin_again(a);
	stop(a);
	return a->shipper_pid != 0;
}

static void loop(struct attacher *a)
{
	bool goes_on = true;

	while (goes_on) {
		struct pollfd fds[FDS] = {
			[FD_SIGNAL] = { a->signal_fd, POLLIN, 0 },
			[FD_LINKS] = { a->links_fd, POLLIN, 0 },
			[FD_MESSAGE] = { a->message_fd, POLLIN, 0 },
			[FD_GRACE] = { a->grace_fd, POLLIN, 0 },
		};

		if (poll(fds, FDS, -1) < 0 && errno != EINTR)
			break;
		if (fds[FD_MESSAGE].revents)
			on_message(a);
		if (fds[FD_GRACE].revents)
			on_grace(a);
		if (fds[FD_LINKS].revents) {
			links_drain(a->links_fd);
			if (!a->stopping)
				watch_update(&a->watch);
		}
		if (fds[FD_SIGNAL].revents)
			goes_on = on_signal(a);
	}
}

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static enum hook_option hook_option(const char *word)
{
	static const char *const words[] = { [HOOK_AUTO] = "auto",
					     [HOOK_XDP] = "xdp",
					     [HOOK_TC] = "tc",
					     [HOOK_TCX] = "tcx",
					     [HOOK_CLSACT] = "clsact" };
	size_t i = 0;

	while (i < ARRAY_LEN(words) - 1 && strcmp(words[i], word))
		i++;
	return i;
}

/* A kill takes tables along that are not pinned: then at least the loss is told. */
static void watch_for_crash(struct attacher *a)
{
	int err = crashlog_map(a->config->run_dir, &a->shipper.crash);

	if (err)
		log_warn("a crash of this agent will not be accounted for: %s", strerror(-err));
	if (getrandom(a->shipper.owner, sizeof(a->shipper.owner), 0) < 0)
		memcpy(a->shipper.owner, &a->shipper.crash, sizeof(a->shipper.crash));
	a->before.crash = a->shipper.crash;
	a->shipper.before = &a->before;
}

/* Flows do not depend on them. */
static void start_signals(struct attacher *a)
{
	const struct config *c = a->config;
	int err;

	if (!strcmp(c->hooks, "none"))
		return;
	err = signals_start(signals_family(c->hooks), c->signal_memory_bytes,
			    a->kernel->maps[MAP_CONTROLS], a->tables->state, &a->signals);
	if (err)
		log_warn("neither TCP nor drops are observed: %s", strerror(-err));
	a->shipper.signals = a->signals;
}

/* While we may: the shipper is nobody and finds it open. */
static void open_spool_folder(struct attacher *a)
{
	const struct config *c = a->config;
	int err;

	a->shipper.spool_fd = -1;
	if (!c->spool_disk_bytes && !c->sinks.len)
		return;
	err = disk_spool_folder(c->spool_dir, a->shipper.source.agent, a->shipper.uid,
				a->shipper.gid, &a->shipper.spool_fd);
	if (err)
		log_warn("no disk spool in '%s': %s: batches wait in memory", c->spool_dir,
			 strerror(-err));
}

static int prepare(struct attacher *a)
{
	const struct config *c = a->config;
	char path[256];
	int err = privilege_user(c->user, &a->shipper.uid, &a->shipper.gid);

	if (err) {
		log_error("there is no user '%s'", c->user);
		return err;
	}
	watch_for_crash(a);
	err = start_kernel(c, &a->before, &a->pins, &a->kernel);
	if (!err)
		err = tables_open(a->kernel->maps, NULL, &a->tables);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%.200s/agent.sock", c->run_dir);
	a->shipper.status_fd = status_listen(c->status_socket ? c->status_socket : path);
	if (a->shipper.status_fd < 0)
		log_warn("no status socket: %s", strerror(-a->shipper.status_fd));
	a->shipper.config = c;
	pins_map_path(&a->pins, MAP_LEDGERS, a->shipper.ledgers_pin);
	start_signals(a);
	identity_fill(c->agent_id, a->kernel->instance, &a->shipper.source);
	open_spool_folder(a);
	a->signal_fd = open_signals();
	a->links_fd = links_watch();
	a->watch = (struct watch){
		.config = c,
		.kernel = a->kernel,
		.pins = &a->pins,
		.tables = a->tables,
		.hook = hook_option(c->hook),
		.changed = tell_iface,
		.arg = a,
	};
	return a->signal_fd < 0 ? a->signal_fd : a->links_fd < 0 ? a->links_fd : 0;
}

static int begin(struct attacher *a)
{
	int watched, err = start_shipper(a);

	if (err)
		return err;
	cidr_clear(a->kernel->maps[MAP_CIDRS]);
	watched = watch_update(&a->watch);
	if (watched < 0)
		return watched;
	pins_keep_links(&a->pins, &a->watch.ifaces);
	if (!watched)
		log_warn("no interface to watch yet; waiting for one");
	return privilege_keep_bpf(a->watch.hook == HOOK_XDP || a->signals);
}

static void end(struct attacher *a)
{
	static const struct iface_list none;

	signals_free(a->signals);
	if (a->tables)
		tables_free(a->tables);
	kernel_free(a->kernel);
	if (!a->stopping)
		return;
	if (!a->exit_status)
		crashlog_remove(a->config->run_dir);
	if (a->exit_status == SHIPPER_LEFT && a->pins.dir[0]) {
		log_info("what is left waits, pinned, for the next start");
		pins_keep_links(&a->pins, &none); /* no hook stays */
		a->exit_status = 0;
		return;
	}
	if (a->exit_status == SHIPPER_LEFT)
		log_warn("the next start will name what is left as lost/agent_crash");
	pins_remove(a->config->pin_dir);
}

int attacher_run(const struct config *config, int argc, char **argv)
{
	struct attacher a = {
		.config = config, .argc = argc, .argv = argv, .message_fd = -1, .grace_fd = -1
	};
	AUTO_FD int lock = -1;
	int err = start_check(config, &lock);

	if (!err)
		err = prepare(&a);
	if (!err)
		err = begin(&a);
	if (err) {
		log_error("cannot start: %s", strerror(-err));
		a.exit_status = 1;
		if (a.shipper_pid > 0)
			stop(&a);
	}
	if (!err || a.shipper_pid > 0)
		loop(&a);
	end(&a);
	return err ? 1 : a.again ? ATTACHER_AGAIN : a.exit_status;
}

int attacher_detach(const struct config *config)
{
	struct links links = { 0 };
	AUTO_FD int lock = -1;
	int removed, err = start_check(config, &lock);

	if (!err)
		err = links_list(&links);
	if (err)
		return 1;
	removed = pins_remove(config->pin_dir);
	for (size_t i = 0; i < links.len; i++)
		if (attach_clean(links.at[i].ifindex))
			log_warn("%s: cannot remove our XDP program", links.at[i].name);
	links_free(&links);
	if (removed < 0) {
		log_error("%s: %s", config->pin_dir, strerror(-removed));
		return 1;
	}
	log_info("no hook, pin or table of wiretally is left on this host");
	return 0;
}
