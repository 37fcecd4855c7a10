// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Bytes as datagrams of a flow exporter, one after the other: a length of two bytes before each.
 * Whatever comes, what was seen is a row or has a name, and every row is one a batch may have.
 *
 * needs: user/exporters/datagram.c user/exporters/element.c user/exporters/flow_source.c
 * needs: user/exporters/ipfix.c user/exporters/netflow5.c user/exporters/record.c
 * needs: user/exporters/sampling.c user/exporters/sflow.c user/exporters/template.c
 */
#include <stdlib.h>

#include "user/exporters/datagram.h"
#include "user/wire/batch_check.h"

#define NOW_US INT64_C(1700000000000000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(const struct flow_source *s)
{
	uint64_t refused = 0;

	for (int i = 0; i < REFUSALS; i++)
		refused += s->refused[i];
	if (s->counts[EXPORT_SEEN] != s->counts[EXPORT_RECORDED] + refused ||
	    s->counts[EXPORT_RECORDED] != s->rows_len)
		abort();
	for (size_t i = 0; i < s->rows_len; i++)
		if (batch_check_flow(&s->rows[i]) || !s->rows[i].sampling)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO(flow_sources_free) struct flow_sources *all = flow_sources_new();
	struct bytes rest = { bytes, len };
	uint16_t n;

	for (int64_t i = 0; bytes_u16(&rest, &n) && rest.left; i++) {
		struct datagram d = { .port = 9, .arrived_us = NOW_US + i };
		struct flow_source *s;

		if (!bytes_take(&rest, n, &d.bytes))
			bytes_take(&rest, rest.left, &d.bytes);
		if (!datagram_read(all, &d, &s) && s)
			check(s);
	}
	return 0;
}
