/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Packets that the kernel dropped as IPFIX records, in the messages of flow_message.h:
 * droppedPacketDeltaCount and droppedOctetDeltaCount (133, 132), forwardingStatus (89) for what it
 * has a number for, and the kernel's own reason and location as strings of an enterprise
 * (docs/sinks.md). Octets and packets are 0 (message_template.h).
 */
#ifndef WT_DROP_MESSAGE_H
#define WT_DROP_MESSAGE_H

#include "user/sinks/flow_message.h"
#include "user/wire/signal.h"

/* m->with_drops is set. Adds rows; full messages leave. Returns as flow_message_add(). */
int drop_message_add(struct flow_message *m, const struct drop *rows, size_t len, int64_t now_us);

#endif
