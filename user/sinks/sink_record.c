// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* One row in, a message or an object out. */
#include "user/sinks/sink_record.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "proto/wiretally.pb-c.h"
#include "user/lib/addr.h"
#include "user/lib/cleanup.h"
#include "user/wire/batch_signal.h"

#define VLAN_TAGGED 0x1000

/* ---- protobuf ------------------------------------------------------------------------------- */

/* The same name and type on both sides. */
/* clang-format off */
#define FLOW_NUMBERS(X)                                                                     \
	X(start_us) X(end_us) X(ethertype) X(flags) X(netns) X(vlan_outer) X(vlan_inner)    \
	X(tunnel_id) X(packets) X(l2_octets) X(l3_octets) X(tcp_flags) X(dscp) X(ttl_min)   \
	X(ttl_max) X(sampling)
/* clang-format on */

static void fill_flow(const struct sink_rows *rows, const struct flow *f, Wiretally__V1__Flow *m)
{
	const char *name = sink_interface_name(rows, f->ifindex, f->netns);

	wiretally__v1__flow__init(m);
#define FILL(of) m->of = f->of;
	FLOW_NUMBERS(FILL)
#undef FILL
	if (flow_has_addresses(f)) {
		m->source = (ProtobufCBinaryData){ 16, (uint8_t *)f->src };
		m->destination = (ProtobufCBinaryData){ 16, (uint8_t *)f->dst };
	}
	m->source_port = f->src_port;
	m->destination_port = f->dst_port;
	m->protocol = f->proto;
	m->kind = f->kind == FLOW_FOLD ? WIRETALLY__V1__ROW_KIND__FOLD
				       : WIRETALLY__V1__ROW_KIND__FLOW;
	m->interface = f->ifindex;
	if (name)
		m->interface_name = (char *)name;
	m->source_as = f->src_as;
	m->destination_as = f->dst_as;
	m->peer_interface = f->peer_ifindex;
}

int sink_record_protobuf(const struct sink_rows *rows, size_t i, uint8_t out[SINK_RECORD_MAX])
{
	Wiretally__V1__Record record = WIRETALLY__V1__RECORD__INIT;
	Wiretally__V1__Flow flow;
	Wiretally__V1__Connection connection;
	Wiretally__V1__Drop drop;
	struct sink_row row = sink_row(rows, i);

	record.agent = (char *)rows->agent;
	record.host = (char *)rows->host;
	record.exporter = (char *)rows->exporter;
	if (row.flow) {
		fill_flow(rows, row.flow, &flow);
		record.what_case = WIRETALLY__V1__RECORD__WHAT_FLOW;
		record.flow = &flow;
	} else if (row.connection) {
		batch_fill_connection(row.connection, &connection);
		record.what_case = WIRETALLY__V1__RECORD__WHAT_CONNECTION;
		record.connection = &connection;
	} else {
		batch_fill_drop(row.drop, &drop);
		record.what_case = WIRETALLY__V1__RECORD__WHAT_DROP;
		record.drop = &drop;
	}
	if (wiretally__v1__record__get_packed_size(&record) > SINK_RECORD_MAX)
		return -EMSGSIZE;
	return (int)wiretally__v1__record__pack(&record, out);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_t *number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

/* Names come from outside: what is not UTF-8 is "?". */
static json_t *text(const char *bytes)
{
	json_t *json = json_string(bytes);

	return json ? json : json_string("?");
}

static json_t *address(const uint8_t bytes[16])
{
	char at[ADDR_TEXT_MAX];

	return json_string(addr_format(bytes, at));
}

static json_t *vlan(uint16_t tag)
{
	return tag & VLAN_TAGGED ? json_integer(tag & (VLAN_TAGGED - 1)) : json_null();
}

static void add(json_t *to, const char *name, json_t *value)
{
	json_object_set_new_nocheck(to, name, value ? value : json_null());
}

static void add_flow_place(json_t *to, const struct sink_rows *rows, const struct flow *f)
{
	const char *name = sink_interface_name(rows, f->ifindex, f->netns);

	add(to, "interface", name ? text(name) : json_null());
	add(to, "ifindex", number(f->ifindex));
	add(to, "netns", number(f->netns));
	add(to, "direction", json_string(f->flags & FLOW_EGRESS ? "egress" : "ingress"));
	add(to, "counted", json_boolean(f->flags & FLOW_COUNTED));
	add(to, "inner", json_boolean(f->flags & FLOW_INNER));
	add(to, "later_fragment", json_boolean(f->flags & FLOW_LATER_FRAGMENT));
	add(to, "vlan_outer", vlan(f->vlan_outer));
	add(to, "vlan_inner", vlan(f->vlan_inner));
	add(to, "tunnel_id", number(f->tunnel_id));
	add(to, "peer_ifindex", number(f->peer_ifindex));
}

static void add_flow(json_t *to, const struct sink_rows *rows, const struct flow *f)
{
	bool is_ip = flow_has_addresses(f);

	add(to, "start_us", json_integer(f->start_us));
	add(to, "end_us", json_integer(f->end_us));
	add(to, "src", is_ip ? address(f->src) : NULL);
	add(to, "dst", is_ip ? address(f->dst) : NULL);
	add(to, "src_port", is_ip ? number(f->src_port) : NULL);
	add(to, "dst_port", is_ip ? number(f->dst_port) : NULL);
	add(to, "proto", number(f->proto));
	add(to, "ethertype", number(f->ethertype));
	add(to, "folded", json_boolean(f->kind == FLOW_FOLD));
	add(to, "packets", number(f->packets));
	add(to, "octets", number(f->l2_octets));
	add(to, "l3_octets", number(f->l3_octets));
	add(to, "tcp_flags", number(f->tcp_flags));
	add(to, "dscp", number(f->dscp));
	add(to, "ttl_min", number(f->ttl_min));
	add(to, "ttl_max", number(f->ttl_max));
	add(to, "sampling", number(f->sampling ? f->sampling : 1));
	add(to, "src_as", number(f->src_as));
	add(to, "dst_as", number(f->dst_as));
	add_flow_place(to, rows, f);
}

static const char *or_unknown(const char *name)
{
	return name ? name : "unknown";
}

/* clang-format off */
#define CONNECTION_COUNTS(X)                                                                \
	X(netns) X(local_port) X(remote_port) X(connect_ns) X(accept_ns) X(octets_acked)    \
	X(octets_received) X(segments_out) X(retransmits) X(retransmits_rto)                \
	X(retransmits_fast) X(retransmits_syn) X(retransmits_synack) X(retransmit_octets)   \
	X(srtt_us) X(rttvar_us) X(min_rtt_us) X(cwnd) X(reordering) X(lost) X(unacked)      \
	X(pacing_rate) X(delivery_rate) X(pid) X(cgroup)
/* clang-format on */

static void add_connection(json_t *to, const struct connection *c)
{
	char id[20];

	snprintf(id, sizeof(id), "%016llx", (unsigned long long)c->id);
	add(to, "id", json_string(id));
	add(to, "proto", number(c->protocol));
	add(to, "role", json_string(or_unknown(connection_role_name(c->role))));
	add(to, "end", json_string(or_unknown(connection_end_name(c->end))));
	add(to, "state", number(c->state));
	add(to, "error", number(c->error));
	add(to, "local_address", address(c->local));
	add(to, "remote_address", address(c->remote));
	add(to, "start_us", json_integer(c->start_us));
	add(to, "last_us", json_integer(c->last_us));
	add(to, "end_us", json_integer(c->end_us));
#define ADD(name) add(to, #name, number(c->name));
	CONNECTION_COUNTS(ADD)
#undef ADD
	add(to, "uid", c->uid == CONNECTION_UID_UNKNOWN ? NULL : number(c->uid));
	add(to, "comm", text(c->comm));
	add(to, "cgroup_path", text(c->cgroup_path));
}

static void add_drop(json_t *to, const struct sink_rows *rows, const struct drop *d)
{
	const char *name = sink_interface_name(rows, d->ifindex, d->netns);

	add(to, "start_us", json_integer(d->start_us));
	add(to, "end_us", json_integer(d->end_us));
	add(to, "reason", text(d->reason));
	add(to, "location", text(d->location));
	add(to, "packets", number(d->packets));
	add(to, "octets", number(d->octets));
	add(to, "purged", json_boolean(d->purged));
	add(to, "src", d->has_tuple ? address(d->src) : NULL);
	add(to, "dst", d->has_tuple ? address(d->dst) : NULL);
	add(to, "src_port", d->has_tuple ? number(d->src_port) : NULL);
	add(to, "dst_port", d->has_tuple ? number(d->dst_port) : NULL);
	add(to, "proto", number(d->proto));
	add(to, "ethertype", number(d->ethertype));
	add(to, "interface", name ? text(name) : NULL);
	add(to, "ifindex", number(d->ifindex));
	add(to, "netns", number(d->netns));
}

int sink_record_json(const struct sink_rows *rows, size_t i, char out[SINK_RECORD_MAX])
{
	json_t *object = json_object();
	struct sink_row row = sink_row(rows, i);
	size_t n;

	add(object, "type",
	    json_string(row.flow	 ? "flow"
			: row.connection ? "connection"
					 : "drop"));
	add(object, "agent", text(rows->agent));
	add(object, "host", text(rows->host));
	add(object, "exporter", text(rows->exporter));
	if (row.flow)
		add_flow(object, rows, row.flow);
	else if (row.connection)
		add_connection(object, row.connection);
	else
		add_drop(object, rows, row.drop);
	n = json_dumpb(object, out, SINK_RECORD_MAX, JSON_COMPACT);
	json_decref(object);
	return n && n <= SINK_RECORD_MAX ? (int)n : -EMSGSIZE;
}

/* ---- the key -------------------------------------------------------------------------------- */

/* Where from and where to; zeros where a row has neither. */
struct ends {
	const uint8_t *a, *b;
	unsigned int a_port, b_port, proto;
};

static struct ends ends_of(const struct sink_row *row)
{
	const struct flow *f = row->flow;
	const struct connection *c = row->connection;
	const struct drop *d = row->drop;

	if (f)
		return (struct ends){ f->src, f->dst, f->src_port, f->dst_port, f->proto };
	if (c)
		return (struct ends){ c->local, c->remote, c->local_port, c->remote_port,
				      c->protocol };
	return (struct ends){ d->src, d->dst, d->src_port, d->dst_port, d->proto };
}

int sink_record_key(const struct sink_rows *rows, size_t i, char out[SINK_KEY_MAX])
{
	struct sink_row row = sink_row(rows, i);
	struct ends e = ends_of(&row);
	char a_text[ADDR_TEXT_MAX], b_text[ADDR_TEXT_MAX];
	int order = memcmp(e.a, e.b, 16);

	addr_format(e.a, a_text);
	addr_format(e.b, b_text);
	if (order > 0 || (!order && e.a_port > e.b_port))
		return snprintf(out, SINK_KEY_MAX, "%u %s %u %s %u", e.proto, b_text, e.b_port,
				a_text, e.a_port);
	return snprintf(out, SINK_KEY_MAX, "%u %s %u %s %u", e.proto, a_text, e.a_port, b_text,
			e.b_port);
}
