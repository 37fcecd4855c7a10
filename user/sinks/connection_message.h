/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * TCP connections as IPFIX records, in the messages of flow_message.h: IANA's elements for what has
 * one, and elements of an enterprise (docs/sinks.md) for retransmits, round trips and the rest. The
 * process is an applicationId (RFC 6759, classification engine 6: the user's own) whose name comes
 * in an options record before it is used. Octets and packets are 0 (message_template.h).
 */
#ifndef WT_CONNECTION_MESSAGE_H
#define WT_CONNECTION_MESSAGE_H

#include "user/sinks/flow_message.h"
#include "user/wire/signal.h"

/* m->with_connections is set. Adds rows; full messages leave. Returns as flow_message_add(). */
int connection_message_add(struct flow_message *m, const struct connection *rows, size_t len,
			   int64_t now_us);

#endif
