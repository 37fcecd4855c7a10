// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Columns of a batch to members of rows and back, by one table. */
#include "user/wire/batch_columns.h"

#include <string.h>

#include "user/lib/compiler.h"
#include "user/wire/flow.h"

struct column {
	size_t count_at; /* in Wiretally__V1__Flows */
	size_t values_at;
	size_t value_bytes; /* 4 or 8 */
	size_t flow_at; /* in struct flow */
	size_t flow_bytes;
	const char *wrong_length;
	const char *too_large;
};

#define COLUMN(name, bytes, member)                                             \
	{ .count_at = offsetof(Wiretally__V1__Flows, n_##name),                 \
	  .values_at = offsetof(Wiretally__V1__Flows, name),                    \
	  .value_bytes = bytes,                                                 \
	  .flow_at = offsetof(struct flow, member),                             \
	  .flow_bytes = sizeof(((struct flow *)0)->member),                     \
	  .wrong_length = "column " #name " has neither 0 nor one value a row", \
	  .too_large = "column " #name " holds a value that is too large" }

static const struct column columns[] = {
	COLUMN(source_port, 4, src_port),  COLUMN(destination_port, 4, dst_port),
	COLUMN(protocol, 4, proto),	   COLUMN(ethertype, 4, ethertype),
	COLUMN(interface, 4, ifindex),	   COLUMN(netns, 4, netns),
	COLUMN(vlan_outer, 4, vlan_outer), COLUMN(vlan_inner, 4, vlan_inner),
	COLUMN(tunnel_id, 4, tunnel_id),   COLUMN(packets, 8, packets),
	COLUMN(l2_octets, 8, l2_octets),   COLUMN(l3_octets, 8, l3_octets),
	COLUMN(tcp_flags, 4, tcp_flags),   COLUMN(dscp, 4, dscp),
	COLUMN(ttl_min, 4, ttl_min),	   COLUMN(ttl_max, 4, ttl_max),
	COLUMN(sampling, 4, sampling),	   COLUMN(source_as, 4, src_as),
	COLUMN(destination_as, 4, dst_as), COLUMN(peer_interface, 4, peer_ifindex),
};
_Static_assert(sizeof(columns) / sizeof(columns[0]) == BATCH_COLUMNS, "header tells the size");

INLINE uint64_t load(const void *from, size_t bytes)
{
	switch (bytes) {
	case 1:
		return *(const uint8_t *)from;
	case 2:
		return *(const uint16_t *)from;
	case 4:
		return *(const uint32_t *)from;
	default:
		return *(const uint64_t *)from;
	}
}

INLINE void keep(void *to, size_t bytes, uint64_t value)
{
	switch (bytes) {
	case 1:
		*(uint8_t *)to = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)to = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)to = (uint32_t)value;
		break;
	default:
		*(uint64_t *)to = value;
		break;
	}
}

/* True when a value other than zero is among them. */
HOT static bool fill(const struct column *c, const struct flow *rows, size_t len, uint8_t *values)
{
	uint64_t any = 0;

	for (size_t i = 0; i < len; i++) {
		uint64_t value = load((const uint8_t *)&rows[i] + c->flow_at, c->flow_bytes);

		keep(values + i * c->value_bytes, c->value_bytes, value);
		any |= value;
	}
	return any != 0;
}

void batch_columns_fill(Wiretally__V1__Flows *to, const struct flow *rows, size_t len, void *block)
{
	uint8_t *values = block;

	for (size_t i = 0; i < BATCH_COLUMNS; i++) {
		const struct column *c = &columns[i];

		if (!fill(c, rows, len, values))
			continue;
		memcpy((uint8_t *)to + c->count_at, &len, sizeof(len));
		memcpy((uint8_t *)to + c->values_at, &values, sizeof(values));
		values += 8 * len; /* not value_bytes: keeps every column aligned */
	}
}

HOT static const char *take(const struct column *c, const uint8_t *values, struct flow *rows,
			    size_t len)
{
	uint64_t any = 0;

	for (size_t i = 0; i < len; i++) {
		uint64_t value = load(values + i * c->value_bytes, c->value_bytes);

		keep((uint8_t *)&rows[i] + c->flow_at, c->flow_bytes, value);
		any |= value;
	}
	if (c->flow_bytes < 8 && any >> (8 * c->flow_bytes))
		return c->too_large;
	return NULL;
}

const char *batch_columns_take(const Wiretally__V1__Flows *from, struct flow *rows, size_t first,
			       size_t len)
{
	for (size_t i = 0; i < BATCH_COLUMNS; i++) {
		const struct column *c = &columns[i];
		const uint8_t *values;
		const char *why;
		size_t count;

		memcpy(&count, (const uint8_t *)from + c->count_at, sizeof(count));
		memcpy(&values, (const uint8_t *)from + c->values_at, sizeof(values));
		if (count == 0)
			continue;
		if (count != from->rows)
			return c->wrong_length;
		why = take(c, values + first * c->value_bytes, rows + first, len);
		if (why)
			return why;
	}
	return NULL;
}
