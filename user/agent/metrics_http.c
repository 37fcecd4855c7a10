// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What batches added up to in, Prometheus text over HTTP out. */
#include "user/agent/metrics_http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/listen.h"
#include "user/lib/log.h"
#include "user/metrics/formats.h"
#include "user/metrics/metrics_latency.h"
#include "user/metrics/metrics_ledger.h"
#include "user/metrics/series.h"
#include "user/sinks/sinks.h"

#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_http {
	struct MHD_Daemon *daemon;
};

int metrics_http_check(const char *address)
{
	struct listen_address a;

	return listen_parse(address, &a) || !a.is_loopback ? -EINVAL : 0;
}

static char *make_text(size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	bool failed;

	if (!out)
		return NULL;
	fprintf(out,
		"# HELP wiretally_agent_build_info Its version, as a label.\n"
		"# TYPE wiretally_agent_build_info gauge\n"
		"wiretally_agent_build_info{version=\"%s\"} 1\n",
		WT_VERSION);
	metrics_ledger_print(out);
	series_print(out, wall_us());
	metrics_latency_print(out);
	metrics_sinks_print(out);
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(text);
		return NULL;
	}
	return text;
}

static enum MHD_Result reply(struct MHD_Connection *c, unsigned int status, char *owned, size_t len,
			     const char *type)
{
	struct MHD_Response *r =
		owned ? MHD_create_response_from_buffer(len, owned, MHD_RESPMEM_MUST_FREE) : NULL;
	enum MHD_Result result;

	if (!r) {
		free(owned);
		return MHD_NO;
	}
	MHD_add_response_header(r, "Content-Type", type);
	result = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned int status, const char *why)
{
	char *text = strdup(why);

	return reply(c, status, text, strlen(why), "text/plain; charset=utf-8");
}

static enum MHD_Result reply_metrics(struct MHD_Connection *c)
{
	const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept");
	const char *type = TEXT_TYPE;
	char *text;
	size_t len;

	text = make_text(&len);
	if (text && !metrics_formats_as(accept, &text, &len, &type))
		text = NULL;
	return reply(c, MHD_HTTP_OK, text, len, type);
}

/* A page elsewhere that has its name point here is not for this host. */
static bool is_local(const char *host)
{
	static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

	for (size_t i = 0; host && i < ARRAY_LEN(names); i++) {
		size_t n = strlen(names[i]);

		if (!strncmp(host, names[i], n) && (!host[n] || host[n] == ':'))
			return true;
	}
	return false;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	if (strcmp(method, "GET") != 0)
		return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET\n");
	if (!is_local(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host")))
		return refuse(c, MHD_HTTP_FORBIDDEN, "ask for it as localhost\n");
	if (strcmp(url, "/metrics") != 0)
		return refuse(c, MHD_HTTP_NOT_FOUND, "this is an agent: it has /metrics alone\n");
	return reply_metrics(c);
}

int metrics_http_start(const char *address, struct metrics_http **ret)
{
	struct metrics_http *h = calloc(1, sizeof(*h));
	struct listen_address a;
	char text[LISTEN_TEXT_MAX];
	int fd, err = h ? listen_parse(address, &a) : -ENOMEM;

	if (!err)
		err = listen_tcp(&a, &fd);
	if (err) {
		free(h);
		return err;
	}
	h->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
				     on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
				     MHD_OPTION_CONNECTION_LIMIT, METRICS_HTTP_CONNECTIONS_MAX,
				     MHD_OPTION_CONNECTION_TIMEOUT, METRICS_HTTP_TIMEOUT_S,
				     MHD_OPTION_END);
	if (!h->daemon) {
		close(fd);
		free(h);
		return -EIO;
	}
	log_info("metrics at http://%s/metrics", listen_format(&a, text));
	*ret = h;
	return 0;
}

void metrics_http_stop(struct metrics_http *h)
{
	if (!h)
		return;
	MHD_stop_daemon(h->daemon);
	free(h);
}
