// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* wiretally-collector: opens, drops privileges, replays, serves until a signal, stops in order. */
#include <errno.h>
#include <malloc.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/collector/committer.h"
#include "user/collector/housekeeper.h"
#include "user/collector/ingest.h"
#include "user/collector/inlet.h"
#include "user/collector/judge.h"
#include "user/collector/key_sums.h"
#include "user/lib/listen.h"
#include "user/collector/logwriter.h"
#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"
#include "user/collector/privileges.h"
#include "user/collector/seglog.h"
#include "user/collector/server.h"
#include "user/collector/settings.h"
#include "user/collector/store.h"
#include "user/collector/store_write.h"
#include "user/collector/tls.h"
#include "user/collector/tokens.h"
#include "user/lib/log.h"
#include "user/lib/clock.h"
#include "user/sinks/metrics_semantic.h"
#include "user/sinks/sinks.h"

#define ARENAS 4
/* Of each, free and not given back: else pages would be cleared for the rows of every batch. */
#define HEAP_KEPT (8 << 20)
#define TICK_MS 1000

struct collector {
	struct settings settings;
	struct listen_address address;
	struct identity identity;
	int tcp_fd;
	int unix_fd;
	struct listen_address tls_address;
	int tls_fd;
	struct tls tls;
	struct tokens *tokens;
	int lock_fd; /* of the data folder: one collector at a time */
	int signal_fd;
	int argc;
	char **argv;
	struct store *store;
	struct seglog *log;
	struct pipeline *pipeline;
	struct committer *committer;
	struct ingest *ingest;
	struct inlet *inlet; /* NULL: no exporters */
	struct server *server;
	struct logwriter writer;
};

/* mkdir -p, the last folder ours alone. */
static int make_data_folder(const char *path, const struct identity *id)
{
	AUTO_FREE char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *c = copy + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(copy, 0755) && errno != EEXIST)
			return -errno;
		*c = '/';
	}
	if (mkdir(path, 0750) && errno != EEXIST)
		return -errno;
	return id->is_change && chown(path, id->uid, id->gid) ? -errno : 0;
}

static int open_tls(struct collector *c)
{
	const struct settings *s = &c->settings;
	int err;

	if (listen_parse(s->tls_listen, &c->tls_address)) {
		log_error("--tls-listen '%s' is not ADDR:PORT", s->tls_listen);
		return -EINVAL;
	}
	err = tls_read(s->tls_cert, s->tls_key, &c->tls);
	if (!err)
		err = tokens_open(s->tokens, &c->tokens);
	return err ? err : listen_tcp(&c->tls_address, &c->tls_fd);
}

/* Everything that may need root. */
static int open_outside(struct collector *c)
{
	struct settings *s = &c->settings;
	uid_t uid = c->identity.is_change ? c->identity.uid : (uid_t)-1;
	gid_t gid = c->identity.is_change ? c->identity.gid : (gid_t)-1;
	int err = make_data_folder(s->data, &c->identity);

	if (err) {
		log_error("make data folder '%s': %s", s->data, strerror(-err));
		return err;
	}
	err = listen_tcp(&c->address, &c->tcp_fd);
	if (!err)
		err = inlet_sockets_open(&s->inlet, s->receive_bytes);
	if (!err && s->tls_listen)
		err = open_tls(c);
	return err ? err : listen_unix(s->socket, uid, gid, &c->unix_fd);
}

static int check_listen(struct collector *c)
{
	const struct settings *s = &c->settings;

	if (listen_parse(s->listen, &c->address)) {
		log_error("--listen '%s' is not ADDR:PORT", s->listen);
		return -EINVAL;
	}
	if (c->address.is_loopback)
		return 0;
	if (!s->insecure_listen) {
		log_error(
			"--listen %s: beyond loopback everyone could read the flows: --tls-listen is for that; --insecure-listen takes the risk",
			s->listen);
		return -EACCES;
	}
	log_warn(
		"listens beyond loopback without TLS and tokens: everyone who reaches %s can read the flows",
		s->listen);
	return 0;
}

static int lock_folder(struct collector *c)
{
	AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/lock", c->settings.data) < 0)
		return -ENOMEM;
	c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (c->lock_fd < 0) {
		log_error("open '%s' as uid %d: %s", path, (int)geteuid(), strerror(errno));
		return -errno;
	}
	if (flock(c->lock_fd, LOCK_EX | LOCK_NB)) {
		log_error("data folder '%s' is in use by another collector", c->settings.data);
		return -EBUSY;
	}
	return 0;
}

static int open_signals(struct collector *c)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return c->signal_fd < 0 ? -errno : 0;
}

static struct housekeeper_limits limits_of(const struct settings *s)
{
	struct housekeeper_limits limits = { .max_disk_bytes = s->max_disk_bytes };

	memcpy(limits.keep_us, s->keep_us, sizeof(limits.keep_us));
	return limits;
}

static int open_store(struct collector *c)
{
	const struct settings *s = &c->settings;
	/* the rest: what stands still, 100 KiB a connection, holes in the heap */
	struct store_limits store_limits = { s->memory_bytes / 16 * 6, (unsigned int)s->threads };
	struct housekeeper_limits limits = limits_of(s);
	struct log_position from = { 0 };
	struct sink_place place;
	int err = store_open_limited(s->data, &store_limits, &c->store);

	if (!err)
		err = store_position(c->store, &from);
	place = (struct sink_place){ from.segment, from.offset };
	if (!err)
		sinks_remember(s->data, &place);
	if (!err)
		err = pipeline_new(s->memory_bytes / 32 * 3, &c->pipeline);
	key_sums_set_limit(s->memory_bytes / 4);
	if (!err)
		err = committer_new(c->store, c->pipeline, &limits, &c->committer);
	if (!err)
		err = seglog_open(s->data, from, SEGLOG_SEGMENT_BYTES, committer_replay,
				  c->committer, &c->log);
	if (!err)
		err = committer_replay_finish(c->committer);
	if (!err)
		err = ingest_new(c->pipeline, c->committer, committer_registry(c->committer),
				 &c->ingest);
	return err;
}

static int start_threads(struct collector *c)
{
	struct server_parts parts = {
		c->store,	    c->ingest,		 c->pipeline,	     c->log,  &c->address,
		TAKE_FD(c->tcp_fd), TAKE_FD(c->unix_fd), TAKE_FD(c->tls_fd), &c->tls, c->tokens
	};
	int err;

	err = sinks_start(metrics_semantic(wall_us()));
	if (err)
		return err;
	c->writer = (struct logwriter){ c->pipeline, c->log, 0 };
	err = logwriter_start(&c->writer);
	if (err)
		return err;
	err = committer_start(c->committer, c->log);
	if (err)
		return err;
	if (c->settings.inlet.len)
		err = inlet_start(c->pipeline, c->committer, &c->settings.inlet, &c->inlet);
	if (!err)
		err = judge_start(c->store);
	return err ? err : server_start(&parts, &c->server);
}

static void say_ready(const struct collector *c)
{
	char text[LISTEN_TEXT_MAX];

	metric_set(METRIC_STARTED_US, (uint64_t)wall_us());
	log_info("listening on http://%s and %s, data in %s", listen_format(&c->address, text),
		 c->settings.socket, c->settings.data);
	if (c->settings.tls_listen)
		log_info("agents of other hosts are taken at https://%s",
			 listen_format(&c->tls_address, text));
	for (size_t i = 0; i < c->settings.inlet.len; i++)
		log_info("flow exporters are heard at udp %s",
			 listen_format(&c->settings.inlet.addresses[i], text));
	if (!c->settings.ready_fd)
		return;
	if (write((int)c->settings.ready_fd, "1\n", 2) != 2)
		log_warn("--ready-fd %d: %s", (int)c->settings.ready_fd, strerror(errno));
	close((int)c->settings.ready_fd);
}

static void reload(struct collector *c)
{
	struct housekeeper_limits limits;

	if (c->tokens)
		tokens_reload(c->tokens);
	if (!c->settings.config)
		return;
	if (settings_reload(c->argc, c->argv, &c->settings)) {
		log_error("'%s' is not taken: all stays as it was", c->settings.config);
		return;
	}
	limits = limits_of(&c->settings);
	committer_set_limits(c->committer, &limits);
	log_info("'%s' was read again", c->settings.config);
}

static void serve(struct collector *c)
{
	struct pollfd p = { c->signal_fd, POLLIN, 0 };
	struct signalfd_siginfo info;

	for (;;) {
		if (poll(&p, 1, TICK_MS) <= 0) {
			server_tick(c->server);
			continue;
		}
		if (read(c->signal_fd, &info, sizeof(info)) != sizeof(info) ||
		    info.ssi_signo != SIGHUP)
			return;
		reload(c);
	}
}

/* In the order of a batch's way, so that what was acknowledged is also stored. */
static void stop(struct collector *c)
{
	log_info("stopping");
	server_stop(TAKE(c->server));
	judge_stop();
	inlet_stop(TAKE(c->inlet));
	pipeline_stop_log(c->pipeline);
	logwriter_join(&c->writer);
	pipeline_stop_commit(c->pipeline);
	committer_join(c->committer);
	sinks_stop();
	unlink(c->settings.socket);
}

static void collector_close(struct collector *c)
{
	ingest_free(c->ingest);
	committer_free(c->committer);
	pipeline_free(c->pipeline);
	seglog_close(c->log);
	store_close(c->store);
	inlet_sockets_close(&c->settings.inlet);
	close_fd(c->tcp_fd);
	close_fd(c->unix_fd);
	close_fd(c->tls_fd);
	tokens_close(c->tokens);
	tls_done(&c->tls);
	close_fd(c->signal_fd);
	close_fd(c->lock_fd);
}

static int run(struct collector *c)
{
	int err = check_listen(c);

	if (!err)
		err = privileges_find(c->settings.user, &c->identity);
	if (!err)
		err = open_outside(c);
	if (!err)
		err = privileges_drop(&c->identity);
	umask(0027); /* libraries make files, too, and flows are nobody else's */
	if (!err)
		err = lock_folder(c);
	if (!err)
		err = open_signals(c);
	if (!err)
		err = open_store(c);
	if (err)
		return err;
	err = start_threads(c);
	if (err)
		_exit(1); /* half of the threads run: nothing was acknowledged yet */
	say_ready(c);
	serve(c);
	stop(c);
	return 0;
}

int main(int argc, char **argv)
{
	struct collector c = {
		.tcp_fd = -1,
		.unix_fd = -1,
		.tls_fd = -1,
		.lock_fd = -1,
		.signal_fd = -1,
		.argc = argc,
		.argv = argv,
	};
	int err;

	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	mallopt(M_MMAP_THRESHOLD, HEAP_KEPT / 2);
	mallopt(M_ARENA_MAX, ARENAS); /* a thread a connection: else each core has eight heaps */
	if (settings_parse(argc, argv, &c.settings))
		return 2;
	if (c.settings.help || c.settings.version) {
		if (c.settings.help)
			settings_help(stdout);
		else
			puts("wiretally-collector " WT_VERSION);
		return 0;
	}
	log_init("wiretally-collector", LOG_INFO, c.settings.log_json);
	if (c.settings.check) {
		if (check_listen(&c))
			return 2;
		puts("wiretally-collector: all options are right");
		return 0;
	}
	err = run(&c);
	collector_close(&c);
	return err ? 1 : 0;
}
