// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, one request with a log record for each out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h>

#include "user/lib/addr.h"
#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/container.h"
#include "user/sinks/otlp.h"
#include "user/sinks/otlp_attributes.h"

#define VLAN_TAGGED 0x1000
/* protobuf-c's names are long */
#define SERVICE(x) opentelemetry__proto__collector__logs__v1__export_logs_service_##x
#define INFO OPENTELEMETRY__PROTO__LOGS__V1__SEVERITY_NUMBER__SEVERITY_NUMBER_INFO
#define SCOPE "wiretally"
#define SCHEMA_URL "https://opentelemetry.io/schemas/1.28.0"

struct logs {
	struct pool pool;
	Opentelemetry__Proto__Logs__V1__LogRecord *records, **list;
};

static const char *transport(uint8_t proto)
{
	switch (proto) {
	case 6:
		return "tcp";
	case 17:
		return "udp";
	case 1:
	case 58:
		return "icmp";
	case 132:
		return "sctp";
	default:
		return "";
	}
}

static void add_ends(struct otlp_attributes *a, const uint8_t src[16], uint16_t src_port,
		     const uint8_t dst[16], uint16_t dst_port)
{
	otlp_add_address(a, "source.address", src);
	otlp_add_int(a, "source.port", src_port);
	otlp_add_address(a, "destination.address", dst);
	otlp_add_int(a, "destination.port", dst_port);
	otlp_add_text(a, "network.type", addr_is_v4(src) ? "ipv4" : "ipv6");
}

static void flow_attributes(const struct sink_rows *rows, const struct flow *f,
			    struct otlp_attributes *a)
{
	const char *name = sink_interface_name(rows, f->ifindex, f->netns);

	if (flow_has_addresses(f))
		add_ends(a, f->src, f->src_port, f->dst, f->dst_port);
	otlp_add_text(a, "network.transport", transport(f->proto));
	otlp_add_int(a, "network.protocol.number", f->proto);
	otlp_add_text(a, "network.io.direction", f->flags & FLOW_EGRESS ? "transmit" : "receive");
	otlp_add_text(a, "network.interface.name", name ? name : "");
	otlp_add_int(a, "wiretally.flow.packets", f->packets);
	otlp_add_int(a, "wiretally.flow.octets", f->l2_octets);
	otlp_add_int(a, "wiretally.flow.l3_octets", f->l3_octets);
	otlp_add_int(a, "wiretally.flow.start_us", (uint64_t)f->start_us);
	otlp_add_int(a, "wiretally.flow.end_us", (uint64_t)f->end_us);
	otlp_add_int(a, "wiretally.flow.tcp_flags", f->tcp_flags);
	otlp_add_int(a, "wiretally.flow.dscp", f->dscp);
	otlp_add_bool(a, "wiretally.flow.folded", f->kind == FLOW_FOLD);
	if (f->vlan_outer & VLAN_TAGGED)
		otlp_add_int(a, "wiretally.flow.vlan", f->vlan_outer & (VLAN_TAGGED - 1));
	if (f->tunnel_id)
		otlp_add_int(a, "wiretally.flow.tunnel_id", f->tunnel_id);
	if (f->sampling > 1)
		otlp_add_int(a, "wiretally.flow.sampling", f->sampling);
}

static void connection_attributes(const struct connection *c, struct otlp_attributes *a)
{
	const char *role = connection_role_name(c->role), *end = connection_end_name(c->end);
	struct container container;
	char id[20];

	otlp_add_address(a, "network.local.address", c->local);
	otlp_add_int(a, "network.local.port", c->local_port);
	otlp_add_address(a, "network.peer.address", c->remote);
	otlp_add_int(a, "network.peer.port", c->remote_port);
	otlp_add_text(a, "network.transport", transport(c->protocol));
	otlp_add_text(a, "network.type", addr_is_v4(c->local) ? "ipv4" : "ipv6");
	if (c->pid)
		otlp_add_int(a, "process.pid", c->pid);
	otlp_add_text(a, "process.executable.name", c->comm);
	otlp_add_text(a, "process.linux.cgroup", c->cgroup_path);
	container_of_cgroup(c->cgroup_path, &container);
	otlp_add_text(a, "container.id", container.id);
	otlp_add_text(a, "k8s.pod.uid", container.pod_uid);
	otlp_add_text(a, "wiretally.connection.role", role ? role : "");
	otlp_add_text(a, "wiretally.connection.end", end ? end : "");
	otlp_add_int(a, "wiretally.connection.connect_ns", c->connect_ns);
	otlp_add_int(a, "wiretally.connection.srtt_us", c->srtt_us);
	otlp_add_int(a, "wiretally.connection.retransmits", c->retransmits);
	otlp_add_int(a, "wiretally.connection.octets_acked", c->octets_acked);
	otlp_add_int(a, "wiretally.connection.octets_received", c->octets_received);
	otlp_add_int(a, "wiretally.connection.error", c->error);
	snprintf(id, sizeof(id), "%016llx", (unsigned long long)c->id);
	otlp_add_text(a, "wiretally.connection.id", id);
}

static void drop_attributes(const struct sink_rows *rows, const struct drop *d,
			    struct otlp_attributes *a)
{
	const char *name = sink_interface_name(rows, d->ifindex, d->netns);

	if (d->has_tuple) {
		add_ends(a, d->src, d->src_port, d->dst, d->dst_port);
		otlp_add_text(a, "network.transport", transport(d->proto));
	}
	otlp_add_text(a, "network.interface.name", name ? name : "");
	otlp_add_text(a, "wiretally.drop.reason", d->reason);
	otlp_add_text(a, "wiretally.drop.location", d->location);
	otlp_add_int(a, "wiretally.drop.packets", d->packets);
	otlp_add_int(a, "wiretally.drop.octets", d->octets);
	otlp_add_bool(a, "wiretally.drop.purged", d->purged);
	otlp_add_int(a, "wiretally.drop.start_us", (uint64_t)d->start_us);
	otlp_add_int(a, "wiretally.drop.end_us", (uint64_t)d->end_us);
}

static void fill_record(const struct sink_rows *rows, size_t i, struct logs *l,
			Opentelemetry__Proto__Logs__V1__LogRecord *r)
{
	struct otlp_attributes a;
	struct sink_row row = sink_row(rows, i);
	int64_t at_us;

	opentelemetry__proto__logs__v1__log_record__init(r);
	otlp_attributes_init(&a, &l->pool);
	if (row.flow) {
		flow_attributes(rows, row.flow, &a);
		r->event_name = "wiretally.flow";
		at_us = row.flow->end_us;
	} else if (row.connection) {
		connection_attributes(row.connection, &a);
		r->event_name = "wiretally.connection";
		at_us = row.connection->last_us;
	} else {
		drop_attributes(rows, row.drop, &a);
		r->event_name = "wiretally.drop";
		at_us = row.drop->end_us;
	}
	otlp_add_text(&a, "event.name", r->event_name); /* where event_name is not known yet */
	r->time_unix_nano = (uint64_t)at_us * 1000;
	r->observed_time_unix_nano = (uint64_t)wall_us() * 1000;
	r->severity_number = INFO;
	r->severity_text = "INFO";
	r->body = otlp_text_value(&l->pool, r->event_name);
	r->attributes = a.at;
	r->n_attributes = a.len;
}

static void who(const struct sink_rows *rows, struct otlp_attributes *a)
{
	otlp_add_text(a, "service.name", "wiretally-agent");
	otlp_add_text(a, "service.version", WT_VERSION);
	otlp_add_text(a, "service.instance.id", rows->agent);
	otlp_add_text(a, "host.name", rows->host);
	otlp_add_text(a, "wiretally.exporter", rows->exporter);
}

static int pack(const Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest *m,
		uint8_t **ret, size_t *ret_len)
{
	*ret_len = SERVICE(request__get_packed_size)(m);
	*ret = malloc(*ret_len + 1);
	if (!*ret)
		return -ENOMEM;
	SERVICE(request__pack)(m, *ret);
	return 0;
}

int otlp_logs(const struct sink_rows *rows, size_t from, size_t len, uint8_t **ret, size_t *ret_len)
{
	Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest request =
		OPENTELEMETRY__PROTO__COLLECTOR__LOGS__V1__EXPORT_LOGS_SERVICE_REQUEST__INIT;
	Opentelemetry__Proto__Logs__V1__ResourceLogs
		resource_logs = OPENTELEMETRY__PROTO__LOGS__V1__RESOURCE_LOGS__INIT,
		*resources = &resource_logs;
	Opentelemetry__Proto__Logs__V1__ScopeLogs
		scope_logs = OPENTELEMETRY__PROTO__LOGS__V1__SCOPE_LOGS__INIT,
		*scopes = &scope_logs;
	Opentelemetry__Proto__Resource__V1__Resource resource =
		OPENTELEMETRY__PROTO__RESOURCE__V1__RESOURCE__INIT;
	Opentelemetry__Proto__Common__V1__InstrumentationScope scope =
		OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;
	AUTO(pool_done) struct pool pool = { 0 };
	struct logs l = { .pool = { 0 } };
	struct otlp_attributes a;
	int err;

	l.records = pool_alloc(&l.pool, len * sizeof(*l.records));
	l.list = pool_alloc(&l.pool, len * sizeof(void *));
	for (size_t i = 0; !l.pool.failed && i < len; i++) {
		l.list[i] = &l.records[i];
		fill_record(rows, from + i, &l, &l.records[i]);
	}
	otlp_attributes_init(&a, &l.pool);
	who(rows, &a);
	pool = l.pool; /* whose end is ours */
	resource.attributes = a.at;
	resource.n_attributes = a.len;
	scope.name = SCOPE;
	scope.version = WT_VERSION;
	scope_logs.scope = &scope;
	scope_logs.log_records = l.list;
	scope_logs.n_log_records = len;
	resource_logs.resource = &resource;
	resource_logs.schema_url = SCHEMA_URL;
	resource_logs.scope_logs = &scopes;
	resource_logs.n_scope_logs = 1;
	request.resource_logs = &resources;
	request.n_resource_logs = 1;
	err = pool.failed ? -ENOMEM : pack(&request, ret, ret_len);
	return err;
}

uint64_t otlp_rejected(const void *body, size_t len)
{
	Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceResponse *m =
		SERVICE(response__unpack)(NULL, len, body);
	uint64_t n = 0;

	if (m && m->partial_success && m->partial_success->rejected_log_records > 0)
		n = (uint64_t)m->partial_success->rejected_log_records;
	if (m)
		SERVICE(response__free_unpacked)(m, NULL);
	return n;
}
