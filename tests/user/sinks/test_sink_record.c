// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/sinks/sink_record.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

#include "proto/wiretally.pb-c.h"
#include "user/lib/addr.h"
#include "user/lib/cleanup.h"

static struct watched_interface eth0 = { .index = 3, .netns = 9, .name = "eth0" };

static struct flow a_flow(const char *src, uint16_t src_port, const char *dst, uint16_t dst_port)
{
	struct flow f = { .ethertype = 0x0800,
			  .proto = 6,
			  .src_port = src_port,
			  .dst_port = dst_port,
			  .ifindex = 3,
			  .netns = 9,
			  .packets = 5,
			  .l2_octets = 500,
			  .l3_octets = 430,
			  .flags = FLOW_COUNTED | FLOW_EGRESS,
			  .vlan_outer = 0x1007 };

	addr_parse(src, f.src);
	addr_parse(dst, f.dst);
	return f;
}

static struct sink_rows rows_of(struct flow *f, struct connection *c)
{
	struct sink_rows r = { .agent = "a",
			       .host = "h",
			       .interfaces = &eth0,
			       .interfaces_len = 1,
			       .flows = f,
			       .flows_len = f ? 1 : 0,
			       .connections = c,
			       .connections_len = c ? 1 : 0 };

	return r;
}

static const char *text_at(json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static json_int_t number_at(json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static json_t *as_json(const struct sink_rows *r)
{
	char out[SINK_RECORD_MAX];
	int n = sink_record_json(r, 0, out);
	json_t *o = n > 0 ? json_loadb(out, (size_t)n, 0, NULL) : NULL;

	cr_assert_not_null(o, "%d", n);
	return o;
}

Test(sink_record, a_flow_as_json)
{
	struct flow f = a_flow("10.0.0.1", 1234, "10.0.0.2", 443);
	struct sink_rows r = rows_of(&f, NULL);
	json_t *o = as_json(&r);

	cr_expect_str_eq(text_at(o, "type"), "flow");
	cr_expect_str_eq(text_at(o, "src"), "10.0.0.1");
	cr_expect_str_eq(text_at(o, "interface"), "eth0");
	cr_expect_str_eq(text_at(o, "direction"), "egress");
	cr_expect(number_at(o, "dst_port") == 443 && number_at(o, "octets") == 500);
	cr_expect(number_at(o, "vlan_outer") == 7);
	cr_expect(json_is_null(json_object_get(o, "vlan_inner")));
	json_decref(o);
}

Test(sink_record, what_has_no_address_says_none)
{
	struct flow f = a_flow("10.0.0.1", 1, "10.0.0.2", 2);
	struct sink_rows r = rows_of(&f, NULL);
	json_t *o;

	f.kind = FLOW_FOLD;
	o = as_json(&r);
	cr_expect(json_is_null(json_object_get(o, "src")) &&
		  json_is_true(json_object_get(o, "folded")));
	json_decref(o);
}

/* Whatever a process calls itself. */
Test(sink_record, a_connection_with_a_name_from_outside)
{
	struct connection c = { .id = 0xabc,
				.protocol = 6,
				.role = ROLE_CLIENT,
				.end = 99,
				.comm = "\"x\"\n\xff",
				.cgroup_path = "/a\\b" };
	struct sink_rows r = rows_of(NULL, &c);
	json_t *o = as_json(&r);

	cr_expect_str_eq(text_at(o, "type"), "connection");
	cr_expect_str_eq(text_at(o, "id"), "0000000000000abc");
	cr_expect_str_eq(text_at(o, "comm"), "?");
	cr_expect_str_eq(text_at(o, "cgroup_path"), "/a\\b");
	cr_expect_str_eq(text_at(o, "end"), "unknown");
	json_decref(o);
}

Test(sink_record, a_drop)
{
	struct drop d = { .has_tuple = true,
			  .src_port = 53,
			  .dst_port = 9,
			  .proto = 17,
			  .ifindex = 3,
			  .netns = 9,
			  .packets = 4,
			  .reason = "NO_SOCKET",
			  .location = "udp_unicast_rcv_skb+0x7b" };
	struct sink_rows r = rows_of(NULL, NULL);
	char key[SINK_KEY_MAX];
	uint8_t out[SINK_RECORD_MAX];
	Wiretally__V1__Record *m;
	json_t *o;
	int n;

	addr_parse("10.0.0.9", d.src);
	addr_parse("10.0.0.1", d.dst);
	r.drops = &d;
	r.drops_len = 1;
	o = as_json(&r);
	cr_expect_str_eq(text_at(o, "type"), "drop");
	cr_expect_str_eq(text_at(o, "reason"), "NO_SOCKET");
	cr_expect_str_eq(text_at(o, "dst"), "10.0.0.1");
	cr_expect_str_eq(text_at(o, "interface"), "eth0");
	cr_expect(number_at(o, "packets") == 4);
	json_decref(o);
	cr_expect(sink_record_key(&r, 0, key) > 0);
	cr_expect_str_eq(key, "17 10.0.0.1 9 10.0.0.9 53", "as its flow's");
	n = sink_record_protobuf(&r, 0, out);
	cr_assert(n > 0);
	m = wiretally__v1__record__unpack(NULL, (size_t)n, out);
	cr_assert(m && m->what_case == WIRETALLY__V1__RECORD__WHAT_DROP);
	cr_expect(m->drop->packets == 4 && m->drop->source.len == 16);
	wiretally__v1__record__free_unpacked(m, NULL);
	d.has_tuple = false;
	o = as_json(&r);
	cr_expect(json_is_null(json_object_get(o, "src")));
	json_decref(o);
}

Test(sink_record, both_as_protobuf)
{
	struct flow f = a_flow("2001:db8::1", 1234, "2001:db8::2", 443);
	struct connection c = { .id = 5, .protocol = 6, .comm = "curl", .retransmits = 3 };
	struct sink_rows r = rows_of(&f, &c);
	uint8_t out[SINK_RECORD_MAX];
	Wiretally__V1__Record *m;
	int n;

	f.ethertype = 0x86dd;
	n = sink_record_protobuf(&r, 0, out);
	cr_assert(n > 0);
	m = wiretally__v1__record__unpack(NULL, (size_t)n, out);
	cr_assert(m && m->what_case == WIRETALLY__V1__RECORD__WHAT_FLOW);
	cr_expect(m->flow->source.len == 16 && !memcmp(m->flow->source.data, f.src, 16));
	cr_expect(m->flow->packets == 5 && m->flow->destination_port == 443);
	cr_expect_str_eq(m->flow->interface_name, "eth0");
	wiretally__v1__record__free_unpacked(m, NULL);
	n = sink_record_protobuf(&r, 1, out);
	cr_assert(n > 0);
	m = wiretally__v1__record__unpack(NULL, (size_t)n, out);
	cr_assert(m && m->what_case == WIRETALLY__V1__RECORD__WHAT_CONNECTION);
	cr_expect(m->connection->id == 5 && m->connection->retransmits == 3);
	cr_expect_str_eq(m->connection->comm, "curl");
	wiretally__v1__record__free_unpacked(m, NULL);
}

Test(sink_record, both_directions_have_one_key)
{
	struct flow there = a_flow("10.0.0.9", 80, "10.0.0.2", 443);
	struct flow back = a_flow("10.0.0.2", 443, "10.0.0.9", 80);
	struct sink_rows r = rows_of(&there, NULL);
	char a[SINK_KEY_MAX], b[SINK_KEY_MAX];

	sink_record_key(&r, 0, a);
	r.flows = &back;
	sink_record_key(&r, 0, b);
	cr_expect_str_eq(a, b);
	cr_expect_str_eq(a, "6 10.0.0.2 443 10.0.0.9 80");
	back.src_port = 444;
	sink_record_key(&r, 0, b);
	cr_expect(strcmp(a, b) != 0);
}
