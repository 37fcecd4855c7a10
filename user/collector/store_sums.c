// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A series in, the statement that sums it for the ledger out. */
#include "user/collector/store_sums.h"

#include <stddef.h>

#include "user/collector/ledger_sum.h"

#define OF_HOST(point, packets, octets)                                                          \
	"SELECT exporter_id, \"interval\", 0::UINTEGER AS ifindex, 0::UINTEGER AS netns, " point \
	"::UTINYINT AS point, '" LEDGER_STORED "' AS name, " packets                             \
	"::BIGINT AS packets, " octets "::BIGINT AS octets FROM "

/* Bits of flags as in user/wire/flow.h; numbers of points as in user/wire/signal.h. */
static const struct store_sums sums[STORE_SERIES] = {
	[SERIES_FLOWS] = { "SELECT exporter_id, \"interval\", ifindex, netns, "
			   "((flags & 1) | ((flags >> 2) & 2))::UTINYINT AS point, "
			   "CASE kind WHEN 0 THEN '" LEDGER_STORED "' ELSE '" LEDGER_STORED_FOLD
			   "' END AS name, sum(packets)::BIGINT AS packets, "
			   "sum(l2_octets)::BIGINT AS octets FROM ",
			   " GROUP BY ALL" },
	[SERIES_CONNECTIONS] = { OF_HOST("16", "sum(events)", "0"), " GROUP BY ALL" },
	[SERIES_SOCKETS] = { OF_HOST("16", "sum(events)", "0"), " GROUP BY ALL" },
	[SERIES_DROPS] = { OF_HOST("17", "sum(packets)", "sum(octets)"), " GROUP BY ALL" },
	[SERIES_LATENCIES] = { OF_HOST("18", "sum(count)", "0"), " GROUP BY ALL" },
};

const struct store_sums *store_sums_of(enum store_series series)
{
	return sums[series].before ? &sums[series] : NULL;
}
