// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Batches in, items of the pipeline out. */
#include "user/collector/inlet_ship.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "user/collector/committer.h"
#include "user/collector/inlet.h"
#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"
#include "user/lib/log.h"
#include "user/wire/batch.h"
#include "user/lib/clock.h"

struct inlet_ship {
	struct pipeline *pipeline;
	const struct committer *committer;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct item *queue; /* oldest first */
	struct item **tail;
	size_t len;
	int64_t give_up_ns; /* 0: never */
	bool is_last; /* nothing more comes */
	bool is_behind; /* said so */
	pthread_t thread;
};

static bool is_over(struct inlet_ship *s)
{
	bool over;

	pthread_mutex_lock(&s->lock);
	over = s->give_up_ns && monotonic_ns() >= s->give_up_ns;
	pthread_mutex_unlock(&s->lock);
	return over;
}

static void lose(const struct item *item, int err)
{
	metric_add(METRIC_EXPORTER_LOST, item->batch->flows_len);
	log_error("flow exporters: %zu records of %s could not be stored and are lost: %s",
		  item->batch->flows_len, item->batch->head.host, strerror(-err));
}

static void say(struct inlet_ship *s, int err)
{
	if (err && !s->is_behind)
		log_warn("flow exporters: batches wait: %s",
			 err == -EAGAIN ? "the store is behind" : strerror(-err));
	else if (!err && s->is_behind)
		log_info("flow exporters: batches are stored again");
	s->is_behind = err != 0;
}

static void ship(struct inlet_ship *s, struct item *item)
{
	int err = batch_encode(item->batch, (uint8_t **)&item->body, &item->body_len);

	if (err) {
		lose(item, err); /* a limit of the format: reading had to see to it */
		item_free(item);
		return;
	}
	item->is_kept = true;
	for (;;) {
		err = committer_is_full(s->committer) ? -ENOSPC
						      : pipeline_submit(s->pipeline, item);
		say(s, err);
		if (!err)
			return;
		if (is_over(s))
			break;
		poll(NULL, 0, INLET_RETRY_MS);
	}
	lose(item, err);
	item_free(item);
}

/* The oldest, which stays counted until it is shipped; NULL: it is over. */
static struct item *take(struct inlet_ship *s)
{
	struct item *item;

	pthread_mutex_lock(&s->lock);
	while (!s->queue && !s->is_last)
		pthread_cond_wait(&s->changed, &s->lock);
	item = s->queue;
	if (item) {
		s->queue = item->next;
		if (!s->queue)
			s->tail = &s->queue;
		item->next = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	return item;
}

static void *ship_main(void *arg)
{
	struct inlet_ship *s = arg;
	struct item *item;

	while ((item = take(s))) {
		ship(s, item);
		pthread_mutex_lock(&s->lock);
		s->len--;
		metric_set(METRIC_EXPORTER_QUEUE, s->len);
		pthread_cond_broadcast(&s->changed);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

void inlet_ship_give(struct inlet_ship *s, struct batch *batch, int64_t arrived_us)
{
	struct item *item = calloc(1, sizeof(*item));

	if (!item) {
		metric_add(METRIC_EXPORTER_LOST, batch->flows_len);
		log_error("flow exporters: no memory: %zu records are lost", batch->flows_len);
		batch_free(batch);
		return;
	}
	item->batch = batch;
	item->arrived_us = arrived_us;
	pthread_mutex_lock(&s->lock);
	while (s->len >= INLET_QUEUE_MAX)
		pthread_cond_wait(&s->changed, &s->lock);
	*s->tail = item;
	s->tail = &item->next;
	s->len++;
	metric_set(METRIC_EXPORTER_QUEUE, s->len);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

int inlet_ship_start(struct pipeline *p, const struct committer *c, struct inlet_ship **ret)
{
	struct inlet_ship *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->pipeline = p;
	s->committer = c;
	s->tail = &s->queue;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	err = pthread_create(&s->thread, NULL, ship_main, s);
	if (err) {
		free(s);
		return -err;
	}
	pthread_setname_np(s->thread, "exporters-ship");
	*ret = s;
	return 0;
}

void inlet_ship_hurry(struct inlet_ship *s)
{
	pthread_mutex_lock(&s->lock);
	if (!s->give_up_ns)
		s->give_up_ns = monotonic_ns() + INLET_STOP_MS * INT64_C(1000000);
	pthread_mutex_unlock(&s->lock);
}

void inlet_ship_stop(struct inlet_ship *s)
{
	if (!s)
		return;
	inlet_ship_hurry(s);
	pthread_mutex_lock(&s->lock);
	s->is_last = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
