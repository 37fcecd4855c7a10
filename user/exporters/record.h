/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* A record's values to rows of flows, whatever protocol brought them. */
#ifndef WT_RECORD_H
#define WT_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "user/exporters/element.h"
#include "user/wire/flow.h"

/* Why something that arrived is no row; in the ledger as "unparsed/<name>". */
enum refusal {
	REFUSAL_NONE,
	REFUSAL_TRUNCATED, /* of datagrams, and of sets in them */
	REFUSAL_VERSION,
	REFUSAL_LENGTH,
	REFUSAL_TEMPLATE, /* malformed */
	REFUSAL_TEMPLATES_MAX,
	REFUSAL_NO_TEMPLATE, /* a set of records nobody has described yet */
	REFUSAL_NO_FLOW, /* neither addresses nor a protocol */
	REFUSAL_NO_PACKETS, /* an event, not a flow */
	REFUSAL_COUNT, /* beyond BATCH_COUNT_MAX */
	REFUSAL_SAMPLE, /* sFlow: the sampled packet is not one we can read */
	REFUSALS,
};

/* "no template", …; static. */
const char *refusal_name(enum refusal why);

/* What the message around a record says. */
struct record_time {
	int64_t export_us; /* when it was sent; when it arrived, if it does not say */
	uint32_t uptime_ms;
	bool has_uptime; /* v5 and v9: the exporter was started uptime_ms before export_us */
	uint64_t init_ms; /* IPFIX: when it was started, from an options record; 0: not said */
};

/*
 * forward is always filled; reverse is, too, when *has_reverse (RFC 5103). Sampling stays 0, flags
 * FLOW_COUNTED. REFUSAL_NONE, or why there is no row.
 */
enum refusal record_to_flows(const struct record_values *r, const struct record_time *time,
			     struct flow *forward, struct flow *reverse, bool *has_reverse);

#endif
