/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What flow_message.c and connection_message.c write messages with. */
#ifndef WT_FLOW_MESSAGE_INTERNAL_H
#define WT_FLOW_MESSAGE_INTERNAL_H

#include "user/sinks/flow_message.h"

/* 256 to 261 are of flows and interfaces, 262 to 264 of connections, 265 to 267 of drops */
#define FLOW_MESSAGE_FIRST_TEMPLATE 256

static inline void put_at(struct flow_message *m, size_t at, uint64_t n, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		m->bytes[at + i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
}

static inline void put(struct flow_message *m, uint64_t n, size_t bytes)
{
	put_at(m, m->len, n, bytes);
	m->len += bytes;
}

/* flow_message.c: there is room for `need` octets, and the open set is of this template. */
int flow_message_open_set(struct flow_message *m, uint16_t template, size_t need, int64_t now_us);
void flow_message_end_set(struct flow_message *m);
/* Templates where they are due, and what is new of interfaces. */
int flow_message_ready(struct flow_message *m, int64_t now_us);

/* connection_message.c and drop_message.c: their templates, into the open message. */
void connection_message_templates(struct flow_message *m);
void drop_message_templates(struct flow_message *m);

#endif
