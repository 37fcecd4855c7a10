/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The ship thread: the oldest batch of the spool to the collector, until it says it is durable;
 * then the next. Retries for ever with backoff: what must go goes in the spool (spool.h).
 */
#ifndef WT_SHIP_H
#define WT_SHIP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/agent/crashlog.h"
#include "user/agent/spool.h"

#define SHIP_BACKOFF_MIN_MS 100
#define SHIP_BACKOFF_MAX_MS 5000

struct ship {
	struct spool *spool;
	struct crashlog *crashlog; /* or NULL */
	char socket_path[108]; /* "" = url names a host */
	char url[512];
	int wake_fd; /* eventfd: something was spooled, or stop */
	bool stop;
	pthread_t thread;
	/* for status; written by the thread, read by others: torn reads do no harm */
	uint64_t acknowledged;
	uint64_t retries;
	uint64_t refused;
	char last_error[160];
};

/* collector: "unix:PATH" or "http://…". 0; -EINVAL for another address; -errno. */
int ship_start(struct ship *s, struct spool *spool, const char *collector,
	       struct crashlog *crashlog);
void ship_wake(struct ship *s);
void ship_stop(struct ship *s);

#endif
