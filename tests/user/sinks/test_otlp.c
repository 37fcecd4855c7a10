// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/sinks/otlp.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h>
#include <opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h>

#include "user/lib/addr.h"

#define LOGS(x) opentelemetry__proto__collector__logs__v1__export_logs_service_##x
#define METRICS(x) opentelemetry__proto__collector__metrics__v1__export_metrics_service_##x

static const char *text_of(Opentelemetry__Proto__Common__V1__KeyValue **at, size_t len,
			   const char *key)
{
	for (size_t i = 0; i < len; i++)
		if (!strcmp(at[i]->key, key))
			return at[i]->value->string_value;
	return NULL;
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CGROUP                                                             \
	"/kubepods.slice/kubepods-pod0f1c2b3a_1111_2222_3333_444455556666" \
	".slice/cri-containerd-" ID ".scope"

Test(otlp, rows_from_the_middle)
{
	struct flow f[3] = { { .ethertype = 0x0800, .proto = 17 } };
	struct connection c = { .id = 7, .protocol = 6, .comm = "a\xff", .cgroup_path = CGROUP };
	struct drop d = { .reason = "NO_SOCKET", .packets = 2 };
	struct sink_rows rows = { .agent = "a",
				  .host = "h",
				  .flows = f,
				  .flows_len = 3,
				  .connections = &c,
				  .connections_len = 1,
				  .drops = &d,
				  .drops_len = 1 };
	Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest *m;
	Opentelemetry__Proto__Logs__V1__ScopeLogs *scope;
	uint8_t *bytes;
	size_t len;

	f[2] = f[1] = f[0];
	addr_parse("10.0.0.1", f[2].src);
	addr_parse("10.0.0.2", f[2].dst);
	cr_assert(otlp_logs(&rows, 2, 3, &bytes, &len) == 0);
	m = LOGS(request__unpack)(NULL, len, bytes);
	cr_assert(m && m->n_resource_logs == 1);
	scope = m->resource_logs[0]->scope_logs[0];
	cr_assert(scope->n_log_records == 3);
	cr_expect_str_eq(text_of(scope->log_records[0]->attributes,
				 scope->log_records[0]->n_attributes, "source.address"),
			 "10.0.0.1");
	cr_expect_str_eq(scope->log_records[1]->event_name, "wiretally.connection");
	cr_expect_str_eq(text_of(scope->log_records[1]->attributes,
				 scope->log_records[1]->n_attributes, "process.executable.name"),
			 "?", "no UTF-8");
	cr_expect_str_eq(text_of(scope->log_records[1]->attributes,
				 scope->log_records[1]->n_attributes, "k8s.pod.uid"),
			 "0f1c2b3a-1111-2222-3333-444455556666");
	cr_expect_str_eq(text_of(scope->log_records[1]->attributes,
				 scope->log_records[1]->n_attributes, "container.id"),
			 ID);
	cr_expect_str_eq(scope->log_records[2]->event_name, "wiretally.drop");
	cr_expect_str_eq(text_of(scope->log_records[2]->attributes,
				 scope->log_records[2]->n_attributes, "wiretally.drop.reason"),
			 "NO_SOCKET");
	cr_expect_str_eq(text_of(m->resource_logs[0]->resource->attributes,
				 m->resource_logs[0]->resource->n_attributes, "host.name"),
			 "h");
	LOGS(request__free_unpacked)(m, NULL);
	free(bytes);
}

Test(otlp, answers_from_outside)
{
	cr_expect(otlp_rejected("", 0) == 0);
	cr_expect(otlp_rejected("\x0a\x02\x08\x05", 4) == 5);
	cr_expect(otlp_rejected("\x0a\xff\x08", 3) == 0, "cut");
	cr_expect(otlp_rejected("<html>", 6) == 0);
	/* a negative number of them */
	cr_expect(otlp_rejected("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13) == 0);
}

static void each(void *source_arg, sink_metric_fn *fn, void *arg)
{
	const size_t *many = source_arg;
	struct sink_metric m = { .name = "n",
				 .unit = "By",
				 .host = "h",
				 .value = UINT64_MAX,
				 .attributes = { { "a", "b" }, { "none", "" } },
				 .attributes_len = 2 };

	for (size_t i = 0; i < *many; i++)
		fn(arg, &m);
}

Test(otlp, metrics_up_to_a_bound)
{
	size_t many = OTLP_METRICS_MAX + 5, len;
	const struct sink_metrics source = { each, &many };
	Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest *m;
	Opentelemetry__Proto__Metrics__V1__Sum *sum;
	uint8_t *bytes;

	cr_assert(otlp_metrics(&source, 5, &bytes, &len) == 0);
	m = METRICS(request__unpack)(NULL, len, bytes);
	cr_assert(m && m->n_resource_metrics == OTLP_METRICS_MAX);
	sum = m->resource_metrics[0]->scope_metrics[0]->metrics[0]->sum;
	cr_expect(sum->is_monotonic && sum->data_points[0]->as_int == INT64_MAX);
	cr_expect(sum->data_points[0]->n_attributes == 1, "an empty one is left out");
	METRICS(request__free_unpacked)(m, NULL);
	free(bytes);
}
