/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The audit: counts of many intervals per observation point in, sums, balances and JSON out.
 *
 *   agent:  seen = recorded + folded + filtered + sampled_out + missed_nested
 *                  + Σ unparsed/… + Σ lost/… of what was never recorded
 *   store:  recorded + folded = stored + stored_fold + Σ lost/… of what was recorded
 */
#ifndef WT_LEDGER_SUM_H
#define WT_LEDGER_SUM_H

#include <stdint.h>

#include "user/lib/cleanup.h"

#define LEDGER_POINTS_MAX 4096 /* more rows than that: -E2BIG */

/* A loss whose name begins so is of packets that were recorded before; any other is not. */

/* Not names of the protocol: what the store has of flow and of fold rows. */
#define LEDGER_STORED "=stored"
#define LEDGER_STORED_FOLD "=stored_fold"

struct json_t;
struct ledger_sum;

struct ledger_key {
	uint32_t exporter_id;
	uint32_t ifindex;
	uint32_t netns;
	uint32_t point;
};

struct ledger_span {
	uint64_t intervals; /* 0: says nothing of time */
	int64_t from_us;
	int64_t to_us;
};

struct ledger_sum *ledger_sum_new(void);
void ledger_sum_free(struct ledger_sum *s);
DEFINE_AUTO(ledger_sum_free, struct ledger_sum *);

/* Adds a count to its point. 0, -ENOMEM, -E2BIG. */
int ledger_sum_add(struct ledger_sum *s, const struct ledger_key *key, const char *name,
		   int64_t packets, int64_t octets, const struct ledger_span *span);

/* Names for the points of an exporter: agent, host, exporter, instance, interface (NULL: none). */
void ledger_sum_name(struct ledger_sum *s, uint32_t exporter_id, uint32_t ifindex, uint32_t netns,
		     const char *const text[5]);

/* The reply of /v1/ledger; NULL: no memory. */
struct json_t *ledger_sum_json(const struct ledger_sum *s, int64_t from_us, int64_t to_us,
			       int64_t expired_intervals);

#endif
