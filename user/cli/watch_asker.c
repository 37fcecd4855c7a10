// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A thread that asks the collector, so that keys are heard while it thinks. One question waits. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "user/cli/watch.h"

struct watch_asker {
	struct client_options options;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct client_query *question; /* NULL: none waits */
	bool is_under_way, is_stopping;
	json_t *root;
	struct client_error error;
	bool has_answer;
	int fd; /* counts answers */
	int stop_fd;
};

static void forget_question(struct client_query *q)
{
	if (q)
		client_query_done(q);
	free(q);
}

/* Asks without the lock. */
static void answer(struct watch_asker *a)
{
	struct client_options options = a->options;
	struct client_error error = { .position = -1 };
	struct client_query *q = TAKE(a->question);
	json_t *root = NULL;

	a->is_under_way = true;
	pthread_mutex_unlock(&a->lock);
	options.error = &error;
	options.stop_fd = a->stop_fd;
	client_get_json(&options, q, &root);
	forget_question(q);
	pthread_mutex_lock(&a->lock);
	a->is_under_way = false;
	json_decref(a->root);
	a->root = root;
	a->error = error;
	a->has_answer = true;
	eventfd_write(a->fd, 1);
}

static void *run(void *arg)
{
	struct watch_asker *a = arg;

	pthread_mutex_lock(&a->lock);
	while (!a->is_stopping) {
		if (a->question)
			answer(a);
		else
			pthread_cond_wait(&a->changed, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

int watch_asker_start(const struct client_options *options, struct watch_asker **ret)
{
	struct watch_asker *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->options = *options;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = a->fd < 0 || a->stop_fd < 0 ? -errno : -pthread_create(&a->thread, NULL, run, a);
	if (err) {
		close_fd(a->fd);
		close_fd(a->stop_fd);
		free(a);
		return err;
	}
	*ret = a;
	return 0;
}

void watch_asker_stop(struct watch_asker *a)
{
	if (!a)
		return;
	eventfd_write(a->stop_fd, 1);
	pthread_mutex_lock(&a->lock);
	a->is_stopping = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	forget_question(a->question);
	json_decref(a->root);
	close_fd(a->fd);
	close_fd(a->stop_fd);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

int watch_asker_fd(const struct watch_asker *a)
{
	return a->fd;
}

void watch_asker_ask(struct watch_asker *a, struct client_query *q)
{
	pthread_mutex_lock(&a->lock);
	forget_question(a->question);
	a->question = q;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

bool watch_asker_answer(struct watch_asker *a, json_t **root, struct client_error *error)
{
	eventfd_t unused;
	bool is_newest;

	eventfd_read(a->fd, &unused);
	pthread_mutex_lock(&a->lock);
	is_newest = a->has_answer && !a->question && !a->is_under_way;
	if (is_newest) {
		*root = a->root;
		*error = a->error;
		a->root = NULL;
		a->has_answer = false;
	}
	pthread_mutex_unlock(&a->lock);
	return is_newest;
}
