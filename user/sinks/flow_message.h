/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Rows of flows to IPFIX (RFC 7011) or NetFlow v9 (RFC 3954) messages: templates first, then data
 * sets, each message below an MTU. Elements are IANA's (https://www.iana.org/assignments/ipfix).
 *
 * Four templates: IPv4 (256), IPv6 (257), other frames (258) and packets that were folded by class
 * and have no addresses (259). Counts are as counted: of a sampled row samplingInterval says how
 * many packets each stands for.
 */
#ifndef WT_FLOW_MESSAGE_H
#define WT_FLOW_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/wire/flow.h"

#define FLOW_MESSAGE_BYTES 1400 /* of payload: no datagram is fragmented on an Ethernet */
#define FLOW_MESSAGE_TEMPLATES_S 60 /* templates are sent again so often, over UDP */

/* Takes a whole message (borrowed). What it returns ends the call that made the message. */
typedef int flow_message_send(void *arg, const uint8_t *bytes, size_t len, uint32_t records);

#define FLOW_MESSAGE_INTERFACES_MAX 64 /* described; more are not */

#define FLOW_MESSAGE_APPLICATIONS_MAX 1024 /* have a name; more are 0 */

/* What options say of an interface: name (elements 10 and 82), sampling (34 and 35). */
struct flow_message_interface {
	uint32_t index;
	uint32_t sampling; /* 1 of so many packets; 0 and 1: all */
	char name[16]; /* "": unknown */
};

struct flow_message {
	bool is_v9;
	bool with_options; /* names and sampling of interfaces; v9: true, IPFIX: false */
	bool with_connections; /* IPFIX alone: connection_message.h */
	bool with_drops; /* IPFIX alone: drop_message.h; with either, the next */
	uint32_t enterprise; /* number of who defines elements that IANA does not */
	uint32_t domain; /* observation domain, v9: source id */
	flow_message_send *send;
	void *arg;
	/* the encoder's own */
	uint32_t sequence; /* IPFIX: records before this message; v9: messages */
	int64_t templates_us; /* when they were sent last; 0: never */
	int64_t started_us;
	uint8_t bytes[FLOW_MESSAGE_BYTES];
	size_t len;
	size_t set; /* where the open data set begins; 0: none */
	uint16_t template;
	struct flow_message_interface interfaces[FLOW_MESSAGE_INTERFACES_MAX];
	size_t interfaces_len;
	bool has_news; /* of interfaces, not sent yet */
	char applications[FLOW_MESSAGE_APPLICATIONS_MAX][16]; /* names of processes */
	uint32_t applications_len, applications_told;
	uint32_t options; /* in this message, of options data: they count for the sequence */
	uint32_t records; /* in this message, of data */
	uint32_t parts; /* v9's count: records and templates */
};

void flow_message_init(struct flow_message *m, bool is_v9, uint32_t domain, int64_t now_us,
		       flow_message_send *send, void *arg);

/* Options go with the templates, and before the next rows when this says something new. */
void flow_message_describe(struct flow_message *m, const struct flow_message_interface *i);

/* Adds rows; full messages leave. 0, or what send said: then the message is gone all the same. */
int flow_message_add(struct flow_message *m, const struct flow *rows, size_t len, int64_t now_us);

/* What is begun leaves. */
int flow_message_flush(struct flow_message *m, int64_t now_us);

/* Who reads may be another one since: templates come before the next rows. */
void flow_message_forget(struct flow_message *m);

/* A new connection knows no templates and begins at 0. */
void flow_message_restart(struct flow_message *m);

#endif
