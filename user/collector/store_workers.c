// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Running queries in, their tasks done. */
#include "user/collector/store_workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "user/lib/cleanup.h"

#define TASKS_AT_ONCE 16
#define IDLE_NS 50000 /* while a query runs that has no task for us at this moment */

struct store_workers {
	duckdb_task_state tasks;
	pthread_mutex_t lock; /* of the next three */
	pthread_cond_t changed;
	unsigned int queries;
	bool is_stopping;
	size_t len;
	pthread_t threads[];
};

/* False: it is to stop. */
static bool wait_for_query(struct store_workers *w)
{
	bool goes_on;

	pthread_mutex_lock(&w->lock);
	while (!w->queries && !w->is_stopping)
		pthread_cond_wait(&w->changed, &w->lock);
	goes_on = !w->is_stopping;
	pthread_mutex_unlock(&w->lock);
	return goes_on;
}

static void *worker_main(void *arg)
{
	static const struct timespec idle = { 0, IDLE_NS };
	struct store_workers *w = arg;

	while (wait_for_query(w))
		if (!duckdb_execute_n_tasks_state(w->tasks, TASKS_AT_ONCE))
			nanosleep(&idle, NULL);
	return NULL;
}

void store_workers_stop(struct store_workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->is_stopping = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	duckdb_finish_execution(w->tasks);
	for (size_t i = 0; i < w->len; i++)
		pthread_join(w->threads[i], NULL);
	duckdb_destroy_task_state(w->tasks);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int store_workers_start(duckdb_database db, unsigned int threads, struct store_workers **ret)
{
	struct store_workers *w = calloc(1, sizeof(*w) + threads * sizeof(*w->threads));
	int err = 0;

	if (!w)
		return -ENOMEM;
	w->tasks = duckdb_create_task_state(db);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	while (!err && w->len + 1 < threads) {
		err = -pthread_create(&w->threads[w->len], NULL, worker_main, w);
		if (err)
			break;
		pthread_setname_np(w->threads[w->len++], "query");
	}
	if (err)
		store_workers_stop(w);
	else
		*ret = w;
	return err;
}

void store_workers_begin(struct store_workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->queries++;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void store_workers_end(struct store_workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->queries--;
	pthread_mutex_unlock(&w->lock);
}
