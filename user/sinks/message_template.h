/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Fields of IPFIX records, some of them an enterprise's, as templates (RFC 7011 3.4). */
#ifndef WT_MESSAGE_TEMPLATE_H
#define WT_MESSAGE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/sinks/flow_message.h"

#define MESSAGE_ENTERPRISE 0x8000 /* in an element: m->enterprise defines it */
#define MESSAGE_VARIABLE 65535 /* octets: a length of one octet comes first */

struct message_field {
	uint16_t element, bytes;
	uint8_t value; /* the user's own word for it */
	uint8_t which; /* bits: in the templates of which records */
};

struct message_fields {
	const struct message_field *at;
	size_t len;
};

/*
 * octetDeltaCount and packetDeltaCount of what is no flow, in a table of fields: they are there,
 * for nfacctd takes a record without them for an event, and then shows no counts of the whole
 * 5-tuple; and they are 0, for the packets are the flows' and who adds up all records counts them
 * there.
 */
#define MESSAGE_NO_FLOW(nothing, which) \
	{ 1, 4, nothing, which },       \
	{                               \
		2, 4, nothing, which    \
	}

/* A set of templates (2) or of options templates (3) begins; it ends as all sets do. */
void message_begin_templates(struct flow_message *m, uint16_t set);
/* Those fields whose `which` has this bit. */
void message_put_template(struct flow_message *m, uint16_t template, struct message_fields fields,
			  uint8_t which);
/* Octets of a record, without its variable ones. */
size_t message_record_bytes(struct message_fields fields, uint8_t which);

#endif
