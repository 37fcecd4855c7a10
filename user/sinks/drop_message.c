// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Drops in, IPFIX records out. */
#include "user/sinks/drop_message.h"

#include <string.h>

#include "user/lib/addr.h"
#include "user/lib/cleanup.h"
#include "user/sinks/flow_message_internal.h"
#include "user/sinks/message_template.h"

#define TEMPLATE_IPV4 (FLOW_MESSAGE_FIRST_TEMPLATE + 9)
#define TEMPLATE_IPV6 (TEMPLATE_IPV4 + 1)
#define TEMPLATE_NO_ADDRESS (TEMPLATE_IPV6 + 1)
/* forwardingStatus (IANA, element 89): what is no better known, and what was not lost on the way */
#define DROPPED_UNKNOWN 128
#define CONSUMED_UNKNOWN 192

enum value {
	VALUE_SRC,
	VALUE_DST,
	VALUE_SRC_PORT,
	VALUE_DST_PORT,
	VALUE_PROTO,
	VALUE_ETHERTYPE,
	VALUE_INTERFACE,
	VALUE_START_MS,
	VALUE_END_MS,
	VALUE_PACKETS,
	VALUE_OCTETS,
	VALUE_STATUS,
	VALUE_REASON,
	VALUE_LOCATION,
	VALUE_NOTHING,
};

enum which { OF_IPV4 = 1, OF_IPV6 = 2, OF_NO_ADDRESS = 4, OF_IP = 3, OF_ALL = 7 };

/* In the order of the records; docs/sinks.md has the enterprise's. */
static const struct message_field all_fields[] = {
	{ 8, 4, VALUE_SRC, OF_IPV4 },
	{ 12, 4, VALUE_DST, OF_IPV4 },
	{ 27, 16, VALUE_SRC, OF_IPV6 },
	{ 28, 16, VALUE_DST, OF_IPV6 },
	{ 7, 2, VALUE_SRC_PORT, OF_IP },
	{ 11, 2, VALUE_DST_PORT, OF_IP },
	{ 4, 1, VALUE_PROTO, OF_IP },
	{ 256, 2, VALUE_ETHERTYPE, OF_ALL },
	{ 10, 4, VALUE_INTERFACE, OF_ALL },
	{ 152, 8, VALUE_START_MS, OF_ALL },
	{ 153, 8, VALUE_END_MS, OF_ALL },
	{ 133, 8, VALUE_PACKETS, OF_ALL },
	{ 132, 8, VALUE_OCTETS, OF_ALL },
	{ 89, 1, VALUE_STATUS, OF_ALL },
	{ MESSAGE_ENTERPRISE | 14, MESSAGE_VARIABLE, VALUE_REASON, OF_ALL },
	{ MESSAGE_ENTERPRISE | 15, MESSAGE_VARIABLE, VALUE_LOCATION, OF_ALL },
	MESSAGE_NO_FLOW(VALUE_NOTHING, OF_ALL),
};

static const struct message_fields fields = { all_fields, ARRAY_LEN(all_fields) };

/* Names of include/net/dropreason-core.h, numbers of IANA's registry of element 89. */
static const struct {
	const char *reason;
	uint8_t status;
} statuses[] = {
	{ "NETFILTER_DROP", 129 }, /* ACL deny */
	{ "XFRM_POLICY", 129 },	    { "TC_INGRESS", 129 },
	{ "TC_EGRESS", 129 },	    { "XDP", 129 },
	{ "IP_INNOROUTES", 131 }, /* unroutable */
	{ "IP_OUTNOROUTES", 131 },  { "IP_INADDRERRORS", 131 },
	{ "NEIGH_FAILED", 132 }, /* adjacency */
	{ "NEIGH_QUEUEFULL", 132 }, { "PKT_TOO_BIG", 133 }, /* may not be fragmented */
	{ "IP_CSUM", 134 }, /* bad header checksum */
	{ "PKT_TOO_SMALL", 135 }, /* bad total length */
	{ "IP_INHDR", 136 }, /* bad header length */
	{ "IP_RPFILTER", 140 }, /* reverse path */
};

static uint8_t status_of(const struct drop *d)
{
	if (d->purged)
		return CONSUMED_UNKNOWN;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (!strcmp(statuses[i].reason, d->reason))
			return statuses[i].status;
	return DROPPED_UNKNOWN;
}

void drop_message_templates(struct flow_message *m)
{
	message_begin_templates(m, 2);
	message_put_template(m, TEMPLATE_IPV4, fields, OF_IPV4);
	message_put_template(m, TEMPLATE_IPV6, fields, OF_IPV6);
	message_put_template(m, TEMPLATE_NO_ADDRESS, fields, OF_NO_ADDRESS);
	flow_message_end_set(m);
}

/* ---- records -------------------------------------------------------------------------------- */

static uint64_t number(const struct drop *d, uint8_t value)
{
	switch (value) {
	case VALUE_SRC_PORT:
		return d->src_port;
	case VALUE_DST_PORT:
		return d->dst_port;
	case VALUE_PROTO:
		return d->proto;
	case VALUE_ETHERTYPE:
		return d->ethertype;
	case VALUE_INTERFACE:
		return d->ifindex;
	case VALUE_START_MS:
		return (uint64_t)d->start_us / 1000;
	case VALUE_END_MS:
		return (uint64_t)d->end_us / 1000;
	case VALUE_PACKETS:
		return d->packets;
	case VALUE_OCTETS:
		return d->octets;
	case VALUE_STATUS:
		return status_of(d);
	default: /* VALUE_NOTHING */
		return 0;
	}
}

static void put_bytes(struct flow_message *m, const void *bytes, size_t len)
{
	memcpy(m->bytes + m->len, bytes, len);
	m->len += len;
}

static void put_text(struct flow_message *m, const char *text)
{
	size_t len = strlen(text); /* below 255: DROP_REASON_MAX, DROP_LOCATION_MAX */

	put(m, len, 1);
	put_bytes(m, text, len);
}

static void put_field(struct flow_message *m, const struct message_field *f, const struct drop *d)
{
	switch (f->value) {
	case VALUE_SRC:
		put_bytes(m, d->src + 16 - f->bytes, f->bytes);
		return;
	case VALUE_DST:
		put_bytes(m, d->dst + 16 - f->bytes, f->bytes);
		return;
	case VALUE_REASON:
		put_text(m, d->reason);
		return;
	case VALUE_LOCATION:
		put_text(m, d->location);
		return;
	default:
		put(m, number(d, f->value), f->bytes);
	}
}

static int put_row(struct flow_message *m, const struct drop *d, int64_t now_us)
{
	static const uint16_t templates[] = { [OF_IPV4] = TEMPLATE_IPV4,
					      [OF_IPV6] = TEMPLATE_IPV6,
					      [OF_NO_ADDRESS] = TEMPLATE_NO_ADDRESS };
	enum which which = !d->has_tuple ? OF_NO_ADDRESS : addr_is_v4(d->src) ? OF_IPV4 : OF_IPV6;
	size_t bytes =
		message_record_bytes(fields, which) + 2 + strlen(d->reason) + strlen(d->location);
	int err = flow_message_open_set(m, templates[which], bytes, now_us);

	if (err)
		return err;
	for (size_t i = 0; i < fields.len; i++)
		if (fields.at[i].which & which)
			put_field(m, &fields.at[i], d);
	m->records++;
	m->parts++;
	return 0;
}

int drop_message_add(struct flow_message *m, const struct drop *rows, size_t len, int64_t now_us)
{
	int err = len ? flow_message_ready(m, now_us) : 0;

	for (size_t i = 0; !err && i < len; i++)
		err = put_row(m, &rows[i], now_us);
	return err;
}
