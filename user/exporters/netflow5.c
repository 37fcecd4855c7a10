// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * NetFlow v5 in, records out. All fields have their place:
 *
 *   header  version 2 | count 2 | uptime ms 4 | unix s 4 | unix ns 4 | sequence 4 |
 *           engine type 1 | engine id 1 | sampling mode 2 bits, interval 14 bits
 *   record  48 bytes, as `layout` has them
 */
#include "user/exporters/datagram.h"

#define HEADER_BYTES 24
#define RECORD_BYTES 48
#define SAMPLING_MASK 0x3fff

static const struct {
	uint8_t at, len, element;
} layout[] = {
	{ 0, 4, ELEMENT_SRC_V4 },	 { 4, 4, ELEMENT_DST_V4 },
	{ 12, 2, ELEMENT_IN_INTERFACE }, { 14, 2, ELEMENT_OUT_INTERFACE },
	{ 16, 4, ELEMENT_PACKETS },	 { 20, 4, ELEMENT_OCTETS },
	{ 24, 4, ELEMENT_START_UPTIME }, { 28, 4, ELEMENT_END_UPTIME },
	{ 32, 2, ELEMENT_SRC_PORT },	 { 34, 2, ELEMENT_DST_PORT },
	{ 37, 1, ELEMENT_TCP_FLAGS },	 { 38, 1, ELEMENT_PROTO },
	{ 39, 1, ELEMENT_TOS },		 { 40, 2, ELEMENT_SRC_AS },
	{ 42, 2, ELEMENT_DST_AS },
};

int netflow5_domain(struct bytes message, uint32_t *ret)
{
	uint16_t engine;

	if (!bytes_skip(&message, 20) || !bytes_u16(&message, &engine) || !bytes_skip(&message, 2))
		return -1;
	*ret = engine;
	return 0;
}

static int read_record(struct flow_source *s, const uint8_t *at, const struct record_time *time)
{
	struct record_values r = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(layout); i++)
		element_put(layout[i].element, at + layout[i].at, layout[i].len, &r);
	return flow_source_record(s, &r, time);
}

int netflow5_read(struct flow_source *s, struct bytes message, int64_t now_us)
{
	struct record_time time = { .has_uptime = true };
	uint16_t version, count, engine, sampling;
	uint32_t unix_s, unix_ns, sequence;
	struct bytes record;
	int err = 0;

	(void)now_us;
	if (!bytes_u16(&message, &version) || !bytes_u16(&message, &count) ||
	    !bytes_u32(&message, &time.uptime_ms) || !bytes_u32(&message, &unix_s) ||
	    !bytes_u32(&message, &unix_ns) || !bytes_u32(&message, &sequence) ||
	    !bytes_u16(&message, &engine) || !bytes_u16(&message, &sampling))
		return 0; /* not after netflow5_domain() */
	time.export_us = unix_s * INT64_C(1000000) + unix_ns % 1000000000 / 1000;
	s->sampling.common = sampling & SAMPLING_MASK;
	flow_source_sequence(s, sequence, sequence + count, EXPORT_MISSING_RECORDS);
	for (uint16_t i = 0; !err && i < count; i++) {
		if (bytes_take(&message, RECORD_BYTES, &record))
			err = read_record(s, record.at, &time);
		else
			flow_source_refuse(s, REFUSAL_TRUNCATED);
	}
	return err;
}
