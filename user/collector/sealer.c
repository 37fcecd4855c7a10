// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A table or a list of files in; files, or the damaged ones of the list, out. */
#include "user/collector/sealer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/collector/store_files.h"
#include "user/lib/log.h"

#define SEALER_NICE 10 /* queries and commits first */

enum sealer_state { SEALER_IDLE, SEALER_SEAL, SEALER_SEALED, SEALER_CHECK, SEALER_CHECKED };

struct sealer {
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum sealer_state state;
	bool is_stopping;
	struct store_sealing job;
	int err;
	struct store_segments list; /* to check; then, damaged ones */
};

static enum sealer_state state_of(struct sealer *s)
{
	enum sealer_state state;

	pthread_mutex_lock(&s->lock);
	state = s->state;
	pthread_mutex_unlock(&s->lock);
	return state;
}

static void set_state(struct sealer *s, enum sealer_state state)
{
	pthread_mutex_lock(&s->lock);
	s->state = state;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static bool is_stopping(struct sealer *s)
{
	bool stopping;

	pthread_mutex_lock(&s->lock);
	stopping = s->is_stopping;
	pthread_mutex_unlock(&s->lock);
	return stopping;
}

/* Retention may remove one meanwhile: missing is for the start to say, not for here. */
static void check_files(struct sealer *s)
{
	size_t damaged = 0;

	for (size_t i = 0; i < s->list.len && !is_stopping(s); i++) {
		const struct store_segment *g = &s->list.at[i];

		if ((g->file[0] || store_segment_is_rows(g)) &&
		    store_file_check(s->store, g, true) == -EBADMSG)
			s->list.at[damaged++] = *g;
	}
	s->list.len = damaged;
}

static enum sealer_state wait_for_work(struct sealer *s)
{
	enum sealer_state state;

	pthread_mutex_lock(&s->lock);
	while (!s->is_stopping && s->state != SEALER_SEAL && s->state != SEALER_CHECK)
		pthread_cond_wait(&s->changed, &s->lock);
	state = s->is_stopping ? SEALER_IDLE : s->state;
	pthread_mutex_unlock(&s->lock);
	return state;
}

static void *sealer_main(void *arg)
{
	struct sealer *s = arg;
	enum sealer_state state;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), SEALER_NICE);
	while ((state = wait_for_work(s)) != SEALER_IDLE) {
		if (state == SEALER_SEAL)
			s->err = store_seal_write(s->store, &s->job);
		else
			check_files(s);
		set_state(s, state == SEALER_SEAL ? SEALER_SEALED : SEALER_CHECKED);
	}
	return NULL;
}

int sealer_start(struct store *store, struct sealer **ret)
{
	struct sealer *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->store = store;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	err = pthread_create(&s->thread, NULL, sealer_main, s);
	if (err) {
		free(s);
		return -err;
	}
	pthread_setname_np(s->thread, "sealer");
	*ret = s;
	return 0;
}

void sealer_stop(struct sealer *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_stopping = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	store_segments_done(&s->list);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool sealer_is_idle(struct sealer *s)
{
	return state_of(s) == SEALER_IDLE;
}

void sealer_give_table(struct sealer *s, const struct store_sealing *job)
{
	s->job = *job;
	set_state(s, SEALER_SEAL);
}

bool sealer_take_table(struct sealer *s, struct store_sealing *job, int *err)
{
	if (state_of(s) != SEALER_SEALED)
		return false;
	*job = s->job;
	*err = s->err;
	set_state(s, SEALER_IDLE);
	return true;
}

void sealer_give_check(struct sealer *s, struct store_segments *list)
{
	s->list = *list;
	*list = (struct store_segments){ 0 };
	set_state(s, SEALER_CHECK);
}

bool sealer_take_damaged(struct sealer *s, struct store_segment *ret)
{
	if (state_of(s) != SEALER_CHECKED)
		return false;
	if (s->list.len) {
		*ret = s->list.at[--s->list.len];
		return true;
	}
	store_segments_done(&s->list);
	set_state(s, SEALER_IDLE);
	return false;
}
