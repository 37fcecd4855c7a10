// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Spool entries in, HTTP POSTs out, one at a time and in order. */
#include "user/agent/ship.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "user/agent/config.h"
#include "user/lib/log.h"

#define ANSWER_MAX 512

struct answer {
	char text[ANSWER_MAX];
	size_t len;
	long retry_after_s;
};

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	size_t room = sizeof(a->text) - 1 - a->len, take = n < room ? n : room;

	memcpy(a->text + a->len, bytes, take);
	a->len += take;
	a->text[a->len] = '\0';
	return n;
}

static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;

	if (n > 12 && !strncasecmp(line, "retry-after:", 12))
		a->retry_after_s = strtol(line + 12, NULL, 10);
	return n;
}

static void note_error(struct ship *s, const char *what)
{
	if (strncmp(s->last_error, what, 150))
		log_warn("batches wait: %.200s", what);
	snprintf(s->last_error, sizeof(s->last_error), "%.150s", what);
}

/* How long until the next try, ms; 0: acknowledged; -1: refused for good. */
static long judge(struct ship *s, CURLcode code, long status, const struct answer *a, long backoff)
{
	char what[ANSWER_MAX + 64];

	if (code == CURLE_OK && status == 200) {
		if (s->last_error[0])
			log_info("the collector takes batches again");
		s->last_error[0] = '\0';
		return 0;
	}
	if (code != CURLE_OK)
		snprintf(what, sizeof(what), "%s: %s", s->socket_path[0] ? s->socket_path : s->url,
			 curl_easy_strerror(code));
	else
		snprintf(what, sizeof(what), "the collector says %ld: %s", status, a->text);
	note_error(s, what);
	if (code == CURLE_OK && (status == 400 || status == 409 || status == 413 || status == 415))
		return -1; /* it will never like this batch */
	return a->retry_after_s > 0 && a->retry_after_s < 60 ? a->retry_after_s * 1000 : backoff;
}

static long post(struct ship *s, CURL *curl, long backoff)
{
	const struct spool_entry *e = s->sending;
	struct answer a = { .len = 0 };
	long status = 0;
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, spool_body(e));
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)e->body_len);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return judge(s, code, status, &a, backoff);
}

/* Until woken, or ms passed (-1 = for ever). */
static void rest(struct ship *s, long ms)
{
	struct pollfd p = { .fd = s->wake_fd, .events = POLLIN };
	uint64_t woken;

	if (poll(&p, 1, ms) > 0 && read(s->wake_fd, &woken, sizeof(woken)) < 0)
		log_debug("spurious wake");
}

static bool is_stopping(const struct ship *s)
{
	return __atomic_load_n(&s->stop, __ATOMIC_ACQUIRE);
}

/* ---- to the disk --------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/*
 * All that waits in memory, oldest first. On the disk it survives us: for the crash record it is
 * settled. What does not go stays, and is dropped there when it must (spool.h).
 */
static void spill(struct ship *s)
{
	const struct spool_entry *e;
	int err = 0;

	while (!err && (e = spool_next(s->spool))) {
		err = disk_spool_append(s->disk, s->spool->state->instance, e);
		if (err)
			break;
		if (s->sending && e->sequence == s->sending->sequence)
			s->is_on_disk = true;
		if (s->crashlog)
			crashlog_settled(s->crashlog, e);
		spool_acknowledge(s->spool);
	}
	if (!err)
		err = disk_spool_sync(s->disk);
	if (err && err != s->disk_error)
		log_error("disk spool: %s: batches wait in memory", strerror(-err));
	s->disk_error = err;
}

/* The collector is away, or so slow that memory fills. */
static void spill_if_pressed(struct ship *s)
{
	uint64_t used = spool_used(s->spool);

	if (!s->disk || !used ||
	    __atomic_load_n(&s->spool->state->outbox_refused, __ATOMIC_ACQUIRE))
		return;
	if (used > s->spool->ring_bytes / 4 ||
	    (s->failing_ms && now_ms() - s->failing_ms >= SHIP_SPILL_AFTER_MS))
		spill(s);
}

/* curl asks about once a second while it waits: a slow answer must not let memory fill. */
static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
		       curl_off_t up)
{
	spill_if_pressed(arg);
	return is_stopping(
		arg); /* then it waits for the next start, on the disk or in the tables */
}

static CURL *open_curl(struct ship *s, struct curl_slist *headers)
{
	CURL *curl = curl_easy_init();

	if (!curl)
		return NULL;
	if (s->socket_path[0])
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, s->socket_path);
	if (s->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, s->ca);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_URL, s->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	return curl;
}

/* A copy of the oldest batch to s->sending: from the disk while it has some. */
static bool take_oldest(struct ship *s)
{
	const struct spool_entry *e = s->disk ? disk_spool_next(s->disk) : NULL;
	size_t bytes;

	free(TAKE(s->sending));
	s->is_on_disk = e != NULL;
	if (!e)
		e = spool_next(s->spool);
	if (!e)
		return false;
	bytes = (size_t)((const uint8_t *)spool_body(e) - (const uint8_t *)e) + e->body_len;
	s->sending = malloc(bytes);
	if (!s->sending)
		return false;
	memcpy(s->sending, e, bytes);
	return true;
}

static void backoff_rest(struct ship *s, long ms)
{
	struct pollfd none = { .fd = -1 };

	/* News of more batches must not cut a backoff short: sleep in steps, mind only stop. */
	for (; ms > 0 && !is_stopping(s); ms -= 100) {
		poll(&none, 1, ms < 100 ? ms : 100);
		spill_if_pressed(s);
	}
}

/* What the collector says of the batch being sent. */
static void settle(struct ship *s)
{
	if (s->is_on_disk) {
		disk_spool_next(s->disk);
		disk_spool_done(s->disk);
	} else {
		if (s->crashlog)
			crashlog_settled(s->crashlog, s->sending);
		spool_acknowledge(s->spool);
	}
	s->acknowledged++;
	__atomic_store_n(&s->failing_ms, 0, __ATOMIC_RELAXED);
}

/* In its place goes what names its loss: from the disk at once, from memory by the drain thread. */
static void refuse(struct ship *s)
{
	s->refused++;
	if (!s->is_on_disk) {
		spool_refuse(s->spool);
	} else if (disk_spool_refused(s->disk)) {
		log_error("a batch of the disk spool is refused, and so is what names its loss");
		disk_spool_done(s->disk);
	}
}

/* One try of the oldest batch. False: there is none. */
static bool ship_one(struct ship *s, CURL *curl, long *backoff)
{
	long wait_ms;

	if (!take_oldest(s))
		return false;
	wait_ms = s->is_alone ? 0 : post(s, curl, *backoff);
	if (wait_ms == 0) {
		settle(s);
		*backoff = SHIP_BACKOFF_MIN_MS;
	} else if (wait_ms < 0) {
		refuse(s);
	} else {
		s->retries++;
		if (!s->failing_ms)
			__atomic_store_n(&s->failing_ms, now_ms(), __ATOMIC_RELAXED);
		backoff_rest(s, wait_ms);
		*backoff = *backoff * 2 < SHIP_BACKOFF_MAX_MS ? *backoff * 2 : SHIP_BACKOFF_MAX_MS;
	}
	return true;
}

static void *ship_main(void *arg)
{
	struct ship *s = arg;
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/x-protobuf");
	CURL *curl;
	long backoff = SHIP_BACKOFF_MIN_MS;
	char bearer[192];

	headers = curl_slist_append(headers, "Content-Encoding: zstd");
	headers = curl_slist_append(headers, "Expect:");
	if (!s->socket_path[0]) {
		snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s", s->token);
		headers = curl_slist_append(headers, bearer);
		explicit_bzero(bearer, sizeof(bearer));
	}
	curl = open_curl(s, headers);
	while (curl && !is_stopping(s)) {
		spill_if_pressed(s);
		if (!ship_one(s, curl, &backoff))
			rest(s, -1);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return NULL;
}

static int set_address(struct ship *s, const char *collector)
{
	s->is_alone = !strcmp(collector, "none");
	if (s->is_alone)
		return 0;
	if (!strncmp(collector, "unix:", 5)) {
		if (strlen(collector + 5) >= sizeof(s->socket_path))
			return -ENAMETOOLONG;
		snprintf(s->socket_path, sizeof(s->socket_path), "%s", collector + 5);
		snprintf(s->url, sizeof(s->url), "http://collector/v1/batches");
		return 0;
	}
	if (strncmp(collector, "https://", 8) != 0)
		return -EINVAL;
	snprintf(s->url, sizeof(s->url), "%.480s/v1/batches", collector);
	return 0;
}

int ship_start(struct ship *s, struct spool *spool, struct disk_spool *disk, const struct config *c,
	       struct crashlog *crashlog)
{
	int err;

	*s = (struct ship){
		.spool = spool, .disk = disk, .crashlog = crashlog, .token = c->token, .ca = c->ca
	};
	err = set_address(s, c->collector);
	if (err)
		return err;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake_fd < 0)
		return -errno;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	return -pthread_create(&s->thread, NULL, ship_main, s);
}

void ship_wake(struct ship *s)
{
	uint64_t one = 1;

	if (write(s->wake_fd, &one, sizeof(one)) < 0)
		log_debug("ship: already awake");
}

bool ship_has_more(const struct ship *s)
{
	return s->disk && disk_spool_depth(s->disk).batches &&
	       !__atomic_load_n(&s->failing_ms, __ATOMIC_RELAXED);
}

void ship_stop(struct ship *s)
{
	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	spool_close(s->spool);
	ship_wake(s);
	pthread_join(s->thread, NULL);
	if (s->disk && !s->spool->state->outbox_refused)
		spill(s); /* what the collector did not take waits for the next start */
	free(TAKE(s->sending));
	disk_spool_close(TAKE(s->disk));
}
