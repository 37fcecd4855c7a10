// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Running queries in, interrupts out at their deadlines. */
#include "user/collector/store_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "user/collector/pipeline.h"
#include "user/lib/clock.h"

struct store_watch {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct watched_query *queries;
	bool has_stopped;
	pthread_t thread;
};

/* Stops what is due; returns when to look again. */
static int64_t stop_due(struct store_watch *w)
{
	int64_t now_ns = monotonic_ns(), next_ns = INT64_MAX;

	for (struct watched_query *q = w->queries; q; q = q->next) {
		if (q->was_stopped)
			continue;
		if (q->until_ns <= now_ns) {
			q->was_stopped = true;
			duckdb_interrupt(q->connection);
		} else if (q->until_ns < next_ns) {
			next_ns = q->until_ns;
		}
	}
	return next_ns;
}

static void *watch_main(void *arg)
{
	struct store_watch *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->has_stopped) {
		int64_t next_ns = stop_due(w);
		struct timespec until = { next_ns / 1000000000, next_ns % 1000000000 };

		if (next_ns == INT64_MAX)
			pthread_cond_wait(&w->changed, &w->lock);
		else
			pthread_cond_timedwait(&w->changed, &w->lock, &until);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int store_watch_start(struct store_watch **ret)
{
	struct store_watch *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;
	int err;

	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &attr);
	pthread_condattr_destroy(&attr);
	err = pthread_create(&w->thread, NULL, watch_main, w);
	if (err) {
		free(w);
		return -err;
	}
	pthread_setname_np(w->thread, "deadlines");
	*ret = w;
	return 0;
}

void store_watch_stop(struct store_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->has_stopped = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void store_watch_begin(struct store_watch *w, struct watched_query *q)
{
	pthread_mutex_lock(&w->lock);
	q->next = w->queries;
	w->queries = q;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void store_watch_end(struct store_watch *w, struct watched_query *q)
{
	pthread_mutex_lock(&w->lock);
	for (struct watched_query **at = &w->queries; *at; at = &(*at)->next) {
		if (*at == q) {
			*at = q->next;
			break;
		}
	}
	pthread_mutex_unlock(&w->lock);
}
