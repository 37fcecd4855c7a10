/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * HTTP on three sockets: TCP for people and Prometheus on this host, a Unix socket that agents ship
 * to as well, and TLS for agents and people of other hosts, who have tokens (tokens.h).
 * A thread a connection; every limit below has an answer.
 */
#ifndef WT_SERVER_H
#define WT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/cleanup.h"

#define SERVER_CONNECTIONS_MAX 96 /* of TCP; more are closed at once */
#define SERVER_AGENTS_MAX 1200 /* the same of the Unix socket and of TLS each */
#define SERVER_CONNECTION_BYTES (32u << 10) /* for a request's head and reads: else 431 */
#define SERVER_LONG_S 3600 /* for a request of routes that are long (an export) */
#define SERVER_IDLE_S 60 /* nothing read or written: closed */
#define SERVER_REQUEST_S 30 /* from the last answer to the next: cut */
#define SERVER_READERS 4 /* queries at a time */
#define SERVER_READER_WAIT_S 5 /* for one of them: else 503 */
#define SERVER_LIVE_MAX 32 /* streams of /v1/live: else 503 */
#define SERVER_SETTLE_MS 5000 /* fresh=1: else 503 */
#define SERVER_STOP_S 5 /* for requests under way when stopping */

struct ingest;
struct listen_address;
struct pipeline;
struct seglog;
struct server;
struct store;
struct tls;
struct tokens;

struct server_parts { /* all borrowed */
	struct store *store;
	struct ingest *ingest;
	struct pipeline *pipeline;
	struct seglog *log;
	const struct listen_address *tcp_address;
	int tcp_fd; /* the server's, as the next */
	int unix_fd;
	int tls_fd; /* the server's, too; -1: none */
	const struct tls *tls;
	struct tokens *tokens;
};

/* 0 or -errno, logged. The descriptors are closed in any case. */
int server_start(const struct server_parts *parts, struct server **ret);

/* Every second, from the main loop: cuts connections that take too long. */
void server_tick(struct server *s);

/* Takes no new connections, lets requests under way end, and frees it. */
void server_stop(struct server *s);
DEFINE_AUTO(server_stop, struct server *);

#endif
