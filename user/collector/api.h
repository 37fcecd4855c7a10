/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What an API endpoint gets and gives. An endpoint is a function of this type and a row in
 * routes.c; it runs on a server thread with a read connection of its own.
 */
#ifndef WT_API_H
#define WT_API_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_reader; /* store.h: a read-only connection, owned by the server thread */

struct api_request {
	/* The value of query parameter `name`, NULL when absent. Borrowed for the request. */
	const char *(*arg)(const struct api_request *req, const char *name);
	struct store *store;
	struct store_reader *reader;
	int64_t now_us; /* wall clock when the request came in */
	void *impl; /* the server's own */
	/* headers of these names; NULL: none */
	const char *accept, *accept_encoding, *if_none_match;
};

struct api_reply {
	unsigned int status; /* HTTP */
	const char *content_type; /* static */
	char *body; /* malloc'd; the server frees it */
	size_t body_len;
	bool has_fd; /* instead of body: a file, from its start; the server closes it */
	int fd;
	const void *data; /* instead of body: static, body_len long */
	const char *filename; /* static; to save it as; NULL: none */
	const char *encoding, *etag; /* static; NULL: no such header */
	const char *cache; /* static; Cache-Control; NULL: asked for again each time */
	const char *policy; /* static; Content-Security-Policy; NULL: it may do nothing */
	unsigned int retry_after_s; /* 0: no such header */
};

/*
 * Fills *reply; -errno only when even an error reply could not be made (then the server says 500).
 * An error the asker made is 400 with {"error":{"message":…,"parameter":…,"position":…}} where
 * position counts characters from 0 and is left out when it does not apply.
 */
typedef int api_endpoint(const struct api_request *req, struct api_reply *reply);

api_endpoint api_top, api_flows, api_export; /* files of their names */
api_endpoint api_series, api_topology; /* files of their names */
api_endpoint api_connections, api_drops, api_latencies, api_tcp; /* files of their names */
api_endpoint api_exporters, api_hostcounts; /* files of their names */
api_endpoint api_ledger, api_status; /* api_ledger.c, api_status.c */
api_endpoint api_alerts; /* judge.c */
api_endpoint api_metrics, api_health; /* metrics.c */
api_endpoint api_index; /* routes.c: what there is, for people */
api_endpoint api_filter; /* api_filter.c */
api_endpoint api_page, api_page_js, api_page_css, api_page_icon; /* page.c */

/* api.c: replies made the one way. message is printf-like; position < 0: none. */
int api_error(struct api_reply *reply, unsigned int status, const char *parameter, long position,
	      const char *fmt, ...) __attribute__((format(printf, 5, 6)));
struct json_t;
int api_json(struct api_reply *reply, struct json_t *owned_root);

/*
 * The time range every endpoint takes: last=SECONDS, or from=/to= in µs or RFC 3339; default the
 * last hour; last=all for everything kept. 0, or the error reply is already made and 1 returned.
 */
int api_range(const struct api_request *req, struct api_reply *reply, int64_t *from_us,
	      int64_t *to_us);

#endif
