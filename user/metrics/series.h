/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Series with labels for /metrics: a family is a row of a table, a series a value under a family
 * and its labels. They count from the collector's start; retention does not touch them. A new
 * family is a line here and a row in metrics_series.c.
 */
#ifndef WT_METRICS_SERIES_H
#define WT_METRICS_SERIES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * All together. When they are that many, those that nobody told of for an hour make room; when
 * there are none, new ones are left out, and counted.
 */
#define SERIES_MAX 16384
#define SERIES_IDLE_US (INT64_C(3600) * 1000000)
#define SERIES_PURGE_US (INT64_C(60) * 1000000) /* between two looks for such */
#define SERIES_GAUGE_US (INT64_C(300) * 1000000) /* a gauge that is older is not shown */

enum series_family {
	FAMILY_TCP_CONNECTIONS,
	FAMILY_TCP_LISTEN_QUEUE,
	FAMILY_TCP_SENT,
	FAMILY_TCP_RETRANSMITTED,
	FAMILY_TCP_LISTEN_OVERFLOWS,
	FAMILY_TCP_LISTEN_DROPS,
	FAMILY_TCP_SYN_COOKIES,
	FAMILY_DROPPED,
	FAMILY_INTERFACE_DROPPED,
	FAMILY_SOFTNET_DROPPED,
	FAMILY_SOFTNET_SQUEEZES,
	FAMILY_HOST_EVENTS,
	FAMILY_HOST_LEVEL,
	FAMILY_SIGNAL_SEEN,
	FAMILY_SIGNAL_EVENTS,
	FAMILY_LAST_BATCH,
	/* under the names that node-level guides and their alert rules use */
	FAMILY_PLAIN_TCP_CONNECTIONS,
	FAMILY_PLAIN_DROPPED,
	FAMILY_PLAIN_RETRANSMITS,
	FAMILY_PLAIN_SEGMENTS_SENT,
	FAMILIES,
};

/* a="1",b="2": values of any bytes, escaped. */
struct series_labels {
	char text[1024];
	size_t len;
	bool is_cut; /* did not fit: no series has them */
};
void series_label(struct series_labels *l, const char *name, const char *value);
void series_label_number(struct series_labels *l, const char *name, uint64_t value);

/* owner: whose they are, for series_zero_gauges(). Any thread. */
void series_add(enum series_family family, const char *owner, const struct series_labels *labels,
		uint64_t n, int64_t now_us);
void series_set(enum series_family family, const char *owner, const struct series_labels *labels,
		uint64_t value, int64_t now_us);
/* Before its gauges are set anew: those that are not are 0. */
void series_zero_gauges(const char *owner);

/* Calls fn for the values of one family that /metrics shows now. */
typedef void series_fn(void *arg, const char *labels, uint64_t value);
void series_each(enum series_family family, int64_t now_us, series_fn *fn, void *arg);
/* The value of a label of such a text, unescaped, into out; "" when it has none. */
void series_label_of(const char *labels, const char *name, char *out, size_t size);

/* The values of all families, with their heads. */
void series_print(FILE *out, int64_t now_us);

#endif
