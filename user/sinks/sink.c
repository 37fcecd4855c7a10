// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, a queue, and a thread that encodes and sends them. */
#include "user/sinks/sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/sinks/sink_chunk.h"
#include "user/sinks/sink_kind.h"
#include "user/sinks/sink_kinds.h"
#include "user/sinks/sink_url.h"

/* A list of chunks that ends at *tail. */
struct chunk_list {
	struct sink_chunk *first, **tail;
};

struct sink {
	const struct sink_kind *kind;
	struct sink_url url;
	void *own; /* the kind's */
	struct sink_takes takes;
	int64_t tick_ns, next_tick_ns; /* 0: it does not */
	const struct sink_metrics *metrics;
	bool is_open; /* the thread's own, as the next */
	int failures; /* since something was delivered */
	uint64_t confirmed; /* rows of the first chunk that are delivered or rejected */
	pthread_t thread;
	bool is_started;
	struct chunk_list staged; /* the transaction's, as the next */
	uint64_t staged_rows, staged_fit; /* wanted; and in chunks: there is room for them */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct chunk_list queue;
	int64_t give_up_ns; /* 0: not stopping */
	struct sink_counts counts;
	struct sink_state *state; /* or NULL */
};

/* ---- the address ---------------------------------------------------------------------------- */

static const struct sink_kind *find_kind(const struct sink_kinds *kinds, const char *url)
{
	for (size_t i = 0; i < kinds->len; i++)
		if (!strncmp(url, kinds->at[i]->scheme, strlen(kinds->at[i]->scheme)))
			return kinds->at[i];
	return NULL;
}

static int parse_takes(struct sink *s)
{
	uint64_t all = 0, drops = 0;

	if (sink_url_number(&s->url, "all", 0, 1, &all) ||
	    (s->kind->has_drops && sink_url_number(&s->url, "drops", 0, 1, &drops)))
		return -EINVAL;
	s->takes = (struct sink_takes){ .flows = true,
					.all_flows = all,
					.ip_only = s->kind->is_ip_only,
					.connections = s->kind->takes_connections,
					.drops = drops };
	return 0;
}

static int parse(struct sink *s, const struct sink_kinds *kinds, const char *url, const char **why)
{
	int err;

	*why = kinds->forms;
	s->kind = find_kind(kinds, url);
	if (!s->kind || strlen(url) >= sizeof(s->counts.url) ||
	    sink_url_parse(url + strlen(s->kind->scheme), &s->url) || parse_takes(s))
		return -EINVAL;
	err = s->kind->make(s->kind, s, &s->url, &s->own, why);
	return !err && sink_url_unused(&s->url) ? -EINVAL : err;
}

/* ---- sending -------------------------------------------------------------------------------- */

bool sink_is_over(struct sink *s)
{
	bool over;

	pthread_mutex_lock(&s->lock);
	over = s->give_up_ns && monotonic_ns() >= s->give_up_ns;
	pthread_mutex_unlock(&s->lock);
	return over;
}

void sink_confirm(struct sink *s, uint64_t n, uint64_t octets)
{
	s->confirmed += n;
	pthread_mutex_lock(&s->lock);
	s->counts.delivered += n;
	s->counts.waiting -= n;
	sink_state_wait(s->state, s->counts.waiting);
	s->counts.messages++;
	s->counts.octets += octets;
	pthread_mutex_unlock(&s->lock);
}

void sink_reject(struct sink *s, uint64_t n)
{
	s->confirmed += n;
	pthread_mutex_lock(&s->lock);
	s->counts.lost_rejected += n;
	s->counts.waiting -= n;
	sink_state_wait(s->state, s->counts.waiting);
	pthread_mutex_unlock(&s->lock);
}

void sink_set_wants(struct sink *s, bool rows, int64_t tick_us)
{
	if (!rows)
		s->takes = (struct sink_takes){ 0 };
	s->tick_ns = tick_us * 1000;
}

void sink_set_takes_connections(struct sink *s, bool takes)
{
	s->takes.connections = takes;
}

bool sink_takes_drops(const struct sink *s)
{
	return s->takes.drops;
}

void sink_trouble(struct sink *s, const char *what)
{
	bool is_new;

	pthread_mutex_lock(&s->lock);
	is_new = !s->counts.error[0];
	snprintf(s->counts.error, sizeof(s->counts.error), "%s", what);
	s->counts.retries++;
	pthread_mutex_unlock(&s->lock);
	if (is_new)
		log_warn("sink %s: %s: rows wait", s->counts.url, what);
}

const char *sink_interface_name(const struct sink_rows *rows, uint32_t ifindex, uint32_t netns)
{
	for (size_t i = 0; i < rows->interfaces_len; i++)
		if (rows->interfaces[i].index == ifindex && rows->interfaces[i].netns == netns)
			return rows->interfaces[i].name;
	return NULL;
}

static void note(struct sink *s, int err, const char *what)
{
	bool is_new;

	pthread_mutex_lock(&s->lock);
	is_new = err ? !s->counts.error[0] : s->counts.error[0] != '\0';
	if (err)
		snprintf(s->counts.error, sizeof(s->counts.error), "%s: %s", what, strerror(-err));
	else
		s->counts.error[0] = '\0';
	s->counts.retries += err != 0;
	pthread_mutex_unlock(&s->lock);
	if (is_new && err)
		log_warn("sink %s: %s: %s: rows wait", s->counts.url, what, strerror(-err));
	else if (is_new)
		log_info("sink %s takes rows again", s->counts.url);
}

/* Twice as long each time that nothing was delivered; false: time to give up. */
static bool back_off(struct sink *s)
{
	int ms = SINK_BACKOFF_MIN_MS << (s->failures < 6 ? s->failures++ : 6);

	for (ms = ms < SINK_BACKOFF_MAX_MS ? ms : SINK_BACKOFF_MAX_MS; ms > 0; ms -= 100) {
		if (sink_is_over(s))
			return false;
		poll(NULL, 0, 100);
	}
	return true;
}

/* Open, or false: time to give up. */
static bool open_kind(struct sink *s)
{
	while (!s->is_open) {
		int err = s->kind->open(s->own);

		s->is_open = !err;
		if (!err)
			return true;
		note(s, err, "open");
		if (!back_off(s))
			return false;
	}
	return true;
}

static void close_kind(struct sink *s)
{
	if (s->is_open)
		s->kind->close(s->own);
	s->is_open = false;
}

/* All rows of the chunk, or false: time to give up. */
static bool deliver(struct sink *s, const struct sink_chunk *c)
{
	s->confirmed = 0;
	while (s->confirmed < sink_rows_len(&c->rows)) {
		uint64_t before;
		int err;

		if (!open_kind(s))
			return false;
		before = s->confirmed;
		err = s->kind->deliver(s->own, &c->rows, s->confirmed);
		note(s, err, "send");
		if (s->confirmed > before)
			s->failures = 0;
		if (!err)
			continue;
		close_kind(s);
		if (!back_off(s)) /* it may open at once, and break */
			return false;
	}
	return true;
}

static bool is_time_to_tick(const struct sink *s)
{
	return s->tick_ns && monotonic_ns() >= s->next_tick_ns;
}

static void tick(struct sink *s)
{
	s->next_tick_ns = monotonic_ns() + s->tick_ns;
	if (open_kind(s))
		note(s, s->kind->tick(s->own, s->metrics), s->kind->tick_does);
}

static void wait_for_change(struct sink *s)
{
	struct timespec until = { s->next_tick_ns / 1000000000, s->next_tick_ns % 1000000000 };

	if (s->tick_ns)
		pthread_cond_timedwait(&s->changed, &s->lock, &until);
	else
		pthread_cond_wait(&s->changed, &s->lock);
}

/* The oldest; it stays in the queue until it is delivered. NULL: it is over, or time to tick. */
static struct sink_chunk *wait_for_chunk(struct sink *s, bool *ret_is_over)
{
	struct sink_chunk *c;

	pthread_mutex_lock(&s->lock);
	while (!s->queue.first && !s->give_up_ns && !is_time_to_tick(s))
		wait_for_change(s);
	c = s->queue.first;
	*ret_is_over = !c && s->give_up_ns;
	pthread_mutex_unlock(&s->lock);
	return c;
}

static struct sink_chunk *take_first(struct chunk_list *list)
{
	struct sink_chunk *c = list->first;

	list->first = c->next;
	if (!list->first)
		list->tail = &list->first;
	return c;
}

static void remove_chunk(struct sink *s)
{
	struct sink_chunk *c;

	pthread_mutex_lock(&s->lock);
	c = take_first(&s->queue);
	pthread_mutex_unlock(&s->lock);
	free(c);
}

static void *sink_main(void *arg)
{
	struct sink *s = arg;
	bool is_over = false;

	while (!is_over) {
		struct sink_chunk *c = wait_for_chunk(s, &is_over);

		if (c && !deliver(s, c))
			break;
		if (c)
			remove_chunk(s);
		if (s->tick_ns && (is_over || is_time_to_tick(s))) /* the last ones at the end */
			tick(s);
	}
	close_kind(s);
	return NULL;
}

/* ---- outside -------------------------------------------------------------------------------- */

static void sink_free(struct sink *s)
{
	if (!s)
		return;
	sink_unstage(s);
	while (s->queue.first)
		remove_chunk(s);
	sink_state_close(s->state);
	if (s->own)
		s->kind->free(s->own);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
DEFINE_AUTO(sink_free, struct sink *);

static void init_cond(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

int sink_new(const struct sink_kinds *kinds, const char *url, struct sink **ret, const char **why)
{
	AUTO(sink_free) struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	init_cond(&s->changed);
	s->queue.tail = &s->queue.first;
	s->staged.tail = &s->staged.first;
	err = parse(s, kinds, url, why);
	if (err)
		return err;
	snprintf(s->counts.url, sizeof(s->counts.url), "%s", url);
	*ret = TAKE(s);
	return 0;
}

int sink_start(struct sink *s, const struct sink_metrics *metrics)
{
	int err;

	s->metrics = metrics;
	err = pthread_create(&s->thread, NULL, sink_main, s);

	if (err)
		return -err;
	pthread_setname_np(s->thread, "sink");
	s->is_started = true;
	return 0;
}

/* ---- a transaction -------------------------------------------------------------------------- */

/* Whether so many more than are staged would fit: what waits can only get less meanwhile. */
static bool has_room(struct sink *s, uint64_t rows)
{
	bool fits;

	pthread_mutex_lock(&s->lock);
	fits = s->counts.waiting + s->staged_fit + rows <= SINK_ROWS_MAX;
	pthread_mutex_unlock(&s->lock);
	return fits;
}

uint64_t sink_stage(struct sink *s, const struct batch *b, const struct sink_names *names)
{
	struct sink_share share = sink_share_of(&s->takes, b);
	uint64_t wanted = sink_share_rows(&share);
	struct sink_chunk *c = NULL;

	if (wanted && has_room(s, wanted))
		c = sink_chunk_make(&s->takes, b, names, &share);
	s->staged_rows += wanted;
	if (!c)
		return wanted;
	s->staged_fit += wanted;
	c->next = NULL;
	*s->staged.tail = c;
	s->staged.tail = &c->next;
	return wanted;
}

void sink_announce(struct sink *s, const struct sink_place *end)
{
	pthread_mutex_lock(&s->lock);
	sink_state_announce(s->state, s->staged_rows, end);
	pthread_mutex_unlock(&s->lock);
}

void sink_unstage(struct sink *s)
{
	while (s->staged.first)
		free(take_first(&s->staged));
	s->staged_rows = s->staged_fit = 0;
}

void sink_give(struct sink *s)
{
	for (struct sink_chunk *c = s->staged.first; c; c = c->next)
		c->given_ns = monotonic_ns();
	pthread_mutex_lock(&s->lock);
	s->counts.given += s->staged_rows;
	s->counts.waiting += s->staged_fit;
	s->counts.lost_queue_full += s->staged_rows - s->staged_fit;
	if (s->staged.first) {
		*s->queue.tail = s->staged.first;
		s->queue.tail = s->staged.tail;
		pthread_cond_signal(&s->changed);
	}
	sink_state_give(s->state, s->staged_rows, s->counts.waiting);
	pthread_mutex_unlock(&s->lock);
	s->staged = (struct chunk_list){ NULL, &s->staged.first };
	s->staged_rows = s->staged_fit = 0;
}

/* ---- what becomes of it --------------------------------------------------------------------- */

void sink_remember(struct sink *s, const char *dir, const struct sink_place *stored)
{
	uint64_t left = 0;
	int err = sink_state_open(dir, s->counts.url, stored, &s->state, &left);

	if (err)
		log_warn("sink %s: what waits will not be known after a crash: %s", s->counts.url,
			 strerror(-err));
	if (left)
		log_warn("sink %s: %llu rows of the run before were not sent (lost/not_sent)",
			 s->counts.url, (unsigned long long)left);
	s->counts.given = s->counts.lost_not_sent = left;
}

void sink_counts(struct sink *s, struct sink_counts *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->counts;
	if (s->queue.first)
		ret->lag_us = (monotonic_ns() - s->queue.first->given_ns) / 1000;
	pthread_mutex_unlock(&s->lock);
}

void sink_hurry(struct sink *s)
{
	pthread_mutex_lock(&s->lock);
	if (!s->give_up_ns)
		s->give_up_ns = monotonic_ns() + SINK_STOP_MS * INT64_C(1000000);
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static uint64_t end(struct sink *s, bool is_removed)
{
	struct sink_counts counts;

	sink_hurry(s);
	if (s->is_started)
		pthread_join(s->thread, NULL);
	sink_counts(s, &counts);
	if (counts.waiting)
		log_error("sink %s: %llu rows could not be delivered and are lost", counts.url,
			  (unsigned long long)counts.waiting);
	if (is_removed)
		sink_state_wait(s->state, 0);
	sink_free(s);
	return counts.waiting;
}

void sink_stop(struct sink *s)
{
	if (s)
		end(s, false);
}

uint64_t sink_remove(struct sink *s)
{
	return end(s, true);
}
