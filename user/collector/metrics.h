/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The collector's own numbers, one per process: any thread adds, /metrics and /v1/status read.
 * A new one is a line here and a row in metrics.c.
 */
#ifndef WT_METRICS_H
#define WT_METRICS_H

#include <stdint.h>

enum metric {
	METRIC_BATCHES_STORED, /* acknowledged for the first time */
	METRIC_BATCHES_DUPLICATE,
	METRIC_REFUSED_FORBIDDEN, /* by peer, Host or Origin, or not over the Unix socket */
	METRIC_REFUSED_MALFORMED,
	METRIC_REFUSED_TOO_LARGE,
	METRIC_REFUSED_SEQUENCE, /* beyond the window */
	METRIC_REFUSED_BUSY, /* a bound of the pipeline */
	METRIC_REFUSED_LOG, /* the segment log failed: disk full and the like */
	METRIC_SEQUENCE_GAPS, /* batches that never came, by their numbers */
	METRIC_RECEIVED_BYTES,
	METRIC_ROWS_STORED,
	METRIC_ROWS_NOT_COUNTED, /* another reporting host counts the packet */
	METRIC_LOG_SYNCS,
	METRIC_LOG_SYNC_NS,
	METRIC_LOG_FAILURES,
	METRIC_COMMITS,
	METRIC_COMMIT_NS,
	METRIC_COMMIT_FAILURES,
	METRIC_RETENTION_DROPS, /* segments */
	METRIC_SEGMENTS_SEALED,
	METRIC_SEAL_FAILURES,
	METRIC_SEGMENTS_DAMAGED,
	METRIC_EXPORTER_DATAGRAMS,
	METRIC_EXPORTER_BYTES,
	METRIC_EXPORTER_RECORDS, /* that became rows */
	METRIC_EXPORTER_REFUSED, /* records, sets and datagrams that could not be read */
	METRIC_EXPORTER_UNKNOWN, /* datagrams of no protocol of ours */
	METRIC_EXPORTER_NO_ROOM, /* datagrams of an exporter beyond FLOW_SOURCES_MAX */
	METRIC_EXPORTER_RECEIVE_DROPS, /* datagrams that the kernel dropped at our sockets */
	METRIC_EXPORTER_MISSING_RECORDS, /* by gaps in sequences */
	METRIC_EXPORTER_MISSING_DATAGRAMS,
	METRIC_EXPORTER_LOST, /* records that could not be stored before the end */
	METRIC_HTTP_REQUESTS,
	METRIC_HTTP_ERRORS, /* answered with 400 and above */
	METRIC_HTTP_SLOW, /* connections cut for taking too long */
	/* gauges */
	METRIC_EXPORTER_SOURCES,
	METRIC_EXPORTER_QUEUE,
	METRIC_QUEUE_BATCHES,
	METRIC_QUEUE_BYTES,
	METRIC_LAG_BYTES,
	METRIC_LOG_BYTES,
	METRIC_STORE_BYTES,
	METRIC_STARTED_US,
	METRICS,
};

void metric_add(enum metric metric, uint64_t n);
void metric_set(enum metric metric, uint64_t n);
uint64_t metric_get(enum metric metric);

#endif
