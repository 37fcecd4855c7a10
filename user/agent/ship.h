/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The ship thread: the oldest batch of the spool to the collector, until it says it is durable;
 * then the next. Retries for ever with backoff: what must go goes in the spool (spool.h). While the
 * collector is away or slow, what waits in memory is moved to the disk (disk_spool.h).
 */
#ifndef WT_SHIP_H
#define WT_SHIP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/agent/crashlog.h"
#include "user/agent/disk_spool.h"
#include "user/agent/spool.h"

#define SHIP_BACKOFF_MIN_MS 100
#define SHIP_BACKOFF_MAX_MS 5000
#define SHIP_SPILL_AFTER_MS 2000 /* the collector is away for so long: batches go to the disk */

struct ship {
	struct spool *spool;
	struct disk_spool *disk; /* owned; NULL: memory alone */
	struct spool_entry *sending; /* a copy: its place may be needed meanwhile */
	bool is_on_disk; /* that one, too */
	int disk_error; /* said already */
	int64_t failing_ms; /* CLOCK_MONOTONIC of the first failure in a row; 0: none */
	struct crashlog *crashlog; /* or NULL */
	bool is_alone; /* there is no collector: a batch is done when it is the oldest */
	char socket_path[108]; /* "" = url names a host */
	char url[512];
	const char *token, *ca; /* with https: borrowed; ca: NULL for the system's */
	int wake_fd; /* eventfd: something was spooled, or stop */
	bool stop;
	pthread_t thread;
	/* for status; written by the thread, read by others: torn reads do no harm */
	uint64_t acknowledged;
	uint64_t retries;
	uint64_t refused;
	char last_error[160];
};

struct config;

/*
 * c->collector: "unix:PATH", "https://…" or "none". disk: taken over, or NULL. 0; -EINVAL for
 * another address; -errno.
 */
int ship_start(struct ship *s, struct spool *spool, struct disk_spool *disk, const struct config *c,
	       struct crashlog *crashlog);
void ship_wake(struct ship *s);
/* There is something on the disk, and the collector takes it. Any thread. */
bool ship_has_more(const struct ship *s);
void ship_stop(struct ship *s);

#endif
