// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A field of a record in, what it says of a flow out. */
#include "user/exporters/element.h"

#include <stdbool.h>
#include <string.h>

#include "user/exporters/bytes.h"
#include "user/lib/cleanup.h"

/* Numbers of the registry, in their order. */
static const struct row {
	uint16_t number;
	uint8_t element;
	uint8_t reverse; /* the same of the way back, or ELEMENT_NONE */
} rows[] = {
	{ 1, ELEMENT_OCTETS, ELEMENT_REVERSE_OCTETS },
	{ 2, ELEMENT_PACKETS, ELEMENT_REVERSE_PACKETS },
	{ 4, ELEMENT_PROTO },
	{ 5, ELEMENT_TOS },
	{ 6, ELEMENT_TCP_FLAGS, ELEMENT_REVERSE_TCP_FLAGS },
	{ 7, ELEMENT_SRC_PORT },
	{ 8, ELEMENT_SRC_V4 },
	{ 10, ELEMENT_IN_INTERFACE },
	{ 11, ELEMENT_DST_PORT },
	{ 12, ELEMENT_DST_V4 },
	{ 14, ELEMENT_OUT_INTERFACE },
	{ 16, ELEMENT_SRC_AS },
	{ 17, ELEMENT_DST_AS },
	{ 21, ELEMENT_END_UPTIME },
	{ 22, ELEMENT_START_UPTIME },
	{ 23,
	  ELEMENT_OCTETS }, /* v9 OUT_BYTES, OUT_PKTS: what left; a record has one or the other */
	{ 24, ELEMENT_PACKETS },
	{ 27, ELEMENT_SRC_V6 },
	{ 28, ELEMENT_DST_V6 },
	{ 32, ELEMENT_ICMP },
	{ 34, ELEMENT_SAMPLING },
	{ 48, ELEMENT_SAMPLER_ID },
	{ 50, ELEMENT_SAMPLING },
	{ 52, ELEMENT_TTL_MIN },
	{ 53, ELEMENT_TTL_MAX },
	{ 58, ELEMENT_VLAN },
	{ 61, ELEMENT_DIRECTION },
	{ 82, ELEMENT_INTERFACE_NAME },
	{ 85, ELEMENT_OCTETS, ELEMENT_REVERSE_OCTETS },
	{ 86, ELEMENT_PACKETS, ELEMENT_REVERSE_PACKETS },
	{ 88, ELEMENT_FRAGMENT_OFFSET },
	{ 139, ELEMENT_ICMP },
	{ 150, ELEMENT_START_S },
	{ 151, ELEMENT_END_S },
	{ 152, ELEMENT_START_MS },
	{ 153, ELEMENT_END_MS },
	{ 154, ELEMENT_START_NTP },
	{ 155, ELEMENT_END_NTP },
	{ 156, ELEMENT_START_NTP },
	{ 157, ELEMENT_END_NTP },
	{ 158, ELEMENT_START_DELTA },
	{ 159, ELEMENT_END_DELTA },
	{ 160, ELEMENT_INIT_MS },
	{ 161, ELEMENT_DURATION_MS },
	{ 176, ELEMENT_ICMP_TYPE },
	{ 177, ELEMENT_ICMP_CODE },
	{ 178, ELEMENT_ICMP_TYPE },
	{ 179, ELEMENT_ICMP_CODE },
	{ 180, ELEMENT_SRC_PORT },
	{ 181, ELEMENT_DST_PORT },
	{ 182, ELEMENT_SRC_PORT },
	{ 183, ELEMENT_DST_PORT },
	{ 192, ELEMENT_TTL },
	{ 195, ELEMENT_DSCP },
	{ 231, ELEMENT_OCTETS }, /* initiator's and responder's: a flow and its way back */
	{ 232, ELEMENT_REVERSE_OCTETS },
	{ 243, ELEMENT_VLAN },
	{ 245, ELEMENT_CUSTOMER_VLAN },
	{ 252, ELEMENT_IN_INTERFACE },
	{ 253, ELEMENT_OUT_INTERFACE },
	{ 256, ELEMENT_ETHERTYPE },
	{ 298, ELEMENT_PACKETS },
	{ 299, ELEMENT_REVERSE_PACKETS },
	{ 302, ELEMENT_SAMPLER_ID },
	{ 305, ELEMENT_SAMPLED_PACKETS },
	{ 306, ELEMENT_SKIPPED_PACKETS },
	{ 309, ELEMENT_SAMPLE_SIZE },
	{ 310, ELEMENT_SAMPLE_POPULATION },
	{ 351, ELEMENT_SEGMENT_ID },
	{ 352, ELEMENT_L2_OCTETS },
	{ 353, ELEMENT_L2_OCTETS },
};

enum element element_find(uint32_t enterprise, uint16_t number)
{
	if (enterprise != ELEMENT_PEN_IANA && enterprise != ELEMENT_PEN_REVERSE)
		return ELEMENT_NONE;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].number == number)
			return enterprise ? rows[i].reverse : rows[i].element;
	return ELEMENT_NONE;
}

static void put_v4(const uint8_t *value, uint8_t to[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(to, mapped, sizeof(mapped));
	memcpy(to + sizeof(mapped), value, 4);
}

static bool put_address(enum element element, const uint8_t *value, size_t len,
			struct record_values *to)
{
	bool is_v4 = element == ELEMENT_SRC_V4 || element == ELEMENT_DST_V4;
	bool is_src = element == ELEMENT_SRC_V4 || element == ELEMENT_SRC_V6;
	uint8_t *address = is_src ? to->src : to->dst;

	if (len != (is_v4 ? 4 : 16))
		return false;
	if (is_v4)
		put_v4(value, address);
	else
		memcpy(address, value, 16);
	return true;
}

static bool put_name(const uint8_t *value, size_t len, struct record_values *to)
{
	size_t n = 0;

	while (n < len && n < sizeof(to->interface_name) - 1 && value[n]) {
		to->interface_name[n] = value[n] > ' ' && value[n] < 0x7f ? (char)value[n] : '?';
		n++;
	}
	to->interface_name[n] = '\0';
	return n > 0;
}

void element_put(enum element element, const uint8_t *value, size_t len, struct record_values *to)
{
	bool is_good;

	switch (element) {
	case ELEMENT_NONE:
		return;
	case ELEMENT_SRC_V4:
	case ELEMENT_DST_V4:
	case ELEMENT_SRC_V6:
	case ELEMENT_DST_V6:
		is_good = put_address(element, value, len, to);
		break;
	case ELEMENT_INTERFACE_NAME:
		is_good = put_name(value, len, to);
		break;
	default:
		is_good = len >= 1 && len <= 8;
		if (is_good)
			to->number[element] = bytes_number(value, len);
	}
	if (is_good)
		to->has |= UINT64_C(1) << element;
}
