// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/live: server-sent events (the HTML standard's text/event-stream) that say how far the
 * store is: at once, when rows came (no more than once a second), and every 5 s in any case. Who
 * listens asks the other paths for what it shows. A stream has its connection's thread.
 */
#include <stdio.h>
#include <stdlib.h>

#include "user/collector/metrics.h"
#include "user/collector/server_internal.h"
#include "user/lib/clock.h"

#define EVENT_MAX 256
#define PAUSE_NS INT64_C(1000000000)
#define SILENCE_NS (5 * PAUSE_NS)
#define LOOK_NS (PAUSE_NS / 10) /* the store tells nobody */

struct live {
	struct server *server;
	struct connection *connection;
	int64_t said_ns; /* 0: nothing yet */
	uint64_t rows;
};

static bool is_due(const struct live *l)
{
	int64_t since_ns = monotonic_ns() - l->said_ns;

	return !l->said_ns || since_ns >= SILENCE_NS ||
	       (since_ns >= PAUSE_NS && metric_get(METRIC_ROWS_STORED) != l->rows);
}

/* Until there is something to say; false: the server stops. */
static bool wait_for_news(struct live *l)
{
	struct server *s = l->server;
	bool goes_on;

	pthread_mutex_lock(&s->lock);
	while (!s->is_stopping && !is_due(l)) {
		int64_t until_ns = monotonic_ns() + LOOK_NS;
		struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };

		pthread_cond_timedwait(&s->changed, &s->lock, &until);
	}
	goes_on = !s->is_stopping;
	l->connection->since_ns = monotonic_ns(); /* not stuck: somebody has read up to here */
	pthread_mutex_unlock(&s->lock);
	return goes_on;
}

static ssize_t live_read(void *cls, uint64_t position, char *to, size_t max)
{
	struct live *l = cls;
	int len;

	if (!wait_for_news(l))
		return MHD_CONTENT_READER_END_OF_STREAM;
	l->rows = metric_get(METRIC_ROWS_STORED);
	len = snprintf(to, max, "%sdata: {\"rows\":%llu,\"now_us\":%lld}\n\n",
		       l->said_ns ? "" : "retry: 1000\n", (unsigned long long)l->rows,
		       (long long)wall_us());
	l->said_ns = monotonic_ns();
	return len > 0 && (size_t)len < max ? len : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void live_free(void *cls)
{
	struct live *l = cls;

	pthread_mutex_lock(&l->server->lock);
	l->server->live--;
	pthread_mutex_unlock(&l->server->lock);
	free(l);
}

static bool take_place(struct server *s)
{
	bool is_free;

	pthread_mutex_lock(&s->lock);
	is_free = s->live < SERVER_LIVE_MAX && !s->is_stopping;
	s->live += is_free;
	pthread_mutex_unlock(&s->lock);
	return is_free;
}

struct MHD_Response *live_response(struct server *s, struct connection *c)
{
	struct live *l = malloc(sizeof(*l));
	struct MHD_Response *r;

	if (!l || !take_place(s)) {
		free(l);
		return NULL;
	}
	*l = (struct live){ .server = s, .connection = c };
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENT_MAX, live_read, l, live_free);
	if (!r)
		live_free(l);
	return r;
}
