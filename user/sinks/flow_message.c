// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, messages of IPFIX or NetFlow v9 out. */
#include "user/sinks/flow_message.h"

#include <string.h>

#include "user/lib/cleanup.h"
#include "user/sinks/flow_message_internal.h"

#define IPFIX_HEADER 16
#define V9_HEADER 20
#define SET_HEADER 4
#define FIRST_TEMPLATE FLOW_MESSAGE_FIRST_TEMPLATE
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define VLAN_ID 0x0fff
#define PROTO_ICMP 1
#define PROTO_ICMP6 58
/* v9's times are since a start: as if that had been so long ago, older flows fit */
#define V9_UPTIME_US (INT64_C(1000000000) * 1000)

enum which { OF_IPV4 = 1, OF_IPV6 = 2, OF_FRAME = 4, OF_FOLD = 8, OF_IP = 3, OF_ALL = 15 };
enum protocols { IN_V9 = 1, IN_IPFIX = 2, IN_BOTH = 3 };

enum value {
	VALUE_SRC4,
	VALUE_DST4,
	VALUE_SRC6,
	VALUE_DST6,
	VALUE_SRC_PORT,
	VALUE_DST_PORT,
	VALUE_ICMP,
	VALUE_PROTO,
	VALUE_TOS,
	VALUE_FLAGS,
	VALUE_TTL_MIN,
	VALUE_TTL_MAX,
	VALUE_ETHERTYPE,
	VALUE_VLAN,
	VALUE_INNER_VLAN,
	VALUE_IN,
	VALUE_OUT,
	VALUE_DIRECTION,
	VALUE_OCTETS,
	VALUE_PACKETS,
	VALUE_L2_OCTETS,
	VALUE_START_MS,
	VALUE_END_MS,
	VALUE_START_UP,
	VALUE_END_UP,
	VALUE_SRC_AS,
	VALUE_DST_AS,
	VALUE_SAMPLING,
	VALUE_SEGMENT,
};

/* A field is a row; order is that of the records. */
static const struct field {
	uint16_t element, bytes;
	enum value value;
	enum which which;
	enum protocols protocols;
} fields[] = {
	{ 8, 4, VALUE_SRC4, OF_IPV4, IN_BOTH },
	{ 12, 4, VALUE_DST4, OF_IPV4, IN_BOTH },
	{ 27, 16, VALUE_SRC6, OF_IPV6, IN_BOTH },
	{ 28, 16, VALUE_DST6, OF_IPV6, IN_BOTH },
	{ 7, 2, VALUE_SRC_PORT, OF_IP, IN_BOTH },
	{ 11, 2, VALUE_DST_PORT, OF_IP, IN_BOTH },
	{ 32, 2, VALUE_ICMP, OF_IPV4, IN_BOTH },
	{ 139, 2, VALUE_ICMP, OF_IPV6, IN_IPFIX },
	{ 4, 1, VALUE_PROTO, OF_IP | OF_FOLD, IN_BOTH },
	{ 5, 1, VALUE_TOS, OF_IP, IN_BOTH },
	{ 6, 1, VALUE_FLAGS, OF_IP, IN_V9 },
	{ 6, 2, VALUE_FLAGS, OF_IP, IN_IPFIX },
	{ 52, 1, VALUE_TTL_MIN, OF_IP, IN_BOTH },
	{ 53, 1, VALUE_TTL_MAX, OF_IP, IN_BOTH },
	{ 256, 2, VALUE_ETHERTYPE, OF_FRAME, IN_BOTH },
	{ 58, 2, VALUE_VLAN, OF_IP | OF_FRAME, IN_BOTH },
	{ 245, 2, VALUE_INNER_VLAN, OF_IP | OF_FRAME, IN_IPFIX },
	{ 10, 4, VALUE_IN, OF_ALL, IN_BOTH },
	{ 14, 4, VALUE_OUT, OF_ALL, IN_BOTH },
	{ 61, 1, VALUE_DIRECTION, OF_ALL, IN_BOTH },
	{ 1, 8, VALUE_OCTETS, OF_ALL, IN_BOTH },
	{ 2, 8, VALUE_PACKETS, OF_ALL, IN_BOTH },
	{ 352, 8, VALUE_L2_OCTETS, OF_ALL, IN_IPFIX },
	{ 152, 8, VALUE_START_MS, OF_ALL, IN_IPFIX },
	{ 153, 8, VALUE_END_MS, OF_ALL, IN_IPFIX },
	{ 22, 4, VALUE_START_UP, OF_ALL, IN_V9 },
	{ 21, 4, VALUE_END_UP, OF_ALL, IN_V9 },
	{ 16, 4, VALUE_SRC_AS, OF_IP, IN_BOTH },
	{ 17, 4, VALUE_DST_AS, OF_IP, IN_BOTH },
	{ 34, 4, VALUE_SAMPLING, OF_ALL, IN_BOTH },
	{ 351, 8, VALUE_SEGMENT, OF_IP, IN_IPFIX },
};

#define TEMPLATES 4 /* bit i of enum which */

/* Of options, behind those; scope: the interface. */
#define OPTIONS_NAME (FIRST_TEMPLATE + TEMPLATES)
#define OPTIONS_SAMPLING (OPTIONS_NAME + 1)
#define ELEMENT_INTERFACE 10
#define V9_SCOPE_INTERFACE 2 /* RFC 3954 6.1 */
static const struct option_field {
	uint16_t template, element, bytes;
} option_fields[] = {
	{ OPTIONS_NAME, 82, 16 },
	{ OPTIONS_SAMPLING, 34, 4 },
	{ OPTIONS_SAMPLING, 35, 1 }, /* 2: random */
};
#define SAMPLING_RANDOM 2

static bool is_in(const struct flow_message *m, const struct field *f, uint16_t template)
{
	return f->which & 1u << (template - FIRST_TEMPLATE) &&
	       f->protocols & (m->is_v9 ? IN_V9 : IN_IPFIX);
}

/* ---- records -------------------------------------------------------------------------------- */

static bool is_icmp(const struct flow *f)
{
	return f->proto == PROTO_ICMP || f->proto == PROTO_ICMP6;
}

static uint64_t uptime_ms(const struct flow_message *m, int64_t us)
{
	int64_t up_us = us - m->started_us + V9_UPTIME_US;

	return up_us < 0 ? 0 : (uint64_t)(up_us / 1000) & UINT32_MAX;
}

static uint64_t number(const struct flow_message *m, const struct flow *f, enum value value)
{
	bool is_egress = f->flags & FLOW_EGRESS;

	switch (value) {
	case VALUE_SRC_PORT:
		return is_icmp(f) ? 0 : f->src_port;
	case VALUE_DST_PORT: /* as v5 had it: collectors look there, too */
		return is_icmp(f) ? (uint64_t)f->src_port << 8 | f->dst_port : f->dst_port;
	case VALUE_ICMP:
		return is_icmp(f) ? (uint64_t)f->src_port << 8 | f->dst_port : 0;
	case VALUE_PROTO:
		return f->proto;
	case VALUE_TOS:
		return (uint64_t)f->dscp << 2;
	case VALUE_FLAGS:
		return m->is_v9 ? f->tcp_flags & 0xff : f->tcp_flags;
	case VALUE_TTL_MIN:
		return f->ttl_min;
	case VALUE_TTL_MAX:
		return f->ttl_max;
	case VALUE_ETHERTYPE:
		return f->ethertype;
	case VALUE_VLAN:
		return f->vlan_outer & VLAN_ID;
	case VALUE_INNER_VLAN:
		return f->vlan_inner & VLAN_ID;
	case VALUE_IN:
		return is_egress ? f->peer_ifindex : f->ifindex;
	case VALUE_OUT:
		return is_egress ? f->ifindex : f->peer_ifindex;
	case VALUE_DIRECTION:
		return is_egress;
	case VALUE_OCTETS:
		return f->l3_octets;
	case VALUE_PACKETS:
		return f->packets;
	case VALUE_L2_OCTETS:
		return f->l2_octets;
	case VALUE_START_MS:
		return (uint64_t)f->start_us / 1000;
	case VALUE_END_MS:
		return (uint64_t)f->end_us / 1000;
	case VALUE_START_UP:
		return uptime_ms(m, f->start_us);
	case VALUE_END_UP:
		return uptime_ms(m, f->end_us);
	case VALUE_SRC_AS:
		return f->src_as;
	case VALUE_DST_AS:
		return f->dst_as;
	case VALUE_SAMPLING:
		return f->sampling ? f->sampling : 1;
	default: /* VALUE_SEGMENT: RFC 8038, 1 for a VXLAN's id */
		return f->tunnel_id ? UINT64_C(1) << 56 | f->tunnel_id : 0;
	}
}

static void put_field(struct flow_message *m, const struct field *field, const struct flow *f)
{
	const uint8_t *address = NULL;

	if (field->value == VALUE_SRC4 || field->value == VALUE_SRC6)
		address = f->src;
	else if (field->value == VALUE_DST4 || field->value == VALUE_DST6)
		address = f->dst;
	if (!address) {
		put(m, number(m, f, field->value), field->bytes);
		return;
	}
	memcpy(m->bytes + m->len, address + 16 - field->bytes, field->bytes);
	m->len += field->bytes;
}

static uint16_t template_of(const struct flow *f)
{
	if (f->kind == FLOW_FOLD)
		return FIRST_TEMPLATE + 3;
	return FIRST_TEMPLATE + (f->ethertype == ETHERTYPE_IPV4	  ? 0
				 : f->ethertype == ETHERTYPE_IPV6 ? 1
								  : 2);
}

static size_t record_bytes(const struct flow_message *m, uint16_t template)
{
	size_t bytes = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		bytes += is_in(m, &fields[i], template) ? fields[i].bytes : 0;
	return bytes;
}

/* ---- messages ------------------------------------------------------------------------------- */

static void begin(struct flow_message *m)
{
	m->len = m->is_v9 ? V9_HEADER : IPFIX_HEADER;
	m->set = 0;
	m->records = m->options = m->parts = 0;
}

void flow_message_end_set(struct flow_message *m)
{
	if (!m->set)
		return;
	if (m->is_v9)
		while ((m->len - m->set) % 4) /* RFC 3954 5.3 */
			m->bytes[m->len++] = 0;
	put_at(m, m->set + 2, m->len - m->set, 2);
	m->set = 0;
}

static void fill_header(struct flow_message *m, int64_t now_us)
{
	uint64_t now_s = (uint64_t)(now_us / 1000000);

	put_at(m, 0, m->is_v9 ? 9 : 10, 2);
	put_at(m, 2, m->is_v9 ? m->parts : m->len, 2);
	if (!m->is_v9) {
		put_at(m, 4, now_s, 4);
		put_at(m, 8, m->sequence, 4);
		put_at(m, 12, m->domain, 4);
		return;
	}
	/* of the whole second that the header can say */
	put_at(m, 4, uptime_ms(m, (int64_t)now_s * 1000000), 4);
	put_at(m, 8, now_s, 4);
	put_at(m, 12, m->sequence, 4);
	put_at(m, 16, m->domain, 4);
}

int flow_message_flush(struct flow_message *m, int64_t now_us)
{
	uint32_t records = m->records;
	int err;

	flow_message_end_set(m);
	if (!m->parts)
		return 0;
	fill_header(m, now_us);
	err = m->send(m->arg, m->bytes, m->len, records);
	m->sequence += m->is_v9 ? 1 : records + m->options;
	begin(m);
	return err;
}

static void put_template(struct flow_message *m, uint16_t template)
{
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		len += is_in(m, &fields[i], template);
	put(m, template, 2);
	put(m, len, 2);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!is_in(m, &fields[i], template))
			continue;
		put(m, fields[i].element, 2);
		put(m, fields[i].bytes, 2);
	}
	m->parts++;
}

static void put_option_template(struct flow_message *m, uint16_t template)
{
	uint16_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(option_fields); i++)
		len += option_fields[i].template == template;
	put(m, template, 2);
	put(m, m->is_v9 ? 4 : len + 1u, 2); /* v9: octets of scopes, and of options */
	put(m, m->is_v9 ? 4u * len : 1, 2);
	put(m, m->is_v9 ? V9_SCOPE_INTERFACE : ELEMENT_INTERFACE, 2);
	put(m, 4, 2);
	for (size_t i = 0; i < ARRAY_LEN(option_fields); i++) {
		if (option_fields[i].template != template)
			continue;
		put(m, option_fields[i].element, 2);
		put(m, option_fields[i].bytes, 2);
	}
	m->parts++;
}

static void put_option_templates(struct flow_message *m)
{
	flow_message_end_set(m);
	m->set = m->len;
	put(m, m->is_v9 ? 1 : 3, 2);
	put(m, 0, 2);
	put_option_template(m, OPTIONS_NAME);
	put_option_template(m, OPTIONS_SAMPLING);
	flow_message_end_set(m);
}

int flow_message_open_set(struct flow_message *m, uint16_t template, size_t need, int64_t now_us)
{
	int err = 0;

	if (m->len + need + SET_HEADER + 3 > sizeof(m->bytes)) /* and padding */
		err = flow_message_flush(m, now_us);
	if (err)
		return err;
	if (m->set && m->template != template)
		flow_message_end_set(m);
	if (m->set)
		return 0;
	m->set = m->len;
	m->template = template;
	put(m, template, 2);
	put(m, 0, 2);
	return 0;
}

static int put_name(struct flow_message *m, const struct flow_message_interface *i, int64_t now_us)
{
	int err = flow_message_open_set(m, OPTIONS_NAME, 20, now_us);

	if (err)
		return err;
	put(m, i->index, 4);
	memcpy(m->bytes + m->len, i->name, sizeof(i->name));
	m->len += sizeof(i->name);
	m->options++;
	m->parts++;
	return 0;
}

static int put_sampling(struct flow_message *m, const struct flow_message_interface *i,
			int64_t now_us)
{
	int err = flow_message_open_set(m, OPTIONS_SAMPLING, 9, now_us);

	if (err)
		return err;
	put(m, i->index, 4);
	put(m, i->sampling ? i->sampling : 1, 4);
	put(m, SAMPLING_RANDOM, 1);
	m->options++;
	m->parts++;
	return 0;
}

static int put_options(struct flow_message *m, int64_t now_us)
{
	int err = 0;

	for (size_t i = 0; !err && i < m->interfaces_len; i++)
		if (*m->interfaces[i].name)
			err = put_name(m, &m->interfaces[i], now_us);
	for (size_t i = 0; !err && i < m->interfaces_len; i++)
		err = put_sampling(m, &m->interfaces[i], now_us);
	m->has_news = false;
	return err;
}

void flow_message_describe(struct flow_message *m, const struct flow_message_interface *what)
{
	size_t i = 0;

	while (m->with_options && i < m->interfaces_len && m->interfaces[i].index != what->index)
		i++;
	if (!m->with_options || i == FLOW_MESSAGE_INTERFACES_MAX)
		return;
	if (i < m->interfaces_len && m->interfaces[i].sampling == what->sampling &&
	    !strcmp(m->interfaces[i].name, what->name))
		return;
	m->interfaces[i] = *what;
	m->interfaces_len += i == m->interfaces_len;
	m->has_news = true;
}

static int put_templates(struct flow_message *m, int64_t now_us)
{
	int err = flow_message_flush(m, now_us);

	if (err)
		return err;
	m->set = m->len;
	put(m, m->is_v9 ? 0 : 2, 2);
	put(m, 0, 2);
	for (uint16_t i = 0; i < TEMPLATES; i++)
		put_template(m, FIRST_TEMPLATE + i);
	if (m->with_options)
		put_option_templates(m);
	/* of messages of their own: all of them do not fit into one */
	if (m->with_connections) {
		err = flow_message_flush(m, now_us);
		connection_message_templates(m);
	}
	if (!err && m->with_drops) {
		err = flow_message_flush(m, now_us);
		drop_message_templates(m);
	}
	m->templates_us = now_us;
	m->has_news = m->interfaces_len > 0;
	return err ? err : flow_message_flush(m, now_us);
}

static int put_row(struct flow_message *m, const struct flow *f, int64_t now_us)
{
	uint16_t template = template_of(f);
	int err = flow_message_open_set(m, template, record_bytes(m, template), now_us);

	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (is_in(m, &fields[i], template))
			put_field(m, &fields[i], f);
	m->records++;
	m->parts++;
	return 0;
}

int flow_message_ready(struct flow_message *m, int64_t now_us)
{
	int err = 0;

	if (!m->templates_us ||
	    now_us - m->templates_us > FLOW_MESSAGE_TEMPLATES_S * INT64_C(1000000))
		err = put_templates(m, now_us);
	if (!err && m->has_news)
		err = put_options(m, now_us);
	return err;
}

int flow_message_add(struct flow_message *m, const struct flow *rows, size_t len, int64_t now_us)
{
	int err = flow_message_ready(m, now_us);

	for (size_t i = 0; !err && i < len; i++)
		err = put_row(m, &rows[i], now_us);
	return err;
}

void flow_message_init(struct flow_message *m, bool is_v9, uint32_t domain, int64_t now_us,
		       flow_message_send *send, void *arg)
{
	*m = (struct flow_message){
		.is_v9 = is_v9, .with_options = is_v9, .domain = domain, .send = send, .arg = arg
	};
	/* a whole second, as the header's time is: uptimes then are exact to the millisecond */
	m->started_us = now_us - now_us % 1000000;
	begin(m);
}

void flow_message_forget(struct flow_message *m)
{
	m->templates_us = 0;
}

void flow_message_restart(struct flow_message *m)
{
	m->templates_us = 0;
	m->sequence = 0;
	begin(m);
}
