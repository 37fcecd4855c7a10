/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Flow exporters in: datagrams from UDP sockets to rows, rows to batches of ours, batches into the
 * pipeline. Two threads: one receives and reads, the other ships, with a bounded queue between.
 *
 * When the queue is full, because the store is behind or the disk is, the first stops receiving:
 * the sockets' buffers fill and the kernel drops and counts what does not fit
 * (wiretally_collector_exporter_receive_drops_total).
 */
#ifndef WT_INLET_H
#define WT_INLET_H

#include <stddef.h>
#include <stdint.h>

#include "user/lib/listen.h"
#include "user/lib/cleanup.h"

#define INLET_SOCKETS_MAX 8
#define INLET_QUEUE_MAX 64 /* batches */
#define INLET_ROWS_MAX 65536 /* waiting in all sources: then they leave before their time */
#define INLET_FLUSH_NS INT64_C(1000000000) /* a row waits no longer */
#define INLET_REST_MS 1 /* after few datagrams, for more to come together */
#define INLET_RETRY_MS 200 /* between tries to ship a batch */
#define INLET_STOP_MS 10000 /* at the end, for all that waits */

struct committer;
struct inlet;
struct pipeline;

struct inlet_sockets {
	struct listen_address addresses[INLET_SOCKETS_MAX];
	int fds[INLET_SOCKETS_MAX];
	size_t len;
};

/* "ADDR:PORT,ADDR:PORT…". 0, -EINVAL or -E2BIG. */
int inlet_sockets_parse(const char *text, struct inlet_sockets *ret);
/* While root: binds them. 0 or -errno, logged. */
int inlet_sockets_open(struct inlet_sockets *s, size_t receive_bytes);
void inlet_sockets_close(struct inlet_sockets *s);

/* Borrows all. Starts both threads. */
int inlet_start(struct pipeline *p, const struct committer *c, const struct inlet_sockets *s,
		struct inlet **ret);

/* Ships what has arrived, ends both threads, frees. Before pipeline_stop_log(). NULL is fine. */
void inlet_stop(struct inlet *in);

#endif
