/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The shipper process: no capability, no bpf() call. Its main thread drains (drain.h), one thread
 * flips (flip.h), one ships (ship.h).
 */
#ifndef WT_SHIPPER_H
#define WT_SHIPPER_H

#include <sys/types.h>

#include "user/agent/config.h"
#include "user/agent/crashlog.h"
#include "user/agent/record.h"
#include "user/agent/start.h"
#include "user/agent/tables.h"

#define SHIPPER_POLL_BUSY_MS 10 /* looks at the lanes while they fill */
#define SHIPPER_POLL_IDLE_MS 100
#define SHIPPER_WAIT_INTERVALS 12 /* how often a harvest may wait for a spool half full */
#define SHIPPER_FINISH_MS 10000 /* how long a stop waits for the collector */

struct shipper_options {
	const struct config *config;
	struct record_source source;
	int message_fd; /* to the attacher */
	int grace_fd; /* to the attacher, for flip.h */
	int status_fd; /* listening, or -1 */
	int spool_fd; /* the disk spool's folder, or -1 */
	struct crash_file *crash; /* or NULL */
	const struct start_before *before; /* the agent before, borrowed */
	uint8_t owner[16]; /* this run of the attacher */
	char ledgers_pin[PINS_PATH_MAX + 64]; /* path, "" without pins */
	struct signals *signals; /* or NULL */
	uid_t uid;
	gid_t gid;
};

/*
 * Runs until told to finish. The exit status: 0 when everything was acknowledged, SHIPPER_LEFT
 * when some is still in the tables, 1 otherwise.
 */
#define SHIPPER_LEFT 3
int shipper_run(struct tables *t, const struct shipper_options *o);

#endif
