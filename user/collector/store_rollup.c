// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The statement that makes one tier of the next finer one. */
#include "user/collector/store_rollup.h"

#include <inttypes.h>

/* Bits of flags that a fold keeps, as in user/wire/flow.h: egress, counted, inner. */
#define FOLD_FLAGS "(flags & 11)::UTINYINT"

/*
 * An agent that was started again is another exporter. Coarse rows belong to its first one, which
 * is kept as long as they are: many restarts would make many rows, and a list without end.
 */
#define FIRST_EXPORTERS                                                                    \
	"firsts AS (SELECT id, min(id) OVER (PARTITION BY agent, exporter) AS first FROM " \
	"exporters), "

/* What a conversation is. A port of 0 was zeroed by the tier before, or is not one. */
#define HAS_PORTS "proto IN (6, 17, 33, 132, 136)"
static const char key[] =
	"coalesce(first, exporter_id) AS exporter_id, src_hi, src_lo, dst_hi, dst_lo, "
	"(CASE WHEN " HAS_PORTS
	" AND src_port > dst_port AND dst_port > 0 THEN 0 ELSE src_port END)"
	"::USMALLINT AS src_port, "
	"(CASE WHEN " HAS_PORTS
	" AND dst_port > src_port AND src_port > 0 THEN 0 ELSE dst_port END)"
	"::USMALLINT AS dst_port, "
	"ethertype, proto, flags, ifindex, netns, vlan_outer, vlan_inner, tunnel_id, sampling";

static const char measures[] =
	"min(start_us) AS start_us, max(end_us) AS end_us, sum(packets)::UBIGINT AS packets, "
	"sum(l2_octets)::UBIGINT AS l2_octets, sum(l3_octets)::UBIGINT AS l3_octets, "
	"bit_or(tcp_flags) AS tcp_flags, any_value(dscp) AS dscp, min(ttl_min) AS ttl_min, "
	"max(ttl_max) AS ttl_max, "
	"least(sum(records), 4294967295)::UINTEGER AS records";

/* In the order of store_flow_columns. */
static const char columns[] =
	"start_us, end_us, src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port, ethertype, proto, "
	"flags, kind, ifindex, netns, vlan_outer, vlan_inner, tunnel_id, packets, l2_octets, "
	"l3_octets, tcp_flags, dscp, ttl_min, ttl_max, sampling, records";

static const char fold_key[] =
	"exporter_id, slot, 0::UBIGINT AS src_hi, 0::UBIGINT AS src_lo, 0::UBIGINT AS dst_hi, "
	"0::UBIGINT AS dst_lo, 0::USMALLINT AS src_port, 0::USMALLINT AS dst_port, "
	"0::USMALLINT AS ethertype, (CASE WHEN proto IN (1, 6, 17) THEN proto "
	"WHEN kind = 1 OR ethertype NOT IN (2048, 34525) THEN if(kind = 1, proto, 0) ELSE 255 END)"
	"::UTINYINT AS proto, " FOLD_FLAGS " AS flags, 1::UTINYINT AS kind, ifindex, netns, "
	"0::USMALLINT AS vlan_outer, 0::USMALLINT AS vlan_inner, 0::UINTEGER AS tunnel_id, sampling";

void store_rollup_sql(const char *source, int64_t slot_us, unsigned int top, int64_t hour,
		      FILE *out)
{
	fprintf(out,
		"WITH " FIRST_EXPORTERS "flat AS (SELECT f.*, first FROM %s f LEFT JOIN firsts "
		"ON firsts.id = f.exporter_id), "
		"keyed AS (SELECT start_us // %" PRId64 " AS slot, kind, %s, %s FROM flat "
		"GROUP BY ALL), "
		"placed AS (SELECT *, row_number() OVER (PARTITION BY exporter_id, slot, kind "
		"ORDER BY l2_octets DESC, packets DESC) AS place FROM keyed) "
		"SELECT exporter_id, %" PRId64 "::UBIGINT AS \"interval\", %s FROM ("
		"SELECT exporter_id, %s FROM placed WHERE kind = 0 AND place <= %u "
		"UNION ALL SELECT exporter_id, %s FROM ("
		"SELECT %s, %s FROM placed WHERE kind <> 0 OR place > %u GROUP BY ALL)) "
		"ORDER BY start_us // %" PRId64
		", src_hi, src_lo, dst_hi, dst_lo, dst_port, start_us",
		source, slot_us, key, measures, hour, columns, columns, top, columns, fold_key,
		measures, top, slot_us);
}
