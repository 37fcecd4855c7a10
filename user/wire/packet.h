/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * A captured packet in, the flow row it would be in the kernel's tally out: the same parser
 * (kern/parse.bpf.h) and the same length rules as the hooks.
 */
#ifndef WT_PACKET_H
#define WT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/wire/flow.h"

/* The parser looks no further. Longer captures may be handed over, or cut here. */
#define PACKET_BYTES_NEEDED 256

enum packet_link {
	PACKET_ETHERNET,
	PACKET_RAW_IP, /* starts with the IP header */
	PACKET_COOKED, /* starts with a pseudo-header, behind it is what cooked_type says */
	PACKET_UNKNOWN_LINK, /* refused, by that name */
};

struct packet {
	const uint8_t *bytes; /* borrowed */
	size_t captured; /* how many there are */
	size_t wire_bytes; /* how long the frame was; may be more or, in broken files, less */
	int64_t time_us;
	uint32_t interface;
	enum packet_link link;
	uint16_t cooked_bytes; /* length of the pseudo-header */
	uint16_t cooked_type; /* ethertype, host order */
};

/* Reasons why not, in flow.h's sense of a count's name; packet_refusal_name() knows them. */
#define PACKET_REFUSALS_MAX 32

struct packet_parsed {
	struct flow outer; /* FLOW_COUNTED; packets and octets are set even when refused */
	struct flow inner; /* with has_inner */
	int refusal; /* 0: outer is a row */
	bool has_inner; /* the packet carries another that we parse, or should */
	int inner_refusal; /* 0: inner is a row */
};

void packet_parse(const struct packet *packet, bool want_inner, struct packet_parsed *ret);

/* "truncated ethernet", …; static. 0 < refusal < PACKET_REFUSALS_MAX, as packet_parse() gave it. */
const char *packet_refusal_name(int refusal);

#endif
