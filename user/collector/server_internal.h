/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the server's own files share: nobody else includes this. */
#ifndef WT_SERVER_INTERNAL_H
#define WT_SERVER_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>

#include "user/collector/server.h"
#include "user/collector/store.h"
#include "user/collector/tokens.h"

/* One open connection: its slot is the socket context MHD hands around. */
struct connection {
	struct server *server;
	bool is_used;
	bool is_unix;
	bool is_tls;
	bool is_allowed; /* peer of the Unix socket */
	bool is_cut;
	int fd;
	int64_t since_ns; /* when it was accepted or last answered */
};

struct listener {
	struct server *server;
	bool is_unix;
	bool is_tls;
	struct MHD_Daemon *daemon;
};

struct server {
	struct server_parts parts;
	struct listener tcp;
	struct listener local;
	struct listener tls;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct connection connections[SERVER_CONNECTIONS_MAX + 2 * SERVER_AGENTS_MAX];
	struct store_reader *readers[SERVER_READERS]; /* the free ones */
	size_t readers_len;
	unsigned int requests; /* under way */
	bool is_long_taken; /* a request that may take SERVER_LONG_S */
	bool is_stopping;
	unsigned int live; /* streams */
};

/* request.c: MHD's callbacks; cls is a listener. */
enum MHD_Result request_handle(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_len, void **state);
void request_done(void *cls, struct MHD_Connection *mhd, void **state,
		  enum MHD_RequestTerminationCode why);

/* live.c: a response that goes on until the asker or the server does; NULL: no more of them now. */
struct MHD_Response *live_response(struct server *s, struct connection *c);

/* server.c: a reader for one request; NULL when none came free in time. */
struct store_reader *server_take_reader(struct server *s);
void server_give_reader(struct server *s, struct store_reader *r);

/* guard.c: NULL, or why this request is not answered (403). */
const char *guard_refusal(const struct server *s, const struct connection *c,
			  struct MHD_Connection *mhd);
/*
 * Over TLS: 0 and whose token it is (as Bearer, or as Basic's password), or 401, or 403 when it is
 * not one for this kind of request.
 */
unsigned int guard_token(const struct server *s, struct MHD_Connection *mhd, bool is_post,
			 struct token *ret, const char **why);
/* Root, our own uid, or a member of our group. */
bool guard_peer_is_allowed(int fd);

#endif
