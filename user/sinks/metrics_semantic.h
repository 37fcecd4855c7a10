/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What /metrics says of hosts, under OpenTelemetry's names
 * (https://opentelemetry.io/docs/specs/semconv/system/system-metrics/), for sinks.
 */
#ifndef WT_METRICS_SEMANTIC_H
#define WT_METRICS_SEMANTIC_H

#include <stdint.h>

#include "user/sinks/sink_kind.h"

/* Sums are since then, wall clock. What it tells may be asked for by any thread. */
const struct sink_metrics *metrics_semantic(int64_t since_us);

#endif
