/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Prometheus text format 0.0.4 to OpenMetrics 1.0
 * (https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md): counters are
 * named without _total in their heads, untyped is unknown, and the end is said.
 */
#ifndef WT_OPENMETRICS_H
#define WT_OPENMETRICS_H

#include <stddef.h>

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* A new text, malloc'd; NULL: no memory. Each HELP stands before its TYPE, as ours do. */
char *openmetrics_from_text(const char *text, size_t *ret_len);

#endif
