/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Prometheus text format 0.0.4 to its protobuf format: messages MetricFamily
 * (proto/prometheus.proto), each behind its length. Histograms are there twice: with their buckets,
 * and as native ones of schema 0. Ours end at powers of two nanoseconds, native ones at powers of
 * two seconds, which are 7 % lower: so much lower may a quantile of them be.
 */
#ifndef WT_PROTOMETRICS_H
#define WT_PROTOMETRICS_H

#include <stddef.h>

#define PROTOMETRICS_ASKED "application/vnd.google.protobuf" /* in an Accept header */
#define PROTOMETRICS_TYPE                                                         \
	PROTOMETRICS_ASKED "; proto=io.prometheus.client.MetricFamily; encoding=" \
			   "delimited"

/* New bytes, malloc'd; NULL: no memory. Lines stand as ours do: HELP, TYPE, samples. */
char *protometrics_from_text(const char *text, size_t *ret_len);

#endif
