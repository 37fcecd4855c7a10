// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Columns of flows in, the SQL that packs them into a sealed file, and unpacks them, out. */
#include "user/collector/store_packed.h"

#include <inttypes.h>
#include <string.h>

#define HEADER_NONE UINT8_MAX

/* How columns are written and read that are not as they were; NULL: not at all. */
static const struct packed {
	const char *write, *read;
} packed[FLOW_COLUMNS] = {
	[FLOW_INTERVAL] = { NULL, "NULL::UBIGINT AS \"interval\"" },
	[FLOW_START_US] = { "end_us - start_us AS duration_us", STORE_PACKED_START " AS start_us" },
	[FLOW_L3_OCTETS] = { "wt_header(packets, l2_octets, l3_octets) AS l2_header, "
			     "if(l2_header = 255, l3_octets, NULL) AS l3_octets",
			     "wt_l3(l3_octets, l2_octets, l2_header, packets) AS l3_octets" },
};

bool store_segment_is_packed(const struct store_segment *g)
{
	const char *dot = strchr(g->file, '.');

	return dot && !strcmp(dot, STORE_PACKED);
}

void store_packed_write(FILE *out)
{
	const char *separator = "";

	for (size_t i = 0; i < FLOW_COLUMNS; i++) {
		if (packed[i].read && !packed[i].write)
			continue;
		if (packed[i].write)
			fprintf(out, "%s%s", separator, packed[i].write);
		else
			fprintf(out, "%s\"%s\"", separator, store_flow_columns[i].name);
		separator = ", ";
	}
}

void store_packed_read(FILE *out)
{
	for (size_t i = 0; i < FLOW_COLUMNS; i++) {
		if (packed[i].read)
			fprintf(out, "%s%s", i ? ", " : "", packed[i].read);
		else
			fprintf(out, "%s\"%s\"", i ? ", " : "", store_flow_columns[i].name);
	}
}

uint8_t store_packed_header(uint64_t packets, uint64_t l2_octets, uint64_t l3_octets)
{
	uint64_t more = l2_octets - l3_octets;

	if (l2_octets == l3_octets)
		return 0;
	if (l2_octets < l3_octets || !packets || more % packets || more / packets >= HEADER_NONE)
		return HEADER_NONE;
	return (uint8_t)(more / packets);
}

uint64_t store_packed_l3(uint64_t l3_octets, uint64_t l2_octets, uint8_t l2_header,
			 uint64_t packets)
{
	return l2_header == HEADER_NONE ? l3_octets : l2_octets - l2_header * packets;
}

void store_packed_cut(int64_t from_us, int64_t to_us, unsigned int may_have, FILE *out)
{
	fputs(" WHERE TRUE", out);
	if (from_us > INT64_MIN)
		fprintf(out, " AND end_us >= %" PRId64 " AND " STORE_PACKED_START " >= %" PRId64,
			from_us, from_us);
	if (to_us < INT64_MAX)
		fprintf(out, " AND " STORE_PACKED_START " < %" PRId64, to_us);
	if (to_us < INT64_MAX - STORE_LONG_US && !(may_have & TRAIT_LONG))
		fprintf(out, " AND end_us < %" PRId64, to_us + STORE_LONG_US);
}
