/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the ledger needs of stored rows: per exporter, interval and observation point how many
 * there are and of how many octets. Of tables it is summed when it is asked for, of files it was
 * when they were sealed (table `stored`).
 */
#ifndef WT_STORE_SUMS_H
#define WT_STORE_SUMS_H

#include "user/collector/store_schema.h"

/*
 * before <table or subquery> after: columns exporter_id, "interval", ifindex, netns, point, name,
 * packets, octets. netns is 0 at points that are no interface.
 */
struct store_sums {
	const char *before;
	const char *after;
};

/* NULL: of no point of the ledger. */
const struct store_sums *store_sums_of(enum store_series series);

#endif
