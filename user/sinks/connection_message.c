// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Connections in, IPFIX records and the names of their processes out. */
#include "user/sinks/connection_message.h"

#include <string.h>

#include "user/lib/addr.h"
#include "user/lib/cleanup.h"
#include "user/sinks/flow_message_internal.h"
#include "user/sinks/message_template.h"

#define TEMPLATE_IPV4 (FLOW_MESSAGE_FIRST_TEMPLATE + 6)
#define TEMPLATE_IPV6 (TEMPLATE_IPV4 + 1)
#define TEMPLATE_APPLICATION (TEMPLATE_IPV6 + 1)
#define ENTERPRISE MESSAGE_ENTERPRISE
#define ENGINE_USER (UINT32_C(6) << 24) /* RFC 6759 4.1: USER-Defined */
#define ELEMENT_APPLICATION 95
#define ELEMENT_APPLICATION_NAME 96
/* RFC 5102 5.11.3, flowEndReason */
#define ACTIVE_TIMEOUT 2
#define END_DETECTED 3

enum value {
	VALUE_SRC,
	VALUE_DST,
	VALUE_SRC_PORT,
	VALUE_DST_PORT,
	VALUE_PROTO,
	VALUE_START_MS,
	VALUE_END_MS,
	VALUE_END_REASON,
	VALUE_APPLICATION,
	VALUE_RETRANSMITS,
	VALUE_SEGMENTS,
	VALUE_SRTT_US,
	VALUE_MIN_RTT_US,
	VALUE_CONNECT_NS,
	VALUE_ACKED,
	VALUE_RECEIVED,
	VALUE_ID,
	VALUE_ROLE,
	VALUE_END,
	VALUE_ERROR,
	VALUE_PID,
	VALUE_UID,
	VALUE_NOTHING,
};

enum which { OF_IPV4 = 1, OF_IPV6 = 2, OF_BOTH = 3 };

/* In the order of the records; docs/sinks.md has the enterprise's. */
static const struct message_field all_fields[] = {
	{ 8, 4, VALUE_SRC, OF_IPV4 },
	{ 12, 4, VALUE_DST, OF_IPV4 },
	{ 27, 16, VALUE_SRC, OF_IPV6 },
	{ 28, 16, VALUE_DST, OF_IPV6 },
	{ 7, 2, VALUE_SRC_PORT, OF_BOTH },
	{ 11, 2, VALUE_DST_PORT, OF_BOTH },
	{ 4, 1, VALUE_PROTO, OF_BOTH },
	{ 152, 8, VALUE_START_MS, OF_BOTH },
	{ 153, 8, VALUE_END_MS, OF_BOTH },
	{ 136, 1, VALUE_END_REASON, OF_BOTH },
	{ ELEMENT_APPLICATION, 4, VALUE_APPLICATION, OF_BOTH },
	{ ENTERPRISE | 1, 4, VALUE_RETRANSMITS, OF_BOTH },
	{ ENTERPRISE | 2, 4, VALUE_SEGMENTS, OF_BOTH },
	{ ENTERPRISE | 3, 4, VALUE_SRTT_US, OF_BOTH },
	{ ENTERPRISE | 4, 4, VALUE_MIN_RTT_US, OF_BOTH },
	{ ENTERPRISE | 5, 8, VALUE_CONNECT_NS, OF_BOTH },
	{ ENTERPRISE | 6, 8, VALUE_ACKED, OF_BOTH },
	{ ENTERPRISE | 7, 8, VALUE_RECEIVED, OF_BOTH },
	{ ENTERPRISE | 8, 8, VALUE_ID, OF_BOTH },
	{ ENTERPRISE | 9, 1, VALUE_ROLE, OF_BOTH },
	{ ENTERPRISE | 10, 1, VALUE_END, OF_BOTH },
	{ ENTERPRISE | 11, 2, VALUE_ERROR, OF_BOTH },
	{ ENTERPRISE | 12, 4, VALUE_PID, OF_BOTH },
	{ ENTERPRISE | 13, 4, VALUE_UID, OF_BOTH },
	MESSAGE_NO_FLOW(VALUE_NOTHING, OF_BOTH),
};

static const struct message_fields fields = { all_fields, ARRAY_LEN(all_fields) };

/* ---- templates ------------------------------------------------------------------------------ */

void connection_message_templates(struct flow_message *m)
{
	message_begin_templates(m, 2);
	message_put_template(m, TEMPLATE_IPV4, fields, OF_IPV4);
	message_put_template(m, TEMPLATE_IPV6, fields, OF_IPV6);
	message_begin_templates(m, 3);
	put(m, TEMPLATE_APPLICATION, 2);
	put(m, 2, 2); /* fields, of which */
	put(m, 1, 2); /* is the scope */
	put(m, ELEMENT_APPLICATION, 2);
	put(m, 4, 2);
	put(m, ELEMENT_APPLICATION_NAME, 2);
	put(m, CONNECTION_COMM_MAX, 2);
	m->parts++;
	flow_message_end_set(m);
	m->applications_told = 0;
}

/* ---- processes ------------------------------------------------------------------------------ */

/* Names that no options record has told since the templates. */
static int tell_applications(struct flow_message *m, int64_t now_us)
{
	while (m->applications_told < m->applications_len) {
		uint32_t i = m->applications_told;
		int err = flow_message_open_set(m, TEMPLATE_APPLICATION, 4 + CONNECTION_COMM_MAX,
						now_us);

		if (err)
			return err;
		put(m, ENGINE_USER | (i + 1), 4);
		memcpy(m->bytes + m->len, m->applications[i], CONNECTION_COMM_MAX);
		m->len += CONNECTION_COMM_MAX;
		m->options++;
		m->parts++;
		m->applications_told++;
	}
	return 0;
}

/* 0: of a process that is not known, or of one too many. */
static uint32_t application_of(struct flow_message *m, const char *comm)
{
	uint32_t i = 0;

	if (!*comm)
		return 0;
	while (i < m->applications_len &&
	       strncmp(m->applications[i], comm, CONNECTION_COMM_MAX) != 0)
		i++;
	if (i == FLOW_MESSAGE_APPLICATIONS_MAX)
		return 0;
	if (i == m->applications_len) {
		memset(m->applications[i], 0, CONNECTION_COMM_MAX);
		memcpy(m->applications[i], comm, strnlen(comm, CONNECTION_COMM_MAX - 1));
		m->applications_len++;
	}
	return ENGINE_USER | (i + 1);
}

/* ---- records -------------------------------------------------------------------------------- */

static uint64_t number(const struct connection *c, enum value value, uint32_t application)
{
	switch (value) {
	case VALUE_PROTO:
		return c->protocol;
	case VALUE_START_MS:
		return (uint64_t)c->start_us / 1000;
	case VALUE_END_MS:
		return (uint64_t)(c->end_us ? c->end_us : c->last_us) / 1000;
	case VALUE_END_REASON:
		return c->end_us ? END_DETECTED : ACTIVE_TIMEOUT;
	case VALUE_APPLICATION:
		return application;
	case VALUE_RETRANSMITS:
		return c->retransmits;
	case VALUE_SEGMENTS:
		return c->segments_out;
	case VALUE_SRTT_US:
		return c->srtt_us;
	case VALUE_MIN_RTT_US:
		return c->min_rtt_us;
	case VALUE_CONNECT_NS:
		return c->connect_ns;
	case VALUE_ACKED:
		return c->octets_acked;
	case VALUE_RECEIVED:
		return c->octets_received;
	case VALUE_ID:
		return c->id;
	case VALUE_ROLE:
		return c->role;
	case VALUE_END:
		return c->end;
	case VALUE_ERROR:
		return c->error;
	case VALUE_PID:
		return c->pid;
	case VALUE_UID:
		return c->uid;
	default: /* VALUE_NOTHING */
		return 0;
	}
}

/* The source is who opened it, where that is known. */
static void put_field(struct flow_message *m, const struct message_field *f,
		      const struct connection *c, uint32_t application)
{
	bool is_server = c->role == ROLE_SERVER;
	bool is_local = is_server == (f->value == VALUE_DST || f->value == VALUE_DST_PORT);

	switch (f->value) {
	case VALUE_SRC:
	case VALUE_DST:
		memcpy(m->bytes + m->len, (is_local ? c->local : c->remote) + 16 - f->bytes,
		       f->bytes);
		m->len += f->bytes;
		return;
	case VALUE_SRC_PORT:
	case VALUE_DST_PORT:
		put(m, is_local ? c->local_port : c->remote_port, f->bytes);
		return;
	default:
		put(m, number(c, f->value, application), f->bytes);
	}
}

static int put_row(struct flow_message *m, const struct connection *c, int64_t now_us)
{
	bool is_v4 = addr_is_v4(c->remote);
	enum which which = is_v4 ? OF_IPV4 : OF_IPV6;
	uint32_t application = application_of(m, c->comm);
	int err = tell_applications(m, now_us);

	if (!err)
		err = flow_message_open_set(m, is_v4 ? TEMPLATE_IPV4 : TEMPLATE_IPV6,
					    message_record_bytes(fields, which), now_us);
	if (err)
		return err;
	for (size_t i = 0; i < fields.len; i++)
		if (fields.at[i].which & which)
			put_field(m, &fields.at[i], c, application);
	m->records++;
	m->parts++;
	return 0;
}

int connection_message_add(struct flow_message *m, const struct connection *rows, size_t len,
			   int64_t now_us)
{
	int err = len ? flow_message_ready(m, now_us) : 0;

	for (size_t i = 0; !err && i < len; i++)
		err = put_row(m, &rows[i], now_us);
	return err;
}
