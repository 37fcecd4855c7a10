/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * POST /v1/batches: a body from outside in; checked, once, durable, acknowledged. What is durable
 * of each agent's instance is known here, ahead of the store.
 */
#ifndef WT_INGEST_H
#define WT_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/collector/seglog.h"
#include "user/lib/cleanup.h"

#define INGEST_BODY_MAX SEGLOG_BODY_MAX /* as it comes */
/*
 * How far a sequence may be ahead of the high-water mark. An agent whose spool dropped batches for
 * hours must still get in: at a hundred batches a second this is some three hours.
 */
#define INGEST_WINDOW (1u << 20)
#define INGEST_INSTANCES_MAX 65536 /* agents' starts known at a time */
#define INGEST_DECODES_MAX 8 /* bodies decoded at a time: the others wait as they came */
#define INGEST_FULL_RETRY_S 5 /* Retry-After when the disk is full */

struct api_reply;
struct committer;
struct ingest;
struct pipeline;
struct registry;

/* Reads the marks out of registry (after the replay); borrows pipeline and committer. */
int ingest_new(struct pipeline *p, const struct committer *c, struct registry *registry,
	       struct ingest **ret);
void ingest_free(struct ingest *in);
DEFINE_AUTO(ingest_free, struct ingest *);

/*
 * Takes the body over and fills *reply: 200 acknowledged or duplicate, 400, 403 (only_agent is not
 * whose batch it is; NULL: anybody's), 409, 413, 429, 503, 507. Waits until the batch is durable.
 * -errno when no reply could be made.
 */
int ingest_post(struct ingest *in, void *body, size_t body_len, bool zstd, const char *only_agent,
		int64_t now_us, struct api_reply *reply);

#endif
