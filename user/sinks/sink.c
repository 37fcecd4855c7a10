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
#include "user/lib/log.h"
#include "user/sinks/flow_message.h"
#include "user/sinks/sink_socket.h"

static const struct sink_kind {
	const char *scheme;
	bool is_v9, is_tcp;
} sink_kinds[] = {
	{ "ipfix://", false, false },
	{ "ipfix+tcp://", false, true },
	{ "netflow9://", true, false },
};

/* Rows as they were given. */
struct chunk {
	struct chunk *next;
	int64_t given_ns;
	size_t len;
	struct flow rows[];
};

struct sink {
	const struct sink_kind *kind;
	char host[SINK_URL_MAX], port[8];
	uint64_t rate, domain, all;
	struct sink_socket socket; /* the thread's own, as the next two */
	struct flow_message message;
	uint64_t confirmed; /* rows of the first chunk that are delivered */
	int64_t next_ns; /* of a paced message */
	pthread_t thread;
	bool is_started;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct chunk *first, **tail;
	int64_t give_up_ns; /* 0: not stopping */
	struct sink_counts counts;
};

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int64_t wall_us(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000;
}

/* ---- the address ---------------------------------------------------------------------------- */

static int parse_number(const char *text, uint64_t *ret)
{
	char *end;

	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *ret > UINT32_MAX ? -EINVAL : 0;
}

static int parse_options(struct sink *s, char *text)
{
	char *at = NULL;

	for (char *word = strtok_r(text, "&", &at); word; word = strtok_r(NULL, "&", &at)) {
		char *value = strchr(word, '=');
		uint64_t *to = NULL;

		if (!value)
			return -EINVAL;
		*value++ = '\0';
		if (!strcmp(word, "rate"))
			to = &s->rate;
		else if (!strcmp(word, "domain"))
			to = &s->domain;
		else if (!strcmp(word, "all"))
			to = &s->all;
		if (!to || parse_number(value, to))
			return -EINVAL;
	}
	return s->rate ? 0 : -EINVAL;
}

/* "[2001:db8::1]:4739" or "collector:4739" */
static int parse_host(struct sink *s, char *text)
{
	char *colon = strrchr(text, ':');
	uint64_t port;
	size_t len;

	if (!colon || parse_number(colon + 1, &port) || !port || port > 65535)
		return -EINVAL;
	*colon = '\0';
	len = strlen(text);
	if (*text == '[' && len > 2 && text[len - 1] == ']') {
		text[len - 1] = '\0';
		text++;
	}
	if (!*text)
		return -EINVAL;
	snprintf(s->host, sizeof(s->host), "%s", text);
	snprintf(s->port, sizeof(s->port), "%u", (unsigned int)port);
	return 0;
}

static int parse(struct sink *s, const char *url, const char **why)
{
	AUTO_FREE char *rest = NULL;
	char *question;
	size_t i = 0;

	*why = "want ipfix://HOST:PORT, ipfix+tcp://HOST:PORT or netflow9://HOST:PORT";
	while (i < ARRAY_LEN(sink_kinds) &&
	       strncmp(url, sink_kinds[i].scheme, strlen(sink_kinds[i].scheme)) != 0)
		i++;
	if (i == ARRAY_LEN(sink_kinds) || strlen(url) >= SINK_URL_MAX)
		return -EINVAL;
	s->kind = &sink_kinds[i];
	rest = strdup(url + strlen(s->kind->scheme));
	if (!rest)
		return -ENOMEM;
	question = strchr(rest, '?');
	if (question)
		*question++ = '\0';
	if (parse_host(s, rest))
		return -EINVAL;
	*why = "behind ? may stand rate=N, domain=N and all=1, joined by &";
	return question ? parse_options(s, question) : 0;
}

/* ---- sending -------------------------------------------------------------------------------- */

static bool is_over(struct sink *s)
{
	bool over;

	pthread_mutex_lock(&s->lock);
	over = s->give_up_ns && clock_ns(CLOCK_MONOTONIC) >= s->give_up_ns;
	pthread_mutex_unlock(&s->lock);
	return over;
}

/* No faster than the rate: a commit's rows come all at once. */
static void pace(struct sink *s, uint32_t records)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct timespec until;

	if (s->kind->is_tcp)
		return;
	if (s->next_ns < now_ns)
		s->next_ns = now_ns;
	until = (struct timespec){ s->next_ns / 1000000000, s->next_ns % 1000000000 };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	s->next_ns += (int64_t)((uint64_t)records * 1000000000 / s->rate);
}

static int send_message(void *arg, const uint8_t *bytes, size_t len, uint32_t records)
{
	struct sink *s = arg;
	int err;

	pace(s, records);
	err = sink_socket_send(&s->socket, bytes, len);
	if (err)
		return err;
	s->confirmed += records;
	pthread_mutex_lock(&s->lock);
	s->counts.delivered += records;
	s->counts.waiting -= records;
	s->counts.messages++;
	s->counts.octets += len;
	pthread_mutex_unlock(&s->lock);
	return 0;
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

/* Connected, or false: time to give up. */
static bool connect_socket(struct sink *s)
{
	int backoff_ms = SINK_BACKOFF_MIN_MS, err;

	while (s->socket.fd < 0) {
		err = sink_socket_open(&s->socket, s->host, s->port, s->kind->is_tcp);
		note(s, err, "connect");
		if (!err) {
			flow_message_restart(&s->message);
			return true;
		}
		for (int i = 0; i < backoff_ms; i += 100) {
			if (is_over(s))
				return false;
			poll(NULL, 0, 100);
		}
		backoff_ms =
			backoff_ms * 2 < SINK_BACKOFF_MAX_MS ? backoff_ms * 2 : SINK_BACKOFF_MAX_MS;
	}
	return true;
}

/* All rows of the chunk, or false: time to give up. */
static bool deliver(struct sink *s, const struct chunk *c)
{
	s->confirmed = 0;
	while (s->confirmed < c->len) {
		size_t from = s->confirmed;
		int err;

		if (!connect_socket(s))
			return false;
		err = flow_message_add(&s->message, c->rows + from, c->len - from, wall_us());
		if (!err)
			err = flow_message_flush(&s->message, wall_us());
		if (!err)
			continue;
		note(s, err, "send");
		sink_socket_close(&s->socket);
		if (is_over(s))
			return false;
		poll(NULL, 0, SINK_BACKOFF_MIN_MS); /* a connection may come at once, and break */
	}
	return true;
}

/* The oldest; it stays in the queue until it is delivered. NULL: it is over. */
static struct chunk *wait_for_chunk(struct sink *s)
{
	struct chunk *c;

	pthread_mutex_lock(&s->lock);
	while (!s->first && !s->give_up_ns)
		pthread_cond_wait(&s->changed, &s->lock);
	c = s->first;
	pthread_mutex_unlock(&s->lock);
	return c;
}

static void remove_chunk(struct sink *s)
{
	struct chunk *c;

	pthread_mutex_lock(&s->lock);
	c = s->first;
	s->first = c->next;
	if (!s->first)
		s->tail = &s->first;
	pthread_mutex_unlock(&s->lock);
	free(c);
}

static void *sink_main(void *arg)
{
	struct sink *s = arg;
	struct chunk *c;

	while ((c = wait_for_chunk(s)) && deliver(s, c))
		remove_chunk(s);
	sink_socket_close(&s->socket);
	return NULL;
}

/* ---- outside -------------------------------------------------------------------------------- */

static void sink_free(struct sink *s)
{
	if (!s)
		return;
	while (s->first)
		remove_chunk(s);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
DEFINE_AUTO(sink_free, struct sink *);

int sink_new(const char *url, struct sink **ret, const char **why)
{
	AUTO(sink_free) struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->tail = &s->first;
	s->rate = SINK_RATE_DEFAULT;
	s->socket.fd = -1;
	err = parse(s, url, why);
	if (err)
		return err;
	snprintf(s->counts.url, sizeof(s->counts.url), "%s", url);
	flow_message_init(&s->message, s->kind->is_v9, (uint32_t)s->domain, wall_us(), send_message,
			  s);
	*ret = TAKE(s);
	return 0;
}

int sink_start(struct sink *s)
{
	int err = pthread_create(&s->thread, NULL, sink_main, s);

	if (err)
		return -err;
	pthread_setname_np(s->thread, "sink");
	s->is_started = true;
	return 0;
}

/* Frames without IP would be flows of 0.0.0.0 to who reads: nfdump counts them as IPv4. */
static bool is_wanted(const struct sink *s, const struct flow *f)
{
	if (!s->all && f->kind == FLOW_RECORD && f->ethertype != 0x0800 && f->ethertype != 0x86dd)
		return false;
	return s->all || (f->flags & (FLOW_COUNTED | FLOW_INNER)) == FLOW_COUNTED;
}

static size_t count_wanted(const struct sink *s, const struct flow *rows, size_t len)
{
	size_t wanted = 0;

	for (size_t i = 0; i < len; i++)
		wanted += is_wanted(s, &rows[i]);
	return wanted;
}

void sink_give(struct sink *s, const struct flow *rows, size_t len)
{
	size_t wanted = count_wanted(s, rows, len), at = 0;
	struct chunk *c = malloc(sizeof(*c) + wanted * sizeof(*rows));
	bool fits;

	for (size_t i = 0; c && i < len; i++)
		if (is_wanted(s, &rows[i]))
			c->rows[at++] = rows[i];
	pthread_mutex_lock(&s->lock);
	s->counts.given += wanted;
	fits = c && wanted && s->counts.waiting + wanted <= SINK_ROWS_MAX;
	if (fits) {
		c->next = NULL;
		c->len = wanted;
		c->given_ns = clock_ns(CLOCK_MONOTONIC);
		s->counts.waiting += wanted;
		*s->tail = c;
		s->tail = &c->next;
		pthread_cond_signal(&s->changed);
	} else {
		s->counts.lost_queue_full += wanted;
	}
	pthread_mutex_unlock(&s->lock);
	if (!fits)
		free(c);
}

void sink_counts(struct sink *s, struct sink_counts *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->counts;
	if (s->first)
		ret->lag_us = (clock_ns(CLOCK_MONOTONIC) - s->first->given_ns) / 1000;
	pthread_mutex_unlock(&s->lock);
}

void sink_stop(struct sink *s)
{
	struct sink_counts counts;

	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->give_up_ns = clock_ns(CLOCK_MONOTONIC) + SINK_STOP_MS * INT64_C(1000000);
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->is_started)
		pthread_join(s->thread, NULL);
	sink_counts(s, &counts);
	if (counts.waiting)
		log_error("sink %s: %llu rows could not be delivered and are lost", counts.url,
			  (unsigned long long)counts.waiting);
	sink_free(s);
}
