// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Values of one record in, rows of flows out. */
#include "user/exporters/record.h"

#include <string.h>

#include "user/wire/batch.h"

#define HAS(r, name) record_has(r, ELEMENT_##name)
#define NUMBER(r, name) ((r)->number[ELEMENT_##name])

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define PROTO_ICMP 1
#define PROTO_ICMP6 58
#define VLAN_PRESENT 0x1000
#define VLAN_ID 0x0fff
#define NTP_TO_UNIX_S INT64_C(2208988800) /* 1900 to 1970 */
#define TIME_MAX_S (BATCH_TIME_MAX_US / 1000000)

static const char *const names[REFUSALS] = {
	[REFUSAL_NONE] = "",
	[REFUSAL_TRUNCATED] = "truncated datagram",
	[REFUSAL_VERSION] = "unknown version",
	[REFUSAL_LENGTH] = "bad length",
	[REFUSAL_TEMPLATE] = "bad template",
	[REFUSAL_TEMPLATES_MAX] = "too many templates",
	[REFUSAL_NO_TEMPLATE] = "no template",
	[REFUSAL_NO_FLOW] = "no addresses",
	[REFUSAL_NO_PACKETS] = "no packets",
	[REFUSAL_COUNT] = "count too large",
	[REFUSAL_SAMPLE] = "unreadable sample",
};

const char *refusal_name(enum refusal why)
{
	return names[why];
}

/* ---- times ---------------------------------------------------------------------------------- */

static int64_t from_seconds(uint64_t s)
{
	return s > (uint64_t)TIME_MAX_S ? -1 : (int64_t)s * 1000000;
}

static int64_t from_milliseconds(uint64_t ms)
{
	return ms > (uint64_t)TIME_MAX_S * 1000 ? -1 : (int64_t)ms * 1000;
}

/* Era 0 only: it ends in 2036, and what comes from beyond wraps to before 1970. */
static int64_t from_ntp(uint64_t ntp)
{
	int64_t s = (int64_t)(ntp >> 32) - NTP_TO_UNIX_S;

	if (s < 0)
		s += INT64_C(1) << 32;
	return s * 1000000 + (int64_t)(((ntp & UINT32_MAX) * 1000000) >> 32);
}

/* Milliseconds of uptime wrap after 49.7 days: one that is ahead of the message is from before. */
static int64_t from_uptime(const struct record_values *r, const struct record_time *t, uint64_t ms)
{
	uint64_t init_ms = HAS(r, INIT_MS) ? NUMBER(r, INIT_MS) : t->init_ms;
	int64_t us;

	if (!t->has_uptime) {
		us = init_ms ? from_milliseconds(init_ms) : -1;
		return us < 0 ? -1 : us + (int64_t)(ms & UINT32_MAX) * 1000;
	}
	return t->export_us + (int64_t)(int32_t)((uint32_t)ms - t->uptime_ms) * 1000;
}

/* One end of a flow by the first of its elements that there is; -1: none, or none that can be. */
static int64_t moment(const struct record_values *r, const struct record_time *t, bool is_end)
{
	static const enum element at[2][5] = {
		{ ELEMENT_START_MS, ELEMENT_START_NTP, ELEMENT_START_DELTA, ELEMENT_START_UPTIME,
		  ELEMENT_START_S },
		{ ELEMENT_END_MS, ELEMENT_END_NTP, ELEMENT_END_DELTA, ELEMENT_END_UPTIME,
		  ELEMENT_END_S },
	};
	const enum element *e = at[is_end];
	int64_t us = -1;

	if (record_has(r, e[0]))
		us = from_milliseconds(r->number[e[0]]);
	else if (record_has(r, e[1]))
		us = from_ntp(r->number[e[1]]);
	else if (record_has(r, e[2]))
		us = t->export_us - (int64_t)(r->number[e[2]] & UINT32_MAX);
	else if (record_has(r, e[3]))
		us = from_uptime(r, t, r->number[e[3]]);
	else if (record_has(r, e[4]))
		us = from_seconds(r->number[e[4]]);
	return us > BATCH_TIME_MAX_US ? -1 : us;
}

static void set_times(const struct record_values *r, const struct record_time *t, struct flow *f)
{
	int64_t start = moment(r, t, false), end = moment(r, t, true);
	int64_t length_us =
		HAS(r, DURATION_MS) ? (int64_t)(NUMBER(r, DURATION_MS) & UINT32_MAX) * 1000 : 0;

	if (start < 0 && end >= 0)
		start = end > length_us ? end - length_us : 0;
	else if (end < 0 && start >= 0)
		end = start + length_us;
	if (start < 0)
		start = end = t->export_us;
	f->start_us = start;
	f->end_us = end < start ? start : end;
}

/* ---- what it was ---------------------------------------------------------------------------- */

static void set_addresses(const struct record_values *r, struct flow *f)
{
	bool is_v6 = HAS(r, SRC_V6) || HAS(r, DST_V6);

	memcpy(f->src, r->src, sizeof(f->src));
	memcpy(f->dst, r->dst, sizeof(f->dst));
	if (HAS(r, ETHERTYPE))
		f->ethertype = (uint16_t)NUMBER(r, ETHERTYPE);
	else
		f->ethertype = is_v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
}

/* ICMP's type and code stand where ports do; v5 and v9 put both into the destination port. */
static void set_ports(const struct record_values *r, struct flow *f)
{
	uint64_t both = HAS(r, ICMP) && NUMBER(r, ICMP) ? NUMBER(r, ICMP) : NUMBER(r, DST_PORT);

	f->src_port = (uint16_t)NUMBER(r, SRC_PORT);
	f->dst_port = (uint16_t)NUMBER(r, DST_PORT);
	if (f->proto != PROTO_ICMP && f->proto != PROTO_ICMP6)
		return;
	f->src_port =
		(uint16_t)(HAS(r, ICMP_TYPE) ? NUMBER(r, ICMP_TYPE) & 0xff : both >> 8 & 0xff);
	f->dst_port = (uint16_t)(HAS(r, ICMP_CODE) ? NUMBER(r, ICMP_CODE) & 0xff : both & 0xff);
}

static uint16_t vlan_of(uint64_t id)
{
	return id & VLAN_ID ? (uint16_t)(VLAN_PRESENT | (id & VLAN_ID)) : 0;
}

static void set_network(const struct record_values *r, struct flow *f)
{
	bool is_egress = NUMBER(r, DIRECTION) == 1;

	f->dscp = (uint8_t)(HAS(r, DSCP) ? NUMBER(r, DSCP) & 0x3f : NUMBER(r, TOS) >> 2 & 0x3f);
	f->ttl_min = (uint8_t)NUMBER(r, TTL_MIN);
	f->ttl_max = (uint8_t)NUMBER(r, TTL_MAX);
	if (HAS(r, TTL))
		f->ttl_min = f->ttl_max = (uint8_t)NUMBER(r, TTL);
	if (!f->ttl_max)
		f->ttl_max = f->ttl_min;
	f->vlan_outer = vlan_of(NUMBER(r, VLAN));
	f->vlan_inner = f->vlan_outer ? vlan_of(NUMBER(r, CUSTOMER_VLAN)) : 0;
	f->tunnel_id = (uint32_t)(NUMBER(r, SEGMENT_ID) & 0xffffff);
	f->src_as = (uint32_t)NUMBER(r, SRC_AS);
	f->dst_as = (uint32_t)NUMBER(r, DST_AS);
	f->ifindex = (uint32_t)(is_egress ? NUMBER(r, OUT_INTERFACE) : NUMBER(r, IN_INTERFACE));
	f->peer_ifindex =
		(uint32_t)(is_egress ? NUMBER(r, IN_INTERFACE) : NUMBER(r, OUT_INTERFACE));
	f->flags = FLOW_COUNTED;
	if (is_egress)
		f->flags |= FLOW_EGRESS;
	if (NUMBER(r, FRAGMENT_OFFSET))
		f->flags |= FLOW_LATER_FRAGMENT;
}

static enum refusal set_counts(const struct record_values *r, struct flow *f)
{
	f->packets = NUMBER(r, PACKETS);
	f->l3_octets = HAS(r, OCTETS) ? NUMBER(r, OCTETS) : NUMBER(r, L2_OCTETS);
	f->l2_octets = HAS(r, L2_OCTETS) ? NUMBER(r, L2_OCTETS) : f->l3_octets;
	f->tcp_flags = (uint16_t)(NUMBER(r, TCP_FLAGS) & 0x0fff);
	if (!f->packets)
		return REFUSAL_NO_PACKETS;
	if (f->packets > BATCH_COUNT_MAX || f->l2_octets > BATCH_COUNT_MAX ||
	    f->l3_octets > BATCH_COUNT_MAX)
		return REFUSAL_COUNT;
	return REFUSAL_NONE;
}

/* The same conversation seen from the other end, by the same observation point. */
static enum refusal turn_round(const struct record_values *r, const struct flow *f,
			       struct flow *back)
{
	bool has_ports = f->proto != PROTO_ICMP && f->proto != PROTO_ICMP6;

	*back = *f;
	memcpy(back->src, f->dst, sizeof(back->src));
	memcpy(back->dst, f->src, sizeof(back->dst));
	if (has_ports) {
		back->src_port = f->dst_port;
		back->dst_port = f->src_port;
	}
	back->src_as = f->dst_as;
	back->dst_as = f->src_as;
	back->ifindex = f->peer_ifindex;
	back->peer_ifindex = f->ifindex;
	back->packets = NUMBER(r, REVERSE_PACKETS);
	back->l2_octets = back->l3_octets = NUMBER(r, REVERSE_OCTETS);
	back->tcp_flags = (uint16_t)(NUMBER(r, REVERSE_TCP_FLAGS) & 0x0fff);
	if (back->packets > BATCH_COUNT_MAX || back->l3_octets > BATCH_COUNT_MAX)
		return REFUSAL_COUNT;
	return REFUSAL_NONE;
}

enum refusal record_to_flows(const struct record_values *r, const struct record_time *time,
			     struct flow *forward, struct flow *reverse, bool *has_reverse)
{
	enum refusal why;

	*forward = (struct flow){ .kind = FLOW_RECORD, .proto = (uint8_t)NUMBER(r, PROTO) };
	*has_reverse = NUMBER(r, REVERSE_PACKETS) > 0;
	if (!HAS(r, SRC_V4) && !HAS(r, SRC_V6) && !HAS(r, DST_V4) && !HAS(r, DST_V6) &&
	    !HAS(r, ETHERTYPE))
		return REFUSAL_NO_FLOW;
	set_addresses(r, forward);
	set_ports(r, forward);
	set_network(r, forward);
	set_times(r, time, forward);
	why = set_counts(r, forward);
	if (why == REFUSAL_NO_PACKETS && *has_reverse) { /* only the way back was seen */
		struct flow back;

		why = turn_round(r, forward, &back);
		*forward = back;
		*has_reverse = false;
		return why;
	}
	if (!why && *has_reverse)
		why = turn_round(r, forward, reverse);
	return why;
}
