// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Rows in, log records by OTLP/HTTP out; and every `interval` the metrics. A row is delivered when
 * the receiver has answered 200 and did not count it as rejected. 429, 502, 503 and 504 are tried
 * again, as are errors of the network; any other answer is for good, as the specification has it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/lib/timespec.h"
#include "user/sinks/http_post.h"
#include "user/sinks/otlp.h"
#include "user/sinks/sink.h"
#include "user/sinks/sink_kind.h"

#define INTERVAL_DEFAULT_US INT64_C(15000000)
#define RETRY_AFTER_MAX_S 30

enum flavour { OTLP_HTTP, OTLP_HTTPS };

struct otlp {
	struct sink *sink;
	char logs_url[SINK_URL_MAX + 32], metrics_url[SINK_URL_MAX + 32];
	bool has_logs, has_metrics;
	int64_t interval_us;
	struct http_post *http;
};

static int parse_signals(struct otlp *o, struct sink_url *url)
{
	const char *signals = sink_url_option(url, "signals"), *word = signals;

	o->has_logs = o->has_metrics = !signals;
	for (size_t len; word && *word; word += len + (word[len] == ',')) {
		len = strcspn(word, ",");
		if (len == 4 && !strncmp(word, "logs", len))
			o->has_logs = true;
		else if (len == 7 && !strncmp(word, "metrics", len))
			o->has_metrics = true;
		else
			return -EINVAL;
	}
	return o->has_logs || o->has_metrics ? 0 : -EINVAL;
}

static void otlp_free(void *own)
{
	struct otlp *o = own;

	if (o)
		http_post_free(o->http);
	free(o);
}
DEFINE_AUTO(otlp_free, struct otlp *);

static int otlp_make(const struct sink_kind *kind, struct sink *sink, struct sink_url *url,
		     void **ret, const char **why)
{
	const char *scheme = kind->flavour == OTLP_HTTPS ? "https" : "http", *interval;
	AUTO(otlp_free) struct otlp *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->sink = sink;
	o->interval_us = INTERVAL_DEFAULT_US;
	if (!*url->authority)
		return -EINVAL;
	snprintf(o->logs_url, sizeof(o->logs_url), "%s://%s%s/v1/logs", scheme, url->authority,
		 strcmp(url->path, "/") ? url->path : "");
	snprintf(o->metrics_url, sizeof(o->metrics_url), "%s://%s%s/v1/metrics", scheme,
		 url->authority, strcmp(url->path, "/") ? url->path : "");
	*why = "behind ? may stand signals=logs,metrics, interval=TIME, header-file=FILE and all=1";
	interval = sink_url_option(url, "interval");
	if (parse_signals(o, url) ||
	    (interval &&
	     (timespec_parse_duration(interval, &o->interval_us) || o->interval_us < 1000000)))
		return -EINVAL;
	if (http_post_new("application/x-protobuf", sink_url_option(url, "header-file"),
			  &o->http)) {
		*why = "its header-file cannot be read";
		return -EINVAL;
	}
	sink_set_wants(sink, o->has_logs, o->has_metrics ? o->interval_us : 0);
	*ret = TAKE(o);
	return 0;
}

static int otlp_open(void *own)
{
	return 0;
}

static void otlp_close(void *own)
{
}

static bool is_retryable(long status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

/* What the receiver asked for, or until the sink's end. */
static void wait_as_told(const struct otlp *o)
{
	long s = http_post_retry_after_s(o->http);

	for (long ms = (s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : s) * 1000;
	     ms > 0 && !sink_is_over(o->sink); ms -= 100)
		poll(NULL, 0, 100);
}

/* -EAGAIN: later; -EPERM: not at all. */
static int post(const struct otlp *o, const char *url, const uint8_t *body, size_t len)
{
	char what[64];
	long status;
	int err = http_post(o->http, url, body, len, &status);

	if (err)
		return err;
	if (status == 200)
		return 0;
	snprintf(what, sizeof(what), "the receiver answers %ld", status);
	sink_trouble(o->sink, what);
	if (!is_retryable(status))
		return -EPERM;
	wait_as_told(o);
	return -EAGAIN;
}

static int deliver_some(const struct otlp *o, const struct sink_rows *rows, size_t from, size_t len)
{
	AUTO_FREE uint8_t *body = NULL;
	size_t body_len, answer_len;
	const uint8_t *answer;
	uint64_t rejected;
	int err = otlp_logs(rows, from, len, &body, &body_len);

	if (!err)
		err = post(o, o->logs_url, body, body_len);
	if (err == -EPERM) {
		sink_reject(o->sink, len);
		return 0;
	}
	if (err)
		return err;
	answer = http_post_answer(o->http, &answer_len);
	rejected = otlp_rejected(answer, answer_len);
	if (rejected > len)
		rejected = len;
	if (rejected)
		sink_reject(o->sink, rejected);
	sink_confirm(o->sink, len - rejected, body_len);
	return 0;
}

static int otlp_deliver(void *own, const struct sink_rows *rows, size_t from)
{
	const struct otlp *o = own;
	size_t to = sink_rows_len(rows);
	int err = 0;

	for (size_t len; !err && from < to; from += len) {
		len = to - from < OTLP_ROWS_MAX ? to - from : OTLP_ROWS_MAX;
		err = deliver_some(o, rows, from, len);
	}
	return err;
}

/* Values are sums from the start: one that is not sent is in the next. */
static int otlp_tick(void *own, const struct sink_metrics *source)
{
	const struct otlp *o = own;
	AUTO_FREE uint8_t *body = NULL;
	size_t len;
	int err = otlp_metrics(source, wall_us(), &body, &len);

	return err ? err : post(o, o->metrics_url, body, len);
}

#define OTLP(of_scheme, of_flavour)        \
	{                                  \
		.scheme = (of_scheme),     \
		.flavour = (of_flavour),   \
		.takes_connections = true, \
		.has_drops = true,         \
		.make = otlp_make,         \
		.open = otlp_open,         \
		.deliver = otlp_deliver,   \
		.tick = otlp_tick,         \
		.tick_does = "metrics",    \
		.close = otlp_close,       \
		.free = otlp_free,         \
	}
const struct sink_kind sink_otlp_http = OTLP("otlp+http:", OTLP_HTTP);
const struct sink_kind sink_otlp_https = OTLP("otlp+https:", OTLP_HTTPS);
