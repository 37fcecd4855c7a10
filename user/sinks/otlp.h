/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Rows and metrics to OTLP 1.5 requests (https://opentelemetry.io/docs/specs/otlp/), and what is
 * answered back. Names are those of the semantic conventions where they have one, else wiretally.…
 * (docs/sinks.md lists them).
 */
#ifndef WT_OTLP_H
#define WT_OTLP_H

#include <stddef.h>
#include <stdint.h>

#include "user/sinks/sink_kind.h"

#define OTLP_ROWS_MAX 1000 /* of one request */
#define OTLP_METRICS_MAX 16384 /* data points of one request; more are left out */

/* Rows [from, from + len) as an ExportLogsServiceRequest, malloc'd. 0 or -ENOMEM. */
int otlp_logs(const struct sink_rows *rows, size_t from, size_t len, uint8_t **ret,
	      size_t *ret_len);

/* How many log records the receiver refused, of an ExportLogsServiceResponse; 0 when unreadable. */
uint64_t otlp_rejected(const void *body, size_t len);

/* All that the source says, as an ExportMetricsServiceRequest, malloc'd. 0 or -ENOMEM. */
int otlp_metrics(const struct sink_metrics *source, int64_t now_us, uint8_t **ret, size_t *ret_len);

#endif
