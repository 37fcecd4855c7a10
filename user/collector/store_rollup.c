// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The statement that makes one tier of the next finer one. */
#include "user/collector/store_rollup.h"

#include <inttypes.h>

/* Bits of flags that a fold keeps, as in user/wire/flow.h: egress, counted, inner. */
#define FOLD_FLAGS "(flags & 11)::UTINYINT"

/* What a conversation is. A port of 0 was zeroed by the tier before, or is not one. */
#define HAS_PORTS "wt_has_ports(proto, 0::UTINYINT)"
#define LOW_PORT(a, b) \
	"(CASE WHEN " HAS_PORTS " AND " a " > " b " AND " b " > 0 THEN 0 ELSE " a " END)::USMALLINT"
#define SRC_PORT LOW_PORT("src_port", "dst_port")
#define DST_PORT LOW_PORT("dst_port", "src_port")
#define REST_OF_KEY \
	"ethertype, proto, flags, ifindex, netns, vlan_outer, vlan_inner, tunnel_id, sampling"

static const char hashed[] =
	"hash(src_hi, src_lo, dst_hi, dst_lo, " SRC_PORT ", " DST_PORT ", " REST_OF_KEY ")";

static const char key[] = "exporter_id, slot, src_hi, src_lo, dst_hi, dst_lo, " SRC_PORT
			  " AS src_port, " DST_PORT " AS dst_port, kind, " REST_OF_KEY;

/* As signed as rows are: sums stay where they end, and are faster than of what is unsigned. */
#define SUM(column)                                                                    \
	"coalesce(least(sum(try_cast(" column " AS BIGINT)), 9223372036854775807), 0)" \
	"::UBIGINT AS " column ", "
static const char measures[] = "min(start_us) AS start_us, max(end_us) AS end_us, " SUM(
	"packets") SUM("l2_octets")
	SUM("l3_octets") "bit_or(tcp_flags) AS tcp_flags, any_value(dscp) AS dscp, min(ttl_min) AS ttl_min, "
			 "max(ttl_max) AS ttl_max, "
			 "least(sum(records::BIGINT), 4294967295)::UINTEGER AS records";

/* In the order of store_flow_columns, behind exporter and interval. */
static const char columns[] =
	"start_us, end_us, src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port, ethertype, proto, "
	"flags, kind, ifindex, netns, vlan_outer, vlan_inner, tunnel_id, packets, l2_octets, "
	"l3_octets, tcp_flags, dscp, ttl_min, ttl_max, sampling, src_as, dst_as, peer_ifindex, "
	"records";

/* Follow from the addresses: any row has them; of what is folded nothing is known. */
static const char routes[] =
	"coalesce(any_value(src_as), 0) AS src_as, coalesce(any_value(dst_as), 0) AS dst_as, "
	"coalesce(any_value(peer_ifindex), 0) AS peer_ifindex";
static const char no_routes[] =
	"0::UINTEGER AS src_as, 0::UINTEGER AS dst_as, 0::UINTEGER AS peer_ifindex";

static const char fold_key[] =
	"exporter_id, slot, 0::UBIGINT AS src_hi, 0::UBIGINT AS src_lo, 0::UBIGINT AS dst_hi, "
	"0::UBIGINT AS dst_lo, 0::USMALLINT AS src_port, 0::USMALLINT AS dst_port, "
	"1::UTINYINT AS kind, 0::USMALLINT AS ethertype, (CASE WHEN proto IN (1, 6, 17) THEN proto "
	"WHEN kind = 1 OR ethertype NOT IN (2048, 34525) THEN if(kind = 1, proto, 0) ELSE 255 END)"
	"::UTINYINT AS proto, " FOLD_FLAGS " AS flags, ifindex, netns, 0::USMALLINT AS vlan_outer, "
	"0::USMALLINT AS vlan_inner, 0::UINTEGER AS tunnel_id, sampling";

/*
 * Which conversations are the best is found with their hashes alone: all columns of all of them
 * would be sorted, where few of them stay. Two with one hash stay or go together. The weight's low
 * bits tell equal ones apart, so that about `top` stay and not all.
 */
static void write_best(FILE *out, int64_t slot_us, unsigned int top, const char *source)
{
	fprintf(out,
		"WITH flat AS NOT MATERIALIZED (SELECT *, start_us // %" PRId64
		" AS slot, %s AS h FROM "
		"(FROM minutes_none UNION ALL BY NAME FROM %s)), ",
		slot_us, hashed, source);
	fprintf(out,
		"sums AS (SELECT *, octets * 1024 + h %% 1024 AS weight FROM (SELECT exporter_id, "
		"slot, h, sum(try_cast(l2_octets AS BIGINT)) AS octets FROM flat WHERE kind = 0 GROUP BY ALL)), "
		"bars AS (SELECT exporter_id, slot, CASE WHEN count(*) > %u THEN "
		"list_min(max(weight, %u)) ELSE -1 END AS bar FROM sums GROUP BY ALL), "
		"best AS (SELECT exporter_id, slot, h FROM sums JOIN bars USING (exporter_id, slot) "
		"WHERE weight > bar), ",
		top, top + 1);
}

void store_rollup_sql(const char *source, int64_t slot_us, unsigned int top, int64_t hour,
		      FILE *out)
{
	write_best(out, slot_us, top, source);
	fprintf(out,
		"kept AS (SELECT %s, %s, %s FROM flat SEMI JOIN best USING (exporter_id, slot, h) "
		"WHERE kind = 0 GROUP BY ALL), "
		"rest AS (SELECT %s, %s, %s FROM flat ANTI JOIN (SELECT *, 0::UTINYINT AS kind FROM best) "
		"USING (exporter_id, slot, h, kind) GROUP BY ALL) ",
		key, measures, routes, fold_key, measures, no_routes);
	fprintf(out,
		"SELECT exporter_id, %" PRId64 "::UBIGINT AS \"interval\", %s "
		"FROM (FROM kept UNION ALL BY NAME FROM rest) "
		"ORDER BY kind, slot, src_hi, src_lo, dst_hi, dst_lo, dst_port, start_us",
		hour, columns);
}
