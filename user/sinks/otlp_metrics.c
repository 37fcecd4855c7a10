// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Values with attributes in, one request with a metric for each name and host out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h>

#include "user/lib/cleanup.h"
#include "user/sinks/otlp.h"
#include "user/sinks/otlp_attributes.h"

/* protobuf-c's names are long */
#define SERVICE(x) opentelemetry__proto__collector__metrics__v1__export_metrics_service_##x
#define TEMPORALITY(x) \
	OPENTELEMETRY__PROTO__METRICS__V1__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_##x

/* One value becomes one Metric of one ResourceMetrics of its host: receivers merge. */
struct metrics {
	struct pool pool;
	int64_t now_us;
	Opentelemetry__Proto__Metrics__V1__ResourceMetrics **list;
	size_t len;
};

static Opentelemetry__Proto__Metrics__V1__NumberDataPoint *make_point(
	struct metrics *m, const struct sink_metric *from)
{
	Opentelemetry__Proto__Metrics__V1__NumberDataPoint *p = pool_alloc(&m->pool, sizeof(*p));
	struct otlp_attributes a;

	if (!p)
		return NULL;
	opentelemetry__proto__metrics__v1__number_data_point__init(p);
	otlp_attributes_init(&a, &m->pool);
	for (size_t i = 0; i < from->attributes_len; i++)
		otlp_add_text(&a, from->attributes[i].name, from->attributes[i].value);
	p->attributes = a.at;
	p->n_attributes = a.len;
	p->start_time_unix_nano = (uint64_t)from->since_us * 1000;
	p->time_unix_nano = (uint64_t)m->now_us * 1000;
	p->value_case = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
	p->as_int = from->value > INT64_MAX ? INT64_MAX : (int64_t)from->value;
	return p;
}

static Opentelemetry__Proto__Metrics__V1__Metric *make_metric(struct metrics *m,
							      const struct sink_metric *from)
{
	Opentelemetry__Proto__Metrics__V1__Metric *metric = pool_alloc(&m->pool, sizeof(*metric));
	Opentelemetry__Proto__Metrics__V1__Sum *sum = pool_alloc(&m->pool, sizeof(*sum));
	Opentelemetry__Proto__Metrics__V1__NumberDataPoint **points =
		pool_alloc(&m->pool, sizeof(void *));

	if (m->pool.failed)
		return NULL;
	opentelemetry__proto__metrics__v1__metric__init(metric);
	opentelemetry__proto__metrics__v1__sum__init(sum);
	*points = make_point(m, from);
	sum->data_points = points;
	sum->n_data_points = 1;
	sum->is_monotonic = !from->is_level;
	sum->aggregation_temporality = TEMPORALITY(CUMULATIVE);
	metric->name = (char *)from->name;
	metric->unit = (char *)from->unit;
	metric->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM;
	metric->sum = sum;
	return metric;
}

static Opentelemetry__Proto__Resource__V1__Resource *make_resource(struct metrics *m,
								   const struct sink_metric *from)
{
	Opentelemetry__Proto__Resource__V1__Resource *r = pool_alloc(&m->pool, sizeof(*r));
	struct otlp_attributes a;

	if (!r)
		return NULL;
	opentelemetry__proto__resource__v1__resource__init(r);
	otlp_attributes_init(&a, &m->pool);
	otlp_add_text(&a, "service.name", "wiretally");
	otlp_add_text(&a, "host.name", from->host);
	r->attributes = a.at;
	r->n_attributes = a.len;
	return r;
}

static void take(void *arg, const struct sink_metric *from)
{
	struct metrics *m = arg;
	Opentelemetry__Proto__Metrics__V1__ResourceMetrics *resource;
	Opentelemetry__Proto__Metrics__V1__ScopeMetrics *scope, **scopes;
	Opentelemetry__Proto__Metrics__V1__Metric **metrics;

	if (m->pool.failed || m->len == OTLP_METRICS_MAX)
		return;
	resource = pool_alloc(&m->pool, sizeof(*resource));
	scope = pool_alloc(&m->pool, sizeof(*scope));
	scopes = pool_alloc(&m->pool, sizeof(*scopes));
	metrics = pool_alloc(&m->pool, sizeof(*metrics));
	if (m->pool.failed)
		return;
	opentelemetry__proto__metrics__v1__resource_metrics__init(resource);
	opentelemetry__proto__metrics__v1__scope_metrics__init(scope);
	*metrics = make_metric(m, from);
	*scopes = scope;
	scope->metrics = metrics;
	scope->n_metrics = 1;
	resource->resource = make_resource(m, from);
	resource->scope_metrics = scopes;
	resource->n_scope_metrics = 1;
	m->list[m->len++] = resource;
}

int otlp_metrics(const struct sink_metrics *source, int64_t now_us, uint8_t **ret, size_t *ret_len)
{
	Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest request =
		OPENTELEMETRY__PROTO__COLLECTOR__METRICS__V1__EXPORT_METRICS_SERVICE_REQUEST__INIT;
	struct metrics m = { .now_us = now_us };
	int err = -ENOMEM;

	m.list = pool_alloc(&m.pool, OTLP_METRICS_MAX * sizeof(void *));
	if (m.list)
		source->each(source->arg, take, &m);
	request.resource_metrics = m.list;
	request.n_resource_metrics = m.len;
	if (!m.pool.failed) {
		*ret_len = SERVICE(request__get_packed_size)(&request);
		*ret = malloc(*ret_len + 1);
		err = *ret ? 0 : -ENOMEM;
	}
	if (!err)
		SERVICE(request__pack)(&request, *ret);
	pool_done(&m.pool);
	return err;
}
