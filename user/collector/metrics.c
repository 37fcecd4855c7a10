// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Counters in, Prometheus text format 0.0.4 out. */
#include "user/collector/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "user/collector/api.h"
#include "user/metrics/metrics_latency.h"
#include "user/metrics/metrics_ledger.h"
#include "user/metrics/formats.h"
#include "user/collector/judge.h"
#include "user/metrics/series.h"
#include "user/collector/pipeline.h"
#include "user/collector/store.h"
#include "user/sinks/sinks.h"

#define P "wiretally_collector_"

enum metric_kind {
	COUNTER,
	GAUGE,
	SECONDS, /* a counter, kept in ns */
	TIME, /* a gauge, kept in µs */
};

/* Rows of one name stand together; help is the first one's. */
static const struct row {
	const char *name;
	const char *label;
	const char *help;
	enum metric_kind kind;
} rows[METRICS] = {
	/* clang-format off */
	[METRIC_BATCHES_STORED] = { P "batches_total", "result=\"stored\"", "Batches acknowledged.", COUNTER },
	[METRIC_BATCHES_DUPLICATE] = { P "batches_total", "result=\"duplicate\"", NULL, COUNTER },
	[METRIC_REFUSED_FORBIDDEN] = { P "refused_total", "reason=\"forbidden\"", "Requests refused, by reason.", COUNTER },
	[METRIC_REFUSED_MALFORMED] = { P "refused_total", "reason=\"malformed\"", NULL, COUNTER },
	[METRIC_REFUSED_TOO_LARGE] = { P "refused_total", "reason=\"too_large\"", NULL, COUNTER },
	[METRIC_REFUSED_SEQUENCE] = { P "refused_total", "reason=\"sequence\"", NULL, COUNTER },
	[METRIC_REFUSED_BUSY] = { P "refused_total", "reason=\"busy\"", NULL, COUNTER },
	[METRIC_REFUSED_LOG] = { P "refused_total", "reason=\"log\"", NULL, COUNTER },
	[METRIC_SEQUENCE_GAPS] = { P "missing_batches_total", NULL, "Batches that never came, by gaps in their sequence.", COUNTER },
	[METRIC_RECEIVED_BYTES] = { P "received_bytes_total", NULL, "Bodies of acknowledged batches, as they came.", COUNTER },
	[METRIC_ROWS_STORED] = { P "rows_total", NULL, "Flow rows committed to the store.", COUNTER },
	[METRIC_ROWS_NOT_COUNTED] = { P "rows_counted_elsewhere_total", NULL, "Flow rows whose packets another reporting host counts.", COUNTER },
	[METRIC_LOG_SYNCS] = { P "log_syncs_total", NULL, "Groups made durable in the segment log.", COUNTER },
	[METRIC_LOG_SYNC_NS] = { P "log_sync_seconds_total", NULL, "Time spent making groups durable.", SECONDS },
	[METRIC_LOG_FAILURES] = { P "log_failures_total", NULL, "Groups the segment log could not take.", COUNTER },
	[METRIC_COMMITS] = { P "commits_total", NULL, "Transactions of the store.", COUNTER },
	[METRIC_COMMIT_NS] = { P "commit_seconds_total", NULL, "Time spent in transactions of the store.", SECONDS },
	[METRIC_COMMIT_FAILURES] = { P "commit_failures_total", NULL, "Transactions that failed and were tried again.", COUNTER },
	[METRIC_RETENTION_DROPS] = { P "expired_tables_total", NULL, "Tables and files dropped by age or size.", COUNTER },
	[METRIC_SEGMENTS_SEALED] = { P "sealed_tables_total", NULL, "Tables that became files.", COUNTER },
	[METRIC_SEAL_FAILURES] = { P "seal_failures_total", NULL, "Tables that could not become files and are tried again.", COUNTER },
	[METRIC_SEGMENTS_DAMAGED] = { P "damaged_files_total", NULL, "Files of the store set aside because they are not what was written.", COUNTER },
	[METRIC_EXPORTER_DATAGRAMS] = { P "exporter_datagrams_total", NULL, "Datagrams received from flow exporters.", COUNTER },
	[METRIC_EXPORTER_BYTES] = { P "exporter_received_bytes_total", NULL, "Their UDP payload.", COUNTER },
	[METRIC_EXPORTER_RECORDS] = { P "exporter_records_total", "result=\"recorded\"", "Records of flow exporters; refused ones may be whole sets or datagrams.", COUNTER },
	[METRIC_EXPORTER_REFUSED] = { P "exporter_records_total", "result=\"refused\"", NULL, COUNTER },
	[METRIC_EXPORTER_LOST] = { P "exporter_records_total", "result=\"lost\"", NULL, COUNTER },
	[METRIC_EXPORTER_UNKNOWN] = { P "exporter_datagrams_refused_total", "reason=\"unknown protocol\"", "Datagrams that were not read.", COUNTER },
	[METRIC_EXPORTER_NO_ROOM] = { P "exporter_datagrams_refused_total", "reason=\"too many exporters\"", NULL, COUNTER },
	[METRIC_EXPORTER_RECEIVE_DROPS] = { P "exporter_receive_drops_total", NULL, "Datagrams the kernel dropped because a socket's buffer was full.", COUNTER },
	[METRIC_EXPORTER_MISSING_RECORDS] = { P "exporter_missing_total", "unit=\"records\"", "What exporters sent and never came, by gaps in their sequences.", COUNTER },
	[METRIC_EXPORTER_MISSING_DATAGRAMS] = { P "exporter_missing_total", "unit=\"datagrams\"", NULL, COUNTER },
	[METRIC_EXPORTER_SOURCES] = { P "exporters", NULL, "Flow exporters known: addresses, protocols and domains.", GAUGE },
	[METRIC_EXPORTER_QUEUE] = { P "exporter_queue_batches", NULL, "Batches of flow exporters that wait to be stored.", GAUGE },
	[METRIC_HTTP_REQUESTS] = { P "http_requests_total", NULL, "Requests answered.", COUNTER },
	[METRIC_HTTP_ERRORS] = { P "http_errors_total", NULL, "Requests answered with status 400 and above.", COUNTER },
	[METRIC_HTTP_SLOW] = { P "http_slow_connections_total", NULL, "Connections cut because a request took too long.", COUNTER },
	[METRIC_QUEUE_BATCHES] = { P "queue_batches", NULL, "Batches not yet committed to the store.", GAUGE },
	[METRIC_QUEUE_BYTES] = { P "queue_bytes", NULL, "Memory held by these batches.", GAUGE },
	[METRIC_LAG_BYTES] = { P "lag_bytes", NULL, "Bytes in the segment log that the store does not have.", GAUGE },
	[METRIC_LOG_BYTES] = { P "log_bytes", NULL, "Segment log on disk.", GAUGE },
	[METRIC_STORE_BYTES] = { P "store_bytes", NULL, "Database files on disk.", GAUGE },
	[METRIC_STARTED_US] = { P "start_time_seconds", NULL, "When it started, since the epoch.", TIME },
	/* clang-format on */
};

static _Atomic uint64_t values[METRICS];

void metric_add(enum metric metric, uint64_t n)
{
	values[metric] += n;
}

void metric_set(enum metric metric, uint64_t n)
{
	values[metric] = n;
}

uint64_t metric_get(enum metric metric)
{
	return values[metric];
}

static void print_head(FILE *out, const char *name, const char *help, enum metric_kind kind)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		kind == GAUGE || kind == TIME ? "gauge" : "counter");
}

static void print_row(FILE *out, enum metric metric)
{
	const struct row *r = &rows[metric];
	uint64_t value = metric_get(metric);

	if (r->help)
		print_head(out, r->name, r->help, r->kind);
	fprintf(out, r->label ? "%s{%s} " : "%s%s ", r->name, r->label ? r->label : "");
	if (r->kind == SECONDS)
		fprintf(out, "%.9f\n", (double)value / 1e9);
	else if (r->kind == TIME)
		fprintf(out, "%.6f\n", (double)value / 1e6);
	else
		fprintf(out, "%" PRIu64 "\n", value);
}

static void print_process(FILE *out)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	print_head(out, P "build_info", "Its version, as a label.", GAUGE);
	fprintf(out, P "build_info{version=\"%s\"} 1\n", WT_VERSION);
	print_head(out, P "cpu_seconds_total", "User and system CPU time of the collector.",
		   COUNTER);
	fprintf(out, P "cpu_seconds_total %.6f\n",
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	print_head(out, P "max_resident_bytes", "Peak resident memory of the collector.", GAUGE);
	fprintf(out, P "max_resident_bytes %" PRIu64 "\n", (uint64_t)usage.ru_maxrss * 1024);
}

static int reply_text(struct api_reply *reply, char *text, size_t len)
{
	reply->status = 200;
	reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
	reply->body = text;
	reply->body_len = len;
	return 0;
}

int api_metrics(const struct api_request *req, struct api_reply *reply)
{
	const char *type;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool is_whole;

	if (!out)
		return -ENOMEM;
	metric_set(METRIC_STORE_BYTES, store_file_bytes(req->store));
	for (int i = 0; i < METRICS; i++)
		print_row(out, (enum metric)i);
	print_process(out);
	metrics_ledger_print(out);
	metrics_sinks_print(out);
	metrics_judge_print(out);
	series_print(out, req->now_us);
	metrics_latency_print(out);
	is_whole = !ferror(out);
	if (fclose(out) || !is_whole) {
		free(text);
		return -ENOMEM;
	}
	if (!metrics_formats_as(req->accept, &text, &len, &type))
		return -ENOMEM;
	reply_text(reply, text, len);
	reply->content_type = type;
	return 0;
}

int api_health(const struct api_request *req, struct api_reply *reply)
{
	char *text = NULL;
	int len = asprintf(&text, "ok\n");

	if (len < 0)
		return -ENOMEM;
	reply_text(reply, text, (size_t)len);
	reply->content_type = "text/plain; charset=utf-8";
	return 0;
}
