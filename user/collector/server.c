// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Two listening sockets in, connections and readers kept within their limits. */
#include "user/collector/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"
#include "user/collector/server_internal.h"
#include "user/collector/tls.h"
#include "user/lib/log.h"
#include "user/lib/clock.h"

static struct connection *take_slot(struct server *s)
{
	for (size_t i = 0; i < ARRAY_LEN(s->connections); i++)
		if (!s->connections[i].is_used)
			return &s->connections[i];
	return NULL;
}

static void connection_started(struct listener *l, struct MHD_Connection *mhd, void **context)
{
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct server *s = l->server;
	struct connection *c;

	pthread_mutex_lock(&s->lock);
	c = fd ? take_slot(s) : NULL;
	if (c)
		*c = (struct connection){
			.server = s,
			.is_used = true,
			.is_unix = l->is_unix,
			.is_tls = l->is_tls,
			.is_allowed = l->is_unix && guard_peer_is_allowed(fd->connect_fd),
			.fd = fd->connect_fd,
			.since_ns = monotonic_ns(),
		};
	pthread_mutex_unlock(&s->lock);
	*context = c;
}

static void connection_notify(void *cls, struct MHD_Connection *mhd, void **context,
			      enum MHD_ConnectionNotificationCode code)
{
	struct listener *l = cls;
	struct connection *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_started(l, mhd, context);
		return;
	}
	if (!c)
		return;
	pthread_mutex_lock(&l->server->lock);
	c->is_used = false;
	pthread_mutex_unlock(&l->server->lock);
	*context = NULL;
}

/*
 * MHD's own timeout starts anew with every byte, so a client that sends one a second would keep
 * its thread for ever. The descriptor is still open here: MHD closes it after the notification
 * that frees the slot, which needs our lock.
 */
void server_tick(struct server *s)
{
	int64_t oldest_ns = monotonic_ns() - SERVER_REQUEST_S * INT64_C(1000000000);

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < ARRAY_LEN(s->connections); i++) {
		struct connection *c = &s->connections[i];

		if (!c->is_used || c->is_cut || c->since_ns > oldest_ns)
			continue;
		c->is_cut = true;
		shutdown(c->fd, SHUT_RDWR);
		metric_add(METRIC_HTTP_SLOW, 1);
	}
	pthread_mutex_unlock(&s->lock);
}

struct store_reader *server_take_reader(struct server *s)
{
	int64_t until_ns = monotonic_ns() + SERVER_READER_WAIT_S * INT64_C(1000000000);
	struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };
	struct store_reader *r = NULL;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->readers_len && !err)
		err = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	if (s->readers_len)
		r = s->readers[--s->readers_len];
	pthread_mutex_unlock(&s->lock);
	if (r && store_reader_begin(r)) {
		server_give_reader(s, r);
		return NULL;
	}
	return r;
}

void server_give_reader(struct server *s, struct store_reader *r)
{
	store_reader_end(r);
	pthread_mutex_lock(&s->lock);
	s->readers[s->readers_len++] = r;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void mhd_log(void *arg, const char *fmt, va_list ap)
{
	char message[256];

	vsnprintf(message, sizeof(message), fmt, ap);
	message[strcspn(message, "\n")] = '\0';
	log_debug("http: %s", message);
}

static int start_listener(struct listener *l, int *fd)
{
	const struct tls *tls = l->is_tls ? l->server->parts.tls : NULL;
	unsigned int flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION |
			     MHD_USE_ERROR_LOG | MHD_USE_ITC | (tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem tls_options[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, tls ? tls->cert : NULL },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, tls ? tls->key : NULL },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_PRIORITIES },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };

	l->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, request_handle, l, MHD_OPTION_EXTERNAL_LOGGER, mhd_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, *fd, MHD_OPTION_NOTIFY_CONNECTION, connection_notify, l,
		MHD_OPTION_NOTIFY_COMPLETED, request_done, l, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)(l->is_tls || l->is_unix ? SERVER_AGENTS_MAX
						       : SERVER_CONNECTIONS_MAX),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_CONNECTION_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)SERVER_IDLE_S, MHD_OPTION_ARRAY,
		tls ? tls_options : none, MHD_OPTION_END);
	if (!l->daemon)
		return -EIO;
	*fd = -1; /* MHD's now */
	return 0;
}

static int open_readers(struct server *s)
{
	while (s->readers_len < SERVER_READERS) {
		int err = store_reader_open(s->parts.store, &s->readers[s->readers_len]);

		if (err)
			return err;
		s->readers_len++;
	}
	return 0;
}

int server_start(const struct server_parts *parts, struct server **ret)
{
	AUTO_FD int tcp_fd = parts->tcp_fd;
	AUTO_FD int unix_fd = parts->unix_fd;
	AUTO_FD int tls_fd = parts->tls_fd;
	AUTO(server_stop) struct server *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;
	int err;

	if (!s)
		return -ENOMEM;
	s->parts = *parts;
	s->tcp = (struct listener){ .server = s };
	s->local = (struct listener){ .server = s, .is_unix = true };
	s->tls = (struct listener){ .server = s, .is_tls = true };
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	err = open_readers(s);
	if (!err)
		err = start_listener(&s->local, &unix_fd);
	if (!err)
		err = start_listener(&s->tcp, &tcp_fd);
	if (!err && tls_fd >= 0)
		err = start_listener(&s->tls, &tls_fd);
	if (err) {
		log_error("start HTTP server: %s", strerror(-err));
		return err;
	}
	*ret = TAKE(s);
	return 0;
}

static void quiesce(struct listener *l)
{
	if (l->daemon)
		close_fd(MHD_quiesce_daemon(l->daemon));
}

static void wait_for_requests(struct server *s)
{
	int64_t until_ns = monotonic_ns() + SERVER_STOP_S * INT64_C(1000000000);
	struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };
	int err = 0;

	pthread_mutex_lock(&s->lock);
	while (s->requests && !err)
		err = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	pthread_mutex_unlock(&s->lock);
}

void server_stop(struct server *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_stopping = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	quiesce(&s->tcp);
	quiesce(&s->local);
	quiesce(&s->tls);
	wait_for_requests(s);
	if (s->tcp.daemon)
		MHD_stop_daemon(s->tcp.daemon);
	if (s->local.daemon)
		MHD_stop_daemon(s->local.daemon);
	if (s->tls.daemon)
		MHD_stop_daemon(s->tls.daemon);
	while (s->readers_len)
		store_reader_close(s->readers[--s->readers_len]);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
