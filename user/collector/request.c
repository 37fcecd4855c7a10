// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* One HTTP request in, one reply out: checked from the outside to the inside, then handed on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/collector/api.h"
#include "user/collector/ingest.h"
#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"
#include "user/collector/routes.h"
#include "user/collector/seglog.h"
#include "user/collector/server_internal.h"
#include "user/lib/log.h"
#include "user/lib/clock.h"

#define BODY_DISCARD_MAX (4 * INGEST_BODY_MAX) /* of a body too large, before we hang up */

struct request {
	struct connection *connection;
	struct MHD_Connection *mhd;
	const struct route *route;
	struct token token; /* over TLS */
	const char *method;
	uint8_t *body;
	size_t body_len; /* may go beyond what is kept */
	size_t body_size; /* of the memory at body */
};

static struct connection *connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *context =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return context ? context->socket_context : NULL;
}

static void add_headers(struct MHD_Response *r, const struct request *q,
			const struct api_reply *reply)
{
	char seconds[16], save_as[64];

	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Content-Security-Policy",
				reply->policy ?: "default-src 'none'; frame-ancestors 'none'");
	MHD_add_response_header(r, "Cache-Control",
				reply->cache
					?: reply->etag ? "no-cache"
						       : "no-store");
	if (reply->etag)
		MHD_add_response_header(r, "ETag", reply->etag);
	if (reply->encoding)
		MHD_add_response_header(r, "Content-Encoding", reply->encoding);
	if (reply->data)
		MHD_add_response_header(r, "Vary", "Accept, Accept-Encoding");
	if (reply->content_type)
		MHD_add_response_header(r, "Content-Type", reply->content_type);
	if (reply->filename) {
		snprintf(save_as, sizeof(save_as), "attachment; filename=\"%s\"", reply->filename);
		MHD_add_response_header(r, "Content-Disposition", save_as);
	}
	if (reply->status == 401) {
		MHD_add_response_header(r, "WWW-Authenticate", "Bearer realm=\"wiretally\"");
		/* for browsers: any name, and a token as the password */
		MHD_add_response_header(r, "WWW-Authenticate", "Basic realm=\"wiretally\"");
	}
	if (reply->status == 405)
		MHD_add_response_header(r, "Allow", route_methods(q->route));
	if (reply->retry_after_s) {
		snprintf(seconds, sizeof(seconds), "%u", reply->retry_after_s);
		MHD_add_response_header(r, "Retry-After", seconds);
	}
}

/* Takes body or file over. */
static struct MHD_Response *make_response(struct api_reply *reply)
{
	struct MHD_Response *r;
	struct stat st;

	if (reply->data)
		return MHD_create_response_from_buffer(reply->body_len, (void *)reply->data,
						       MHD_RESPMEM_PERSISTENT);
	if (!reply->has_fd) {
		r = MHD_create_response_from_buffer(reply->body_len, reply->body,
						    MHD_RESPMEM_MUST_FREE);
		if (!r)
			free(reply->body);
		return r;
	}
	r = fstat(reply->fd, &st) ? NULL
				  : MHD_create_response_from_fd64((uint64_t)st.st_size, reply->fd);
	if (!r)
		close(reply->fd);
	return r;
}

/* Sends *reply, whose body or file it takes over. */
static enum MHD_Result send_reply(struct request *q, struct api_reply *reply)
{
	struct MHD_Response *r = make_response(reply);
	enum MHD_Result ok;

	if (!r)
		return MHD_NO;
	metric_add(METRIC_HTTP_REQUESTS, 1);
	if (reply->status >= 400)
		metric_add(METRIC_HTTP_ERRORS, 1);
	add_headers(r, q, reply);
	ok = MHD_queue_response(q->mhd, reply->status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result send_error(struct request *q, unsigned int status, const char *message)
{
	struct api_reply reply = {};

	if (api_error(&reply, status, NULL, -1, "%s", message))
		return MHD_NO;
	return send_reply(q, &reply);
}

/* ---- before the body ------------------------------------------------------------------------ */

static const char *header(const struct request *q, const char *name)
{
	return MHD_lookup_connection_value(q->mhd, MHD_HEADER_KIND, name);
}

static bool method_is_allowed(const struct request *q)
{
	if (!q->route->get)
		return !strcmp(q->method, "POST");
	return !strcmp(q->method, "GET") || !strcmp(q->method, "HEAD");
}

/* "application/x-protobuf", with or without parameters. */
static bool is_protobuf(const char *type)
{
	static const char want[] = "application/x-protobuf";

	return type && !strncasecmp(type, want, strlen(want)) &&
	       strchr(" ;", type[strlen(want)]) != NULL;
}

static bool is_known_encoding(const char *encoding)
{
	return !encoding || !strcasecmp(encoding, "zstd") || !strcasecmp(encoding, "identity");
}

/* 0, or the status of a refusal and its message. */
static unsigned int check_head(struct request *q, const char **why)
{
	const char *length = header(q, "Content-Length");
	const char *refusal = guard_refusal(q->connection->server, q->connection, q->mhd);

	if (refusal) {
		metric_add(METRIC_REFUSED_FORBIDDEN, 1);
		*why = refusal;
		return 403;
	}
	*why = "there is nothing at this path";
	if (!q->route)
		return 404;
	*why = "this path does not take this method";
	if (!method_is_allowed(q))
		return 405;
	if (q->connection->is_tls) {
		unsigned int status =
			guard_token(q->connection->server, q->mhd, !q->route->get, &q->token, why);

		if (status) {
			metric_add(METRIC_REFUSED_FORBIDDEN, 1);
			return status;
		}
	}
	if (q->route->get)
		return 0;
	*why = "batches are taken over the Unix socket and TLS only";
	if (!q->connection->is_unix && !q->connection->is_tls) {
		metric_add(METRIC_REFUSED_FORBIDDEN, 1);
		return 403;
	}
	*why = "want Content-Type: application/x-protobuf, plain or with Content-Encoding: zstd";
	if (!is_protobuf(header(q, "Content-Type")) ||
	    !is_known_encoding(header(q, "Content-Encoding")))
		return 415;
	*why = "body is larger than 2 MiB";
	if (length && strtoull(length, NULL, 10) > INGEST_BODY_MAX) {
		metric_add(METRIC_REFUSED_TOO_LARGE, 1);
		return 413;
	}
	return 0;
}

static enum MHD_Result begin(struct MHD_Connection *mhd, const char *url, const char *method,
			     void **state)
{
	struct connection *c = connection_of(mhd);
	struct request *q;
	const char *why;
	unsigned int status;

	if (!c)
		return MHD_NO; /* more connections than slots */
	q = calloc(1, sizeof(*q));
	if (!q)
		return MHD_NO;
	*state = q;
	q->connection = c;
	q->mhd = mhd;
	q->method = method;
	q->route = route_find(url);
	pthread_mutex_lock(&c->server->lock);
	c->server->requests++;
	pthread_mutex_unlock(&c->server->lock);
	status = check_head(q, &why);
	return status ? send_error(q, status, why) : MHD_YES;
}

/* ---- the body ------------------------------------------------------------------------------- */

static enum MHD_Result grow_body(struct request *q, size_t need)
{
	size_t size = q->body_size ? q->body_size * 2 : 64u << 10;
	uint8_t *more;

	while (size < need)
		size *= 2;
	more = realloc(q->body, size);
	if (!more)
		return MHD_NO;
	q->body = more;
	q->body_size = size;
	return MHD_YES;
}

/* A piece of the body. What is too much is read on and dropped, so that the client hears why. */
static enum MHD_Result take_body(struct request *q, const char *upload, size_t *upload_len)
{
	size_t len = *upload_len;

	*upload_len = 0;
	if (q->route->get || q->body_len + len > INGEST_BODY_MAX) {
		q->body_len += len;
		return q->body_len > BODY_DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	if (q->body_len + len > q->body_size && grow_body(q, q->body_len + len) == MHD_NO)
		return MHD_NO;
	memcpy(q->body + q->body_len, upload, len);
	q->body_len += len;
	return MHD_YES;
}

/* ---- behind the body ------------------------------------------------------------------------ */

static enum MHD_Result post_batch(struct request *q)
{
	const char *encoding = header(q, "Content-Encoding");
	struct api_reply reply = {};
	uint8_t *body = q->body;
	int err;

	if (q->body_len > INGEST_BODY_MAX) {
		metric_add(METRIC_REFUSED_TOO_LARGE, 1);
		return send_error(q, 413, "body is larger than 2 MiB");
	}
	q->body = NULL; /* ingest's from here on */
	err = ingest_post(q->connection->server->parts.ingest, body, q->body_len,
			  encoding && !strcasecmp(encoding, "zstd"),
			  q->connection->is_tls ? q->token.name : NULL, wall_us(), &reply);
	if (err)
		return send_error(q, 500, strerror(-err));
	return send_reply(q, &reply);
}

static const char *request_arg(const struct api_request *req, const char *name)
{
	const struct request *q = req->impl;

	return MHD_lookup_connection_value(q->mhd, MHD_GET_ARGUMENT_KIND, name);
}

static void refresh_gauges(const struct server_parts *parts)
{
	struct pipeline_depth depth = pipeline_depth(parts->pipeline);

	metric_set(METRIC_QUEUE_BATCHES, depth.items);
	metric_set(METRIC_QUEUE_BYTES, depth.memory_bytes);
	metric_set(METRIC_LAG_BYTES, depth.lag_bytes);
	metric_set(METRIC_LOG_BYTES, seglog_bytes(parts->log));
}

static enum MHD_Result get_with(struct request *q, struct store_reader *reader)
{
	struct server *s = q->connection->server;
	struct api_request req = {
		request_arg,
		s->parts.store,
		reader,
		wall_us(),
		q,
		header(q, "Accept"),
		header(q, "Accept-Encoding"),
		header(q, "If-None-Match"),
	};
	struct api_reply reply = {};
	int err = q->route->get(&req, &reply);

	if (err) {
		log_error("%s: %s", q->route->path, strerror(-err));
		free(reply.body);
		return send_error(q, 500, "the answer could not be made");
	}
	return send_reply(q, &reply);
}

static enum MHD_Result busy(struct request *q, const char *message)
{
	struct api_reply reply = { .retry_after_s = 1 };

	if (api_error(&reply, 503, NULL, -1, "%s", message))
		return MHD_NO;
	return send_reply(q, &reply);
}

/* False: another one runs. This one may take its time, and so may who reads it. */
static bool enter_long(struct request *q)
{
	struct server *s = q->connection->server;
	bool is_free;

	pthread_mutex_lock(&s->lock);
	is_free = !s->is_long_taken;
	if (is_free) {
		s->is_long_taken = true;
		q->connection->since_ns = monotonic_ns() + SERVER_LONG_S * INT64_C(1000000000);
	}
	pthread_mutex_unlock(&s->lock);
	return is_free;
}

static void leave_long(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->is_long_taken = false;
	pthread_mutex_unlock(&s->lock);
}

static enum MHD_Result get_long(struct request *q, struct store_reader *reader)
{
	enum MHD_Result ok;

	if (!enter_long(q))
		return busy(q, "another export is under way: try again");
	store_reader_extend(reader, SERVER_LONG_S * 1000);
	ok = get_with(q, reader);
	leave_long(q->connection->server);
	return ok;
}

static enum MHD_Result get_live(struct request *q)
{
	struct MHD_Response *r = live_response(q->connection->server, q->connection);
	struct api_reply head = { .status = 200, .content_type = "text/event-stream" };
	enum MHD_Result ok;

	if (!r)
		return busy(q, "too many live streams: try again");
	metric_add(METRIC_HTTP_REQUESTS, 1);
	add_headers(r, q, &head);
	ok = MHD_queue_response(q->mhd, head.status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result get(struct request *q)
{
	struct server *s = q->connection->server;
	const char *fresh = MHD_lookup_connection_value(q->mhd, MHD_GET_ARGUMENT_KIND, "fresh");
	struct store_reader *reader;
	enum MHD_Result ok;

	if (q->body_len)
		return send_error(q, 400, "this path takes no body");
	if (q->route->is_live)
		return get_live(q);
	if (fresh && !strcmp(fresh, "1") && pipeline_settle(s->parts.pipeline, SERVER_SETTLE_MS))
		return busy(q, "the store is behind what was acknowledged: try again");
	refresh_gauges(&s->parts);
	if (!q->route->needs_reader)
		return get_with(q, NULL);
	reader = server_take_reader(s);
	if (!reader)
		return busy(q, "too many queries at a time: try again");
	ok = q->route->is_long ? get_long(q, reader) : get_with(q, reader);
	server_give_reader(s, reader);
	return ok;
}

enum MHD_Result request_handle(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_len, void **state)
{
	struct request *q = *state;

	if (!q)
		return begin(mhd, url, method, state);
	if (*upload_len)
		return take_body(q, upload, upload_len);
	return q->route->get ? get(q) : post_batch(q);
}

void request_done(void *cls, struct MHD_Connection *mhd, void **state,
		  enum MHD_RequestTerminationCode why)
{
	struct request *q = *state;
	struct server *s;

	if (!q)
		return;
	s = q->connection->server;
	pthread_mutex_lock(&s->lock);
	q->connection->since_ns = monotonic_ns();
	s->requests--;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	free(q->body);
	free(q);
	*state = NULL;
}
