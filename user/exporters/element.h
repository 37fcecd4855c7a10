/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Information elements: which of IANA's (https://www.iana.org/assignments/ipfix, NetFlow v9 has the
 * same numbers below 128) says what of a flow. Elements that are not in the table are skipped.
 */
#ifndef WT_ELEMENT_H
#define WT_ELEMENT_H

#include <stddef.h>
#include <stdint.h>

#define ELEMENT_PEN_IANA 0
#define ELEMENT_PEN_REVERSE 29305 /* RFC 5103: of the way back, same numbers */
#define ELEMENT_INTERFACE_NAME_MAX 32 /* with NUL */

/* What a record says, as bits of record_values.has, too. */
enum element {
	ELEMENT_NONE, /* skipped */
	ELEMENT_OCTETS,
	ELEMENT_PACKETS,
	ELEMENT_L2_OCTETS,
	ELEMENT_TCP_FLAGS,
	ELEMENT_TOS,
	ELEMENT_DSCP,
	ELEMENT_REVERSE_OCTETS,
	ELEMENT_REVERSE_PACKETS,
	ELEMENT_REVERSE_TCP_FLAGS,
	ELEMENT_SRC_V4,
	ELEMENT_DST_V4,
	ELEMENT_SRC_V6,
	ELEMENT_DST_V6,
	ELEMENT_SRC_PORT,
	ELEMENT_DST_PORT,
	ELEMENT_PROTO,
	ELEMENT_IN_INTERFACE,
	ELEMENT_OUT_INTERFACE,
	ELEMENT_SRC_AS,
	ELEMENT_DST_AS,
	ELEMENT_ICMP, /* type << 8 | code */
	ELEMENT_ICMP_TYPE,
	ELEMENT_ICMP_CODE,
	ELEMENT_TTL,
	ELEMENT_TTL_MIN,
	ELEMENT_TTL_MAX,
	ELEMENT_VLAN,
	ELEMENT_CUSTOMER_VLAN,
	ELEMENT_ETHERTYPE,
	ELEMENT_SEGMENT_ID, /* RFC 8038 layer2SegmentId: what it is in the top byte, a VNI below */
	ELEMENT_FRAGMENT_OFFSET,
	ELEMENT_DIRECTION,
	ELEMENT_START_UPTIME, /* ms since the exporter started */
	ELEMENT_END_UPTIME,
	ELEMENT_INIT_MS, /* when it started */
	ELEMENT_START_S,
	ELEMENT_END_S,
	ELEMENT_START_MS,
	ELEMENT_END_MS,
	ELEMENT_START_NTP, /* RFC 7011 6.1.9, 6.1.10: seconds and fraction */
	ELEMENT_END_NTP,
	ELEMENT_START_DELTA, /* µs before the message was sent */
	ELEMENT_END_DELTA,
	ELEMENT_DURATION_MS,
	ELEMENT_SAMPLER_ID,
	ELEMENT_SAMPLING, /* 1 of N */
	ELEMENT_SAMPLED_PACKETS, /* RFC 5477: so many packets … */
	ELEMENT_SKIPPED_PACKETS, /* … and then so many not */
	ELEMENT_SAMPLE_SIZE, /* so many … */
	ELEMENT_SAMPLE_POPULATION, /* … of so many */
	ELEMENT_INTERFACE_NAME,
	ELEMENTS,
};
_Static_assert(ELEMENTS <= 64, "record_values.has has a bit for each");

/* One record's values as they came; a number for each element. */
struct record_values {
	uint64_t has; /* bit of enum element */
	uint64_t number[ELEMENTS];
	uint8_t src[16], dst[16];
	char interface_name[ELEMENT_INTERFACE_NAME_MAX]; /* printable, cut */
};

/* What the element of an enterprise (0: IANA) is to us. */
enum element element_find(uint32_t enterprise, uint16_t number);

/*
 * Puts len bytes as the element into to. Numbers may be shorter than they are defined (RFC 7011
 * 6.2); a value that cannot be one, by its length, is as if it were not there.
 */
void element_put(enum element element, const uint8_t *value, size_t len, struct record_values *to);

static inline int record_has(const struct record_values *r, enum element element)
{
	return (int)(r->has >> element & 1);
}

#endif
