/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the committer does between transactions: seals tables whose time is over, drops what is too
 * old or too much, sets damaged files aside. Long work is the sealer's, on a thread of its own.
 */
#ifndef WT_HOUSEKEEPER_H
#define WT_HOUSEKEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "user/collector/store_schema.h"
#include "user/lib/cleanup.h"

#define HOUSEKEEPING_PERIOD_NS INT64_C(10000000000)
#define SEALER_POLL_NS INT64_C(200000000) /* while it works */
#define SEAL_RETRY_NS INT64_C(60000000000) /* after one that failed */
#define FILES_CHECK_NS (INT64_C(24) * 3600 * 1000000000) /* all files against their checksums */

struct housekeeper;
struct store;

struct housekeeper_limits {
	int64_t keep_us[STORE_TIERS];
	uint64_t max_disk_bytes;
};

int housekeeper_new(struct store *s, const struct housekeeper_limits *limits,
		    struct housekeeper **ret);
void housekeeper_free(struct housekeeper *h);
DEFINE_AUTO(housekeeper_free, struct housekeeper *);

/* From the next run on, which expires at once. Any thread. */
void housekeeper_set_limits(struct housekeeper *h, const struct housekeeper_limits *limits);

/* CLOCK_MONOTONIC: when to call it next. */
int64_t housekeeper_due_ns(const struct housekeeper *h);

/* log_bytes count as used. True when exporters may be gone: the registry is to be read again. */
bool housekeeper_run(struct housekeeper *h, int64_t now_us, uint64_t log_bytes);

/* The store is at its size and nothing older can go: batches are to be refused. Any thread. */
bool housekeeper_is_full(const struct housekeeper *h);

#endif
