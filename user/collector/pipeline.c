// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Batches in from server threads, to the log thread, and on to the committer; bounded. */
#include "user/collector/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "user/wire/batch.h"
#include "user/lib/clock.h"

struct waiter {
	pthread_cond_t done; /* of each its own: a group wakes whom it has, not a thousand others */
	bool is_done;
	int result;
};

struct list {
	struct item *head;
	struct item **tail;
};

struct pipeline {
	pthread_mutex_t lock;
	pthread_cond_t changed, room;
	struct list to_log;
	struct list to_commit;
	struct pipeline_depth depth;
	uint64_t memory_max, entered; /* kept for bodies that are being decoded */
	uint64_t durable; /* items ever */
	uint64_t committed; /* items ever */
	bool is_hurried;
	bool has_stopped_log;
	bool has_stopped_commit;
};

void item_free(struct item *item)
{
	if (!item)
		return;
	batch_free(item->batch);
	free(item->body);
	free(item);
}

void item_list_free(struct item *list)
{
	while (list) {
		struct item *next = list->next;

		item_free(list);
		list = next;
	}
}

static void list_add(struct list *l, struct item *first, struct item *last)
{
	last->next = NULL;
	*l->tail = first;
	l->tail = &last->next;
}

/* So many of them, or those that the last of so many rows is in; at least one. */
static struct item *list_take(struct list *l, size_t max, size_t max_rows)
{
	struct item *first = l->head, *last = first;
	size_t rows;

	if (!first)
		return NULL;
	rows = first->batch->flows_len;
	for (size_t n = 1; last->next && n < max && rows < max_rows; n++) {
		last = last->next;
		rows += last->batch->flows_len;
	}
	l->head = last->next;
	if (!l->head)
		l->tail = &l->head;
	last->next = NULL;
	return first;
}

int pipeline_new(uint64_t memory_max, struct pipeline **ret)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;

	if (!p)
		return -ENOMEM;
	p->memory_max = memory_max;
	p->to_log.tail = &p->to_log.head;
	p->to_commit.tail = &p->to_commit.head;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &attr);
	pthread_cond_init(&p->room, &attr);
	pthread_condattr_destroy(&attr);
	*ret = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	item_list_free(p->to_log.head);
	item_list_free(p->to_commit.head);
	pthread_cond_destroy(&p->changed);
	pthread_cond_destroy(&p->room);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static size_t item_memory(const struct item *item)
{
	return sizeof(*item) + item->body_len + batch_bytes(item->batch);
}

/* Adds an item to what is under way, or (sign -1) takes it out. */
static void depth_add(struct pipeline_depth *d, const struct item *item, int sign)
{
	d->items += (uint64_t)sign;
	d->memory_bytes += (uint64_t)(sign * (int64_t)item_memory(item));
	d->lag_bytes += (uint64_t)(sign * (int64_t)item->body_len);
}

/* Whatever is the only one gets in. */
static int admit(const struct pipeline *p, size_t body_len, size_t memory, uint64_t entered)
{
	const struct pipeline_depth *d = &p->depth;

	if (p->has_stopped_log)
		return -ESHUTDOWN;
	if (d->items >= PIPELINE_ITEMS_MAX || d->lag_bytes + body_len > PIPELINE_LAG_MAX ||
	    ((d->items || entered) && d->memory_bytes + entered + memory > p->memory_max))
		return -EAGAIN;
	return 0;
}

/* A large body must not have to wait until there is nothing else. */
static size_t likely_memory(const struct pipeline *p, size_t body_len)
{
	size_t memory = body_len * PIPELINE_EXPANSION;

	return memory < p->memory_max / 4 ? memory : p->memory_max / 4;
}

/* Who got in, or gave up, lets the next one look: nobody wakes a thousand. */
int pipeline_enter(struct pipeline *p, size_t body_len)
{
	int64_t until_ns = monotonic_ns() + PIPELINE_WAIT_MS * INT64_C(1000000);
	struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };
	size_t memory = likely_memory(p, body_len);
	int err, is_late = 0;

	pthread_mutex_lock(&p->lock);
	while ((err = admit(p, body_len, memory, p->entered)) == -EAGAIN && !is_late)
		is_late = pthread_cond_timedwait(&p->room, &p->lock, &until);
	if (!err)
		p->entered += memory;
	pthread_cond_signal(&p->room);
	pthread_mutex_unlock(&p->lock);
	return err;
}

void pipeline_leave(struct pipeline *p, size_t body_len)
{
	pthread_mutex_lock(&p->lock);
	p->entered -= likely_memory(p, body_len);
	pthread_cond_signal(&p->room);
	pthread_mutex_unlock(&p->lock);
}

int pipeline_submit(struct pipeline *p, struct item *item)
{
	struct waiter waiter = { .done = PTHREAD_COND_INITIALIZER };
	int err;

	pthread_mutex_lock(&p->lock);
	err = admit(p, item->body_len, item_memory(item), 0);
	if (err) {
		pthread_mutex_unlock(&p->lock);
		if (!item->is_kept)
			item_free(item);
		return err;
	}
	item->waiter = &waiter;
	depth_add(&p->depth, item, 1);
	list_add(&p->to_log, item, item);
	pthread_cond_broadcast(&p->changed);
	while (!waiter.is_done)
		pthread_cond_wait(&waiter.done, &p->lock);
	pthread_mutex_unlock(&p->lock);
	pthread_cond_destroy(&waiter.done);
	return waiter.result;
}

struct item *pipeline_take_to_log(struct pipeline *p)
{
	struct item *group;

	pthread_mutex_lock(&p->lock);
	while (!p->to_log.head && !p->has_stopped_log)
		pthread_cond_wait(&p->changed, &p->lock);
	group = list_take(&p->to_log, SEGLOG_GROUP_MAX, SIZE_MAX);
	pthread_mutex_unlock(&p->lock);
	return group;
}

/* With the lock held: its waiter goes on, and may do so with the item if it is kept. */
static void answer(struct item *i, int err)
{
	i->waiter->result = err;
	i->waiter->is_done = true;
	pthread_cond_signal(&i->waiter->done);
	i->waiter = NULL; /* its stack may be gone once the lock is free */
}

/* With the lock held. What is left of the group is nobody's any more. */
static struct item *fail_group(struct pipeline *p, struct item *group, int err)
{
	struct item *rest = NULL, *next;

	for (; group; group = next) {
		next = group->next;
		depth_add(&p->depth, group, -1);
		answer(group, err);
		group->next = group->is_kept ? NULL : rest;
		if (!group->is_kept)
			rest = group;
	}
	return rest;
}

void pipeline_logged(struct pipeline *p, struct item *group, int err)
{
	struct item *last = NULL;

	pthread_mutex_lock(&p->lock);
	if (err)
		group = fail_group(p, group, err);
	for (struct item *i = group; !err && i; i = i->next) {
		answer(i, 0);
		p->durable++;
		last = i;
	}
	if (last)
		list_add(&p->to_commit, group, last);
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	if (err)
		item_list_free(group);
}

struct item *pipeline_take_to_commit(struct pipeline *p, int64_t until_ns, size_t rows,
				     enum pipeline_wake *wake)
{
	struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };
	struct item *all;
	int err = 0;

	pthread_mutex_lock(&p->lock);
	while (!p->to_commit.head && !p->is_hurried && !p->has_stopped_commit && !err)
		err = pthread_cond_timedwait(&p->changed, &p->lock, &until);
	*wake = p->has_stopped_commit ? PIPELINE_STOP
		: p->is_hurried	      ? PIPELINE_HURRY
				      : PIPELINE_GO_ON;
	all = list_take(&p->to_commit, SIZE_MAX, *wake == PIPELINE_GO_ON ? rows : SIZE_MAX);
	p->is_hurried = false;
	pthread_mutex_unlock(&p->lock);
	return all;
}

bool pipeline_is_half_full(struct pipeline *p)
{
	bool is;

	pthread_mutex_lock(&p->lock);
	is = p->depth.memory_bytes > p->memory_max / 2;
	pthread_mutex_unlock(&p->lock);
	return is;
}

void pipeline_committed(struct pipeline *p, struct item *list)
{
	pthread_mutex_lock(&p->lock);
	for (const struct item *i = list; i; i = i->next) {
		depth_add(&p->depth, i, -1);
		p->committed++;
	}
	pthread_cond_broadcast(&p->changed);
	pthread_cond_signal(&p->room);
	pthread_mutex_unlock(&p->lock);
	item_list_free(list);
}

int pipeline_settle(struct pipeline *p, int timeout_ms)
{
	int64_t until_ns = monotonic_ns() + timeout_ms * INT64_C(1000000);
	struct timespec until = { until_ns / 1000000000, until_ns % 1000000000 };
	uint64_t want;
	int err = 0;

	pthread_mutex_lock(&p->lock);
	want = p->durable;
	if (p->committed < want) {
		p->is_hurried = true;
		pthread_cond_broadcast(&p->changed);
	}
	while (p->committed < want && !err)
		err = pthread_cond_timedwait(&p->changed, &p->lock, &until);
	err = p->committed < want ? -ETIME : 0;
	pthread_mutex_unlock(&p->lock);
	return err;
}

void pipeline_stop_log(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	p->has_stopped_log = true;
	pthread_cond_broadcast(&p->changed);
	pthread_cond_broadcast(&p->room);
	pthread_mutex_unlock(&p->lock);
}

void pipeline_stop_commit(struct pipeline *p)
{
	pthread_mutex_lock(&p->lock);
	p->has_stopped_commit = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

bool pipeline_is_stopping(struct pipeline *p)
{
	bool is_stopping;

	pthread_mutex_lock(&p->lock);
	is_stopping = p->has_stopped_commit;
	pthread_mutex_unlock(&p->lock);
	return is_stopping;
}

struct pipeline_depth pipeline_depth(struct pipeline *p)
{
	struct pipeline_depth d;

	pthread_mutex_lock(&p->lock);
	d = p->depth;
	pthread_mutex_unlock(&p->lock);
	return d;
}
