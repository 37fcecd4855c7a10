// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A name in, how to group by it out. */
#include "user/collector/query_keys.h"

#include <string.h>

#include "user/collector/query_sql.h"
#include "user/collector/store_functions.h"
#include "user/lib/cleanup.h"

#define IS_IP "ethertype IN (2048, 34525)"
/* Keep in step with filter_sql.c: port filters and port keys mean the same rows. */
#define HAS_PORTS STORE_HAS_PORTS
#define NET(side)                                                                          \
	"CASE WHEN " IS_IP " THEN " side "_hi END AS k_" side "net_hi, "                   \
	"CASE WHEN " IS_IP " THEN if(" side "_hi = 0 AND " side "_lo >> 32 = 65535, " side \
	"_lo & 18446744073709551360, 0)::UBIGINT END AS k_" side "net_lo"
static const struct query_key keys[] = {
	{ .name = "src",
	  .bits = QUERY_KEY_ADDRESS,
	  .pushed = "src_lo",
	  .word = "wt_v4(ethertype, src_lo, ",
	  .reads = "src_hi, src_lo",
	  .inner = "CASE WHEN " IS_IP " THEN src_hi END AS k_src_hi, "
		   "CASE WHEN " IS_IP " THEN src_lo END AS k_src_lo",
	  .aliases = "k_src_hi, k_src_lo",
	  .outer = "k_src_hi, k_src_lo",
	  .columns = { { "src", COLUMN_ADDRESS } } },
	{ .name = "dst",
	  .bits = QUERY_KEY_ADDRESS,
	  .pushed = "dst_lo",
	  .word = "wt_v4(ethertype, dst_lo, ",
	  .reads = "dst_hi, dst_lo",
	  .inner = "CASE WHEN " IS_IP " THEN dst_hi END AS k_dst_hi, "
		   "CASE WHEN " IS_IP " THEN dst_lo END AS k_dst_lo",
	  .aliases = "k_dst_hi, k_dst_lo",
	  .outer = "k_dst_hi, k_dst_lo",
	  .columns = { { "dst", COLUMN_ADDRESS } } },
	/* both directions in one row; src is who was seen sending first (is_swapped: api_top.c) */
	{ .name = "conversation",
	  .bits = QUERY_KEY_PAIR,
	  .pushed = "src_lo",
	  .reads = "src_hi, src_lo, dst_hi, dst_lo",
	  .inner =
		  "CASE WHEN " IS_IP " THEN if(" QUERY_IS_SWAPPED
		  ", dst_hi, src_hi) END AS k_a_hi, "
		  "CASE WHEN " IS_IP " THEN if(" QUERY_IS_SWAPPED
		  ", dst_lo, src_lo) END AS k_a_lo, "
		  "CASE WHEN " IS_IP " THEN if(" QUERY_IS_SWAPPED
		  ", src_hi, dst_hi) END AS k_b_hi, "
		  "CASE WHEN " IS_IP " THEN if(" QUERY_IS_SWAPPED ", src_lo, dst_lo) END AS k_b_lo",
	  .aliases = "k_a_hi, k_a_lo, k_b_hi, k_b_lo",
	  .outer = "if(is_swapped, k_b_hi, k_a_hi), if(is_swapped, k_b_lo, k_a_lo), "
		   "if(is_swapped, k_a_hi, k_b_hi), if(is_swapped, k_a_lo, k_b_lo)",
	  .columns = { { "src", COLUMN_ADDRESS }, { "dst", COLUMN_ADDRESS } } },
	/* /24 and /64 */
	{ .name = "srcnet",
	  .bits = QUERY_KEY_ADDRESS,
	  .reads = "src_hi, src_lo",
	  .inner = NET("src"),
	  .aliases = "k_srcnet_hi, k_srcnet_lo",
	  .outer = "k_srcnet_hi, k_srcnet_lo",
	  .columns = { { "srcnet", COLUMN_ADDRESS } } },
	{ .name = "dstnet",
	  .bits = QUERY_KEY_ADDRESS,
	  .reads = "dst_hi, dst_lo",
	  .inner = NET("dst"),
	  .aliases = "k_dstnet_hi, k_dstnet_lo",
	  .outer = "k_dstnet_hi, k_dstnet_lo",
	  .columns = { { "dstnet", COLUMN_ADDRESS } } },
	{ .name = "srcport",
	  .bits = 16,
	  .word = "wt_port(proto, flags, src_port, ",
	  .reads = "src_port",
	  .inner = "CASE WHEN " HAS_PORTS " THEN src_port END AS k_srcport",
	  .aliases = "k_srcport",
	  .outer = "k_srcport::BIGINT",
	  .columns = { { "srcport", COLUMN_INT } } },
	{ .name = "dstport",
	  .bits = 16,
	  .word = "wt_port(proto, flags, dst_port, ",
	  .reads = "dst_port",
	  .inner = "CASE WHEN " HAS_PORTS " THEN dst_port END AS k_dstport",
	  .aliases = "k_dstport",
	  .outer = "k_dstport::BIGINT",
	  .columns = { { "dstport", COLUMN_INT } } },
	{ .name = "proto",
	  .bits = 8,
	  .reads = "proto",
	  .inner = "CASE WHEN " IS_IP " THEN proto END AS k_proto",
	  .aliases = "k_proto",
	  .outer = "k_proto::BIGINT, k_proto::BIGINT",
	  .columns = { { "proto", COLUMN_INT }, { "proto_name", COLUMN_PROTO_NAME } } },
	{ .name = "interface",
	  .inner = "ifindex AS k_ifindex, netns AS k_netns",
	  .named = "coalesce(i.name, 'if' || k_ifindex) AS k_interface, k_ifindex, k_netns",
	  .aliases = "k_interface, k_ifindex, k_netns",
	  .outer = "k_interface, k_ifindex::BIGINT, k_netns::BIGINT",
	  .columns = { { "interface", COLUMN_TEXT },
		       { "ifindex", COLUMN_INT },
		       { "netns", COLUMN_INT } } },
	{ .name = "exporter",
	  .inner = "exporter_id AS k_exporter_id",
	  .named = "e.exporter AS k_exporter, e.agent AS k_agent, e.host AS k_host",
	  .aliases = "k_exporter, k_agent, k_host",
	  .outer = "k_exporter, k_agent, k_host",
	  .columns = { { "exporter", COLUMN_TEXT },
		       { "agent", COLUMN_TEXT },
		       { "host", COLUMN_TEXT } } },
	{ .name = "direction",
	  .bits = 1,
	  .reads = "flags",
	  .inner = "flags & 1 AS k_direction",
	  .aliases = "k_direction",
	  .outer = "k_direction::BIGINT",
	  .columns = { { "direction", COLUMN_DIRECTION } } },
	{ .name = "ethertype",
	  .bits = 16,
	  .reads = "ethertype",
	  .inner = "ethertype AS k_ethertype",
	  .aliases = "k_ethertype",
	  .outer = "k_ethertype::BIGINT",
	  .columns = { { "ethertype", COLUMN_ETHERTYPE } } },
	{ .name = "vlan",
	  .bits = 12,
	  .reads = "vlan_outer",
	  .inner = "CASE WHEN vlan_outer >= 4096 THEN vlan_outer & 4095 END AS k_vlan",
	  .aliases = "k_vlan",
	  .outer = "k_vlan::BIGINT",
	  .columns = { { "vlan", COLUMN_INT } } },
	{ .name = "dscp",
	  .bits = 8,
	  .reads = "dscp",
	  .inner = "CASE WHEN " IS_IP " THEN dscp END AS k_dscp",
	  .aliases = "k_dscp",
	  .outer = "k_dscp::BIGINT",
	  .columns = { { "dscp", COLUMN_INT } } },
	{ .name = "flags",
	  .bits = 16,
	  .reads = "tcp_flags",
	  .inner = "CASE WHEN proto = 6 THEN tcp_flags END AS k_flags",
	  .aliases = "k_flags",
	  .outer = "k_flags::BIGINT",
	  .columns = { { "flags", COLUMN_TCP_FLAGS } } },
	{ .name = "tunnel",
	  .bits = 32,
	  .reads = "tunnel_id",
	  .inner = "nullif(tunnel_id, 0) AS k_tunnel",
	  .aliases = "k_tunnel",
	  .outer = "k_tunnel::BIGINT",
	  .columns = { { "tunnel", COLUMN_INT } } },
	{ .name = "peer",
	  .bits = 32,
	  .reads = "peer_ifindex",
	  .inner = "nullif(peer_ifindex, 0) AS k_peer",
	  .aliases = "k_peer",
	  .outer = "k_peer::BIGINT",
	  .columns = { { "peer", COLUMN_INT } } },
	{ .name = "srcas",
	  .bits = 32,
	  .reads = "src_as",
	  .inner = "coalesce(src_as, 0) AS k_srcas",
	  .aliases = "k_srcas",
	  .outer = "k_srcas::BIGINT",
	  .columns = { { "srcas", COLUMN_INT } } },
	{ .name = "dstas",
	  .bits = 32,
	  .reads = "dst_as",
	  .inner = "coalesce(dst_as, 0) AS k_dstas",
	  .aliases = "k_dstas",
	  .outer = "k_dstas::BIGINT",
	  .columns = { { "dstas", COLUMN_INT } } },
	{ .name = "process",
	  .inner = "coalesce(process, 'unknown') AS k_process",
	  .aliases = "k_process",
	  .outer = "k_process",
	  .is_owned = true,
	  .columns = { { "process", COLUMN_TEXT } } },
	{ .name = "cgroup",
	  .inner = "coalesce(cgroup, 'unknown') AS k_cgroup",
	  .aliases = "k_cgroup",
	  .outer = "k_cgroup",
	  .is_owned = true,
	  .columns = { { "cgroup", COLUMN_TEXT } } },
};

const struct query_key *query_key_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strlen(keys[i].name) == len && !strncmp(keys[i].name, name, len))
			return &keys[i];
	}
	return NULL;
}

void query_key_same(struct sql_builder *b, const char *alias)
{
	sql_add(b, "r.");
	sql_add(b, alias);
	sql_add(b, " IS NOT DISTINCT FROM w.");
	sql_add(b, alias);
}

const char *query_key_names(void)
{
	return "src, dst, conversation, srcnet, dstnet, srcport, dstport, proto, interface, peer, exporter, direction, ethertype, vlan, dscp, flags, tunnel, srcas, dstas, process, cgroup";
}
