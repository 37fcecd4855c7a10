// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A series in, the statement that sums it for the ledger out. */
#include "user/collector/store_sums.h"

#include <stddef.h>

#include "user/collector/ledger_sum.h"
#include "user/exporters/flow_source.h"

#define OF_HOST(point, packets, octets)                                                          \
	"SELECT exporter_id, \"interval\", 0::UINTEGER AS ifindex, 0::UINTEGER AS netns, " point \
	"::UTINYINT AS point, '" LEDGER_STORED "' AS name, " packets                             \
	"::BIGINT AS packets, " octets "::BIGINT AS octets FROM "

#define SUM(column) "coalesce(least(sum(" column "), 9223372036854775807), 0)::BIGINT"

/*
 * Bits of flags as in user/wire/flow.h; numbers of points as in user/wire/signal.h. A flow exporter
 * is counted in records (user/exporters/flow_source.h).
 */
static const struct store_sums sums[STORE_SERIES] = {
	[SERIES_FLOWS] = { "SELECT exporter_id, \"interval\", ifindex, netns, point, name, " SUM("packets") " AS packets, " SUM(
				   "octets") " AS octets FROM ("
					     "SELECT exporter_id, \"interval\", if(is_record, 0, ifindex)::UINTEGER "
					     "AS ifindex, netns, if(is_record, 32, (flags & 1) | ((flags >> 2) & 2))"
					     "::UTINYINT AS point, if(kind = 0, '" LEDGER_STORED
					     "', '" LEDGER_STORED_FOLD "') AS name, "
					     "if(is_record, 1, try_cast(packets AS BIGINT)) AS packets, "
					     "if(is_record, 0, try_cast(l2_octets AS BIGINT)) "
					     "AS octets FROM (SELECT *, exporter_id IN (SELECT id FROM exporters "
					     "WHERE starts_with(agent, '" FLOW_SOURCE_AGENT
					     "')) AS is_record FROM ",
			   ")) GROUP BY ALL" },
	[SERIES_CONNECTIONS] = { OF_HOST("16", "sum(events)", "0"), " GROUP BY ALL" },
	[SERIES_SOCKETS] = { OF_HOST("16", "sum(events)", "0"), " GROUP BY ALL" },
	[SERIES_DROPS] = { OF_HOST("17", "sum(packets)", "sum(octets)"), " GROUP BY ALL" },
	[SERIES_LATENCIES] = { OF_HOST("18", "sum(count)", "0"), " GROUP BY ALL" },
};

const struct store_sums *store_sums_of(enum store_series series)
{
	return sums[series].before ? &sums[series] : NULL;
}
