// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Spool entries in, HTTP POSTs out, one at a time and in order. */
#include "user/agent/ship.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <curl/curl.h>

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

static CURL *open_curl(const struct ship *s, struct curl_slist *headers)
{
	CURL *curl = curl_easy_init();

	if (!curl)
		return NULL;
	if (s->socket_path[0])
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, s->socket_path);
	curl_easy_setopt(curl, CURLOPT_URL, s->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	return curl;
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

static long post(struct ship *s, CURL *curl, const struct spool_entry *e, long backoff)
{
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

static void backoff_rest(struct ship *s, long ms)
{
	struct pollfd none = { .fd = -1 };

	/* News of more batches must not cut a backoff short: sleep in steps, mind only stop. */
	for (; ms > 0 && !is_stopping(s); ms -= 100)
		poll(&none, 1, ms < 100 ? ms : 100);
}

static void *ship_main(void *arg)
{
	struct ship *s = arg;
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/x-protobuf");
	CURL *curl;
	long backoff = SHIP_BACKOFF_MIN_MS;

	headers = curl_slist_append(headers, "Content-Encoding: zstd");
	headers = curl_slist_append(headers, "Expect:");
	curl = open_curl(s, headers);
	while (curl && !is_stopping(s)) {
		const struct spool_entry *e = spool_next(s->spool);
		long wait_ms;

		if (!e) {
			rest(s, -1);
			continue;
		}
		wait_ms = post(s, curl, e, backoff);
		if (wait_ms == 0) {
			if (s->crashlog)
				crashlog_settled(s->crashlog, e);
			spool_acknowledge(s->spool);
			s->acknowledged++;
			backoff = SHIP_BACKOFF_MIN_MS;
		} else if (wait_ms < 0) {
			s->refused++;
			spool_refuse(s->spool);
		} else {
			s->retries++;
			backoff_rest(s, wait_ms);
			backoff = backoff * 2 < SHIP_BACKOFF_MAX_MS ? backoff * 2
								    : SHIP_BACKOFF_MAX_MS;
		}
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return NULL;
}

static int set_address(struct ship *s, const char *collector)
{
	if (!strncmp(collector, "unix:", 5)) {
		if (strlen(collector + 5) >= sizeof(s->socket_path))
			return -ENAMETOOLONG;
		snprintf(s->socket_path, sizeof(s->socket_path), "%s", collector + 5);
		snprintf(s->url, sizeof(s->url), "http://collector/v1/batches");
		return 0;
	}
	if (strncmp(collector, "http://", 7) && strncmp(collector, "https://", 8))
		return -EINVAL;
	snprintf(s->url, sizeof(s->url), "%.480s/v1/batches", collector);
	return 0;
}

int ship_start(struct ship *s, struct spool *spool, const char *collector,
	       struct crashlog *crashlog)
{
	int err;

	*s = (struct ship){ .spool = spool, .crashlog = crashlog };
	err = set_address(s, collector);
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

void ship_stop(struct ship *s)
{
	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	spool_close(s->spool);
	ship_wake(s);
	pthread_join(s->thread, NULL);
}
