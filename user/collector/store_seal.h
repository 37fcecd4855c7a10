/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * A table that gets no more rows becomes a Parquet file; an hour of flows becomes its minutes and
 * its part of the day's hours as well, and what the ledger needs of it becomes sums in `stored`.
 *
 *   1. store_seal_write(): files under other names, each then durable under its own. (A crash:
 *      nothing lists them, the next start removes them.)
 *   2. store_seal_publish(): one transaction lists the files, adds hours and sums, drops the table.
 *
 * So at every moment each row is in exactly one listed place of each tier. The first step may take
 * minutes and has a connection of its own; the second is the writer's.
 */
#ifndef WT_STORE_SEAL_H
#define WT_STORE_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "user/collector/store_segments.h"
#include "user/collector/store_write.h"

/*
 * How long a table stays one after the last of its rows may have arrived: tables answer three times
 * as fast as files, and the last hour is what people look at.
 */
#define STORE_SEAL_HOLD_US STORE_HOUR_US
#define STORE_SEAL_SLACK_US (STORE_SEAL_HOLD_US + INT64_C(60) * 1000000)

struct store;

struct store_sealing {
	struct store_segment table; /* as it is listed */
	struct store_segment file; /* as it will be */
	struct store_segment minutes; /* of flows; else name is "" */
	char sums[STORE_FILE_MAX]; /* a file for `stored`, gone after the publishing; "" */
};

/*
 * The next table to seal at this time: the oldest that can get no more rows. -ENOENT when there is
 * none. From then on rows of its time go into a later table (see store_hours.c).
 */
int store_seal_next(struct store *s, int64_t now_us, struct store_sealing *ret);

/* 0 or -errno, logged; what was written is removed again. Any one thread. */
int store_seal_write(struct store *s, struct store_sealing *job);

/* 0 or -errno, logged. */
int store_seal_publish(struct store *s, const struct store_sealing *job);

/* In a transaction: the hour of these minutes becomes part of its day, unless it is. */
int store_seal_add_hour(struct store *s, const struct store_segment *minutes);

/* It is not going to be: the table may be sealed again later. */
void store_seal_abandon(struct store *s, const struct store_sealing *job);

#endif
