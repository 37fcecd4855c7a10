// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * sFlow v5 (https://sflow.org/sflow_version_5.txt) in, sampled packets and interface counters out.
 *
 *   datagram  version 4 | agent's address: type 4, 4 or 16 | sub-agent 4 | sequence 4 | uptime 4 |
 *             samples 4
 *   sample    format 4 | length 4 | …      record in it: the same head
 *
 * Of a flow sample one record is a row: the packet's header, else what the exporter read in it.
 */
#include <stdio.h>
#include <string.h>

#include "user/exporters/datagram.h"
#include "user/wire/batch.h"
#include "user/wire/packet.h"

#define ADDRESS_V4 1
#define ADDRESS_V6 2
#define INTERFACE_MASK 0x3fffffff /* above: what kind of number it is; 0: an interface */
#define INTERFACE_INTERNAL 0x3fffffff

/* Enterprise 0; others are skipped. */
enum sample_format { FLOW_SAMPLE = 1, COUNTERS, FLOW_SAMPLE_EXPANDED, COUNTERS_EXPANDED };
enum flow_format { RAW_HEADER = 1, SAMPLED_IPV4 = 3, SAMPLED_IPV6 };
enum header_protocol { HEADER_ETHERNET = 1, HEADER_IPV4 = 11, HEADER_IPV6 = 12 };
#define GENERIC_COUNTERS 1

struct sample {
	struct flow_source *source;
	int64_t now_us;
	uint32_t rate, at, input, output; /* at: the interface that sampled */
};

static bool take_address(struct bytes *b, uint8_t address[16])
{
	struct bytes bytes;
	struct record_values value;
	uint32_t type;

	if (!bytes_u32(b, &type) || (type != ADDRESS_V4 && type != ADDRESS_V6) ||
	    !bytes_take(b, type == ADDRESS_V4 ? 4 : 16, &bytes))
		return false;
	value.has = 0;
	element_put(type == ADDRESS_V4 ? ELEMENT_SRC_V4 : ELEMENT_SRC_V6, bytes.at, bytes.left,
		    &value);
	memcpy(address, value.src, sizeof(value.src));
	return true;
}

int sflow_domain(struct bytes message, uint8_t agent[16], uint32_t *ret)
{
	uint32_t version;

	if (!bytes_u32(&message, &version) || version != 5 || !take_address(&message, agent))
		return -1;
	return bytes_u32(&message, ret) ? 0 : -1;
}

/* ---- flow samples --------------------------------------------------------------------------- */

static int put_row(const struct sample *s, struct flow *row)
{
	bool is_egress = s->at && s->at == s->output && s->at != s->input;

	row->start_us = row->end_us = s->now_us;
	row->sampling = s->rate ? s->rate : 1;
	row->ifindex = is_egress ? s->output : s->input;
	row->peer_ifindex = is_egress ? s->input : s->output;
	if (is_egress)
		row->flags |= FLOW_EGRESS;
	return flow_source_row(s->source, row);
}

/* The frame's length has the FCS in it, and says with `stripped` that the header has not. */
static int read_header(const struct sample *s, struct bytes record)
{
	struct packet packet = { .time_us = s->now_us };
	struct packet_parsed parsed;
	uint32_t protocol, frame, stripped, len;
	struct bytes header;

	if (!bytes_u32(&record, &protocol) || !bytes_u32(&record, &frame) ||
	    !bytes_u32(&record, &stripped) || !bytes_u32(&record, &len) ||
	    !bytes_take(&record, len, &header)) {
		flow_source_refuse(s->source, REFUSAL_LENGTH);
		return 0;
	}
	packet.bytes = header.at;
	packet.captured = header.left;
	packet.wire_bytes = frame > stripped ? frame - stripped : frame;
	packet.link = protocol == HEADER_ETHERNET			   ? PACKET_ETHERNET
		      : protocol == HEADER_IPV4 || protocol == HEADER_IPV6 ? PACKET_RAW_IP
									   : PACKET_UNKNOWN_LINK;
	packet_parse(&packet, false, &parsed);
	if (!parsed.refusal)
		return put_row(s, &parsed.outer);
	flow_source_refuse(s->source, REFUSAL_SAMPLE);
	return 0;
}

/* length 4 | protocol 4 | source, destination | ports 4, 4 | TCP flags 4 | TOS or class 4 */
static int read_sampled_ip(const struct sample *s, struct bytes record, bool is_v4)
{
	struct record_values r = { .has = 0 };
	struct flow row = { .flags = FLOW_COUNTED, .packets = 1 };
	uint32_t len, proto, src_port, dst_port, flags, tos;
	struct bytes src, dst;

	if (!bytes_u32(&record, &len) || !bytes_u32(&record, &proto) ||
	    !bytes_take(&record, is_v4 ? 4 : 16, &src) ||
	    !bytes_take(&record, is_v4 ? 4 : 16, &dst) || !bytes_u32(&record, &src_port) ||
	    !bytes_u32(&record, &dst_port) || !bytes_u32(&record, &flags) ||
	    !bytes_u32(&record, &tos)) {
		flow_source_refuse(s->source, REFUSAL_LENGTH);
		return 0;
	}
	element_put(is_v4 ? ELEMENT_SRC_V4 : ELEMENT_SRC_V6, src.at, src.left, &r);
	element_put(is_v4 ? ELEMENT_DST_V4 : ELEMENT_DST_V6, dst.at, dst.left, &r);
	memcpy(row.src, r.src, sizeof(row.src));
	memcpy(row.dst, r.dst, sizeof(row.dst));
	row.ethertype = is_v4 ? 0x0800 : 0x86dd;
	row.proto = (uint8_t)proto;
	row.src_port = (uint16_t)src_port;
	row.dst_port = (uint16_t)dst_port;
	row.tcp_flags = (uint16_t)(flags & 0x0fff);
	row.dscp = (uint8_t)(tos >> 2 & 0x3f);
	row.l2_octets = row.l3_octets = len;
	return put_row(s, &row);
}

static bool take_piece(struct bytes *b, uint32_t *format, struct bytes *ret)
{
	uint32_t len;

	return bytes_u32(b, format) && bytes_u32(b, &len) && bytes_take(b, len, ret);
}

static int read_flow_records(const struct sample *s, struct bytes rest, uint32_t records)
{
	struct bytes header = { NULL }, sampled = { NULL }, piece;
	bool is_v4 = false;
	uint32_t format;

	for (uint32_t i = 0; i < records; i++) {
		if (!take_piece(&rest, &format, &piece)) {
			flow_source_refuse(s->source, REFUSAL_LENGTH);
			return 0;
		}
		if (format == RAW_HEADER && !header.at) {
			header = piece;
		} else if ((format == SAMPLED_IPV4 || format == SAMPLED_IPV6) && !sampled.at) {
			sampled = piece;
			is_v4 = format == SAMPLED_IPV4;
		}
	}
	if (header.at)
		return read_header(s, header);
	if (sampled.at)
		return read_sampled_ip(s, sampled, is_v4);
	flow_source_refuse(s->source, REFUSAL_SAMPLE);
	return 0;
}

static uint32_t to_interface(uint32_t format, uint32_t value)
{
	return format || value == INTERFACE_INTERNAL ? 0 : value;
}

/* Compact numbers have the format in their top bits (interfaces two, data sources eight). */
static int read_flow_sample(struct sample *s, struct bytes b, bool is_expanded)
{
	uint32_t sequence, at = 0, class = 0, pool, drops, records;
	uint32_t in_format = 0, in = 0, out_format = 0, out = 0;
	bool good = bytes_u32(&b, &sequence) && (!is_expanded || bytes_u32(&b, &class)) &&
		    bytes_u32(&b, &at) && bytes_u32(&b, &s->rate) && bytes_u32(&b, &pool) &&
		    bytes_u32(&b, &drops);

	if (good && is_expanded)
		good = bytes_u32(&b, &in_format) && bytes_u32(&b, &in) &&
		       bytes_u32(&b, &out_format) && bytes_u32(&b, &out);
	else if (good)
		good = bytes_u32(&b, &in) && bytes_u32(&b, &out);
	if (!good || !bytes_u32(&b, &records)) {
		flow_source_refuse(s->source, REFUSAL_LENGTH);
		return 0;
	}
	if (!is_expanded) {
		class = at >> 24;
		at &= 0xffffff;
		in_format = in >> 30;
		out_format = out >> 30;
		in &= INTERFACE_MASK;
		out &= INTERFACE_MASK;
	}
	s->at = class ? 0 : at;
	s->input = to_interface(in_format, in);
	s->output = to_interface(out_format, out);
	return read_flow_records(s, b, records);
}

/* ---- counters ------------------------------------------------------------------------------- */

/* RFC 2863's, as sFlow orders them; NULL: of no use as a number. */
static const struct {
	uint8_t bytes;
	const char *name;
} generic[] = {
	{ 4, NULL }, /* ifIndex, read before */
	{ 4, NULL }, /* ifType */
	{ 8, NULL }, /* speed */
	{ 4, NULL }, /* direction */
	{ 4, NULL }, /* status */
	{ 8, "in_octets" },
	{ 4, "in_unicast" },
	{ 4, "in_multicast" },
	{ 4, "in_broadcast" },
	{ 4, "in_discards" },
	{ 4, "in_errors" },
	{ 4, "in_unknown_protocol" },
	{ 8, "out_octets" },
	{ 4, "out_unicast" },
	{ 4, "out_multicast" },
	{ 4, "out_broadcast" },
	{ 4, "out_discards" },
	{ 4, "out_errors" },
};

/* What a counter of so many bytes has gained; it wraps, or starts again at 0. */
static uint64_t step(uint64_t before, uint64_t now, uint8_t bytes)
{
	if (now >= before)
		return now - before;
	return bytes == 4 && before - now > UINT32_MAX / 2 ? (uint32_t)(now - before) : now;
}

_Static_assert(ARRAY_LEN(generic) == FLOW_SOURCE_INTERFACE_COUNTERS, "it keeps them");

static int read_generic(struct flow_source *s, struct bytes b)
{
	uint64_t *before = NULL;
	bool is_first = true;
	uint32_t ifindex = 0;
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(generic); i++) {
		struct bytes value;
		char name[HOST_COUNT_NAME_MAX];
		uint64_t now;

		if (!bytes_take(&b, generic[i].bytes, &value)) {
			flow_source_refuse(s, REFUSAL_LENGTH);
			return 0;
		}
		now = bytes_number(value.at, value.left);
		if (i == 0) {
			ifindex = (uint32_t)now;
			before = flow_source_counters_of(s, ifindex, &is_first);
		}
		if (!generic[i].name || !before)
			continue;
		snprintf(name, sizeof(name), "interface/%u/%s", ifindex, generic[i].name);
		if (!is_first)
			err = flow_source_counter(s, name, step(before[i], now, generic[i].bytes));
		before[i] = now;
	}
	return err;
}

static int read_counters(struct flow_source *s, struct bytes b, bool is_expanded)
{
	uint32_t sequence, at, class = 0, records, format;
	struct bytes piece;
	int err = 0;

	if (!bytes_u32(&b, &sequence) || (is_expanded && !bytes_u32(&b, &class)) ||
	    !bytes_u32(&b, &at) || !bytes_u32(&b, &records)) {
		flow_source_refuse(s, REFUSAL_LENGTH);
		return 0;
	}
	s->counts[EXPORT_OPTIONS]++;
	for (uint32_t i = 0; !err && i < records; i++) {
		if (!take_piece(&b, &format, &piece)) {
			flow_source_refuse(s, REFUSAL_LENGTH);
			return 0;
		}
		if (format == GENERIC_COUNTERS)
			err = read_generic(s, piece);
	}
	return err;
}

/* ---- datagram ------------------------------------------------------------------------------- */

static int read_sample(struct flow_source *s, uint32_t format, struct bytes piece, int64_t now_us)
{
	struct sample sample = { .source = s, .now_us = now_us };

	switch (format) {
	case FLOW_SAMPLE:
	case FLOW_SAMPLE_EXPANDED:
		return read_flow_sample(&sample, piece, format == FLOW_SAMPLE_EXPANDED);
	case COUNTERS:
	case COUNTERS_EXPANDED:
		return read_counters(s, piece, format == COUNTERS_EXPANDED);
	default: /* discarded packets, another enterprise's */
		s->counts[EXPORT_OPTIONS]++;
		return 0;
	}
}

int sflow_read(struct flow_source *s, struct bytes message, int64_t now_us)
{
	uint32_t version, sub_agent, sequence, uptime, samples, format;
	uint8_t agent[16];
	struct bytes piece;
	int err = 0;

	if (!bytes_u32(&message, &version) || !take_address(&message, agent) ||
	    !bytes_u32(&message, &sub_agent) || !bytes_u32(&message, &sequence) ||
	    !bytes_u32(&message, &uptime) || !bytes_u32(&message, &samples)) {
		flow_source_refuse(s, REFUSAL_TRUNCATED);
		return 0;
	}
	flow_source_sequence(s, sequence, sequence + 1, EXPORT_MISSING_DATAGRAMS);
	for (uint32_t i = 0; !err && i < samples; i++) {
		if (!take_piece(&message, &format, &piece)) {
			flow_source_refuse(s, REFUSAL_TRUNCATED);
			return 0;
		}
		err = read_sample(s, format, piece, now_us);
	}
	return err;
}
