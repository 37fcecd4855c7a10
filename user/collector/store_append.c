// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Decoded batches in, rows of the hour's flows table and of the ledger out. */
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

#include "user/collector/store_internal.h"
#include "user/lib/addr.h"
#include "user/lib/log.h"
#include "user/wire/batch.h"

#define SET STORE_SET

/* What no link has ever carried; sums are signed. */
static uint64_t saturated(uint64_t n)
{
	return n > INT64_MAX ? INT64_MAX : n;
}

static void flow_row(struct store_appender *a, uint32_t exporter_id, uint64_t interval,
		     const struct flow *f)
{
	SET(a, uint32_t, FLOW_EXPORTER_ID, exporter_id);
	SET(a, uint64_t, FLOW_INTERVAL, interval);
	SET(a, int64_t, FLOW_START_US, f->start_us);
	SET(a, int64_t, FLOW_END_US, f->end_us);
	SET(a, uint64_t, FLOW_SRC_HI, addr_hi(f->src));
	SET(a, uint64_t, FLOW_SRC_LO, addr_lo(f->src));
	SET(a, uint64_t, FLOW_DST_HI, addr_hi(f->dst));
	SET(a, uint64_t, FLOW_DST_LO, addr_lo(f->dst));
	SET(a, uint16_t, FLOW_SRC_PORT, f->src_port);
	SET(a, uint16_t, FLOW_DST_PORT, f->dst_port);
	SET(a, uint16_t, FLOW_ETHERTYPE, f->ethertype);
	SET(a, uint8_t, FLOW_PROTO, f->proto);
	SET(a, uint8_t, FLOW_FLAGS, f->flags);
	SET(a, uint8_t, FLOW_KIND, f->kind);
	SET(a, uint32_t, FLOW_IFINDEX, f->ifindex);
	SET(a, uint32_t, FLOW_NETNS, f->netns);
	SET(a, uint16_t, FLOW_VLAN_OUTER, f->vlan_outer);
	SET(a, uint16_t, FLOW_VLAN_INNER, f->vlan_inner);
	SET(a, uint32_t, FLOW_TUNNEL_ID, f->tunnel_id);
	SET(a, uint64_t, FLOW_PACKETS, saturated(f->packets));
	SET(a, uint64_t, FLOW_L2_OCTETS, saturated(f->l2_octets));
	SET(a, uint64_t, FLOW_L3_OCTETS, saturated(f->l3_octets));
	SET(a, uint16_t, FLOW_TCP_FLAGS, f->tcp_flags);
	SET(a, uint8_t, FLOW_DSCP, f->dscp);
	SET(a, uint8_t, FLOW_TTL_MIN, f->ttl_min);
	SET(a, uint8_t, FLOW_TTL_MAX, f->ttl_max);
	SET(a, uint32_t, FLOW_SAMPLING, f->sampling);
	SET(a, uint32_t, FLOW_SRC_AS, f->src_as);
	SET(a, uint32_t, FLOW_DST_AS, f->dst_as);
	SET(a, uint32_t, FLOW_PEER_IFINDEX, f->peer_ifindex);
}

static unsigned int traits_of(const struct flow *f)
{
	bool is_ip = f->ethertype == ETH_P_IP || f->ethertype == ETH_P_IPV6;
	bool is_v6 = f->ethertype == ETH_P_IPV6 ||
		     (f->ethertype == ETH_P_IP && !(addr_is_v4(f->src) && addr_is_v4(f->dst)));

	return (f->sampling > 1 ? TRAIT_SAMPLED : 0) | (f->kind ? TRAIT_FOLD : 0) |
	       (is_v6 ? TRAIT_IPV6 : 0) | (is_ip ? 0 : TRAIT_NOT_IP) |
	       (f->end_us - f->start_us >= STORE_LONG_US ? TRAIT_LONG : 0) |
	       ((f->flags & (FLOW_COUNTED | FLOW_INNER)) != FLOW_COUNTED ? TRAIT_UNCOUNTED : 0);
}

static int append_flows(struct store *s, uint32_t exporter_id, const struct batch *b,
			int64_t arrived_us)
{
	int err = store_hours_open(s, SERIES_FLOWS, arrived_us);

	for (size_t i = 0; !err && i < b->flows_len; i++) {
		const struct flow *f = &b->flows[i];

		flow_row(&s->hours[SERIES_FLOWS].rows, exporter_id, b->head.interval, f);
		s->hours[SERIES_FLOWS].change.may_have |= traits_of(f);
		err = store_hours_added(s, SERIES_FLOWS, f->start_us, f->end_us);
	}
	return err;
}

static void ledger_row(struct store_appender *a, uint32_t exporter_id, const struct ledger_row *l,
		       const struct ledger_count *c, int64_t arrived_us)
{
	SET(a, uint32_t, LEDGER_EXPORTER_ID, exporter_id);
	SET(a, uint64_t, LEDGER_INTERVAL, l->interval);
	SET(a, int64_t, LEDGER_START_US, l->start_us);
	SET(a, int64_t, LEDGER_END_US, l->end_us);
	SET(a, uint32_t, LEDGER_IFINDEX, l->ifindex);
	SET(a, uint32_t, LEDGER_NETNS, l->netns);
	SET(a, uint8_t, LEDGER_POINT, l->point);
	store_rows_text(a, LEDGER_NAME, c->name);
	SET(a, uint64_t, LEDGER_PACKETS, c->packets);
	SET(a, uint64_t, LEDGER_OCTETS, c->octets);
	SET(a, int64_t, LEDGER_ARRIVED_US, arrived_us);
	a->rows++;
}

/* Entries of one interval and point add up: a later batch may bring what was lost since. */
static int append_ledger(struct store *s, uint32_t exporter_id, const struct ledger_row *l,
			 int64_t arrived_us)
{
	struct store_appender *a = &s->ledger;
	idx_t full = duckdb_vector_size();
	int err = 0;

	if (!a->appender)
		err = store_rows_open(s, a, "ledger", store_ledger_columns, LEDGER_COLUMNS);
	for (uint32_t i = 0; !err && i < l->counts_len; i++) {
		ledger_row(a, exporter_id, l, &l->counts[i], arrived_us);
		if (a->rows == full)
			err = store_rows_push(a, LEDGER_COLUMNS);
	}
	return err;
}

int store_append_batch(struct store *s, uint32_t exporter_id, const struct batch *b,
		       int64_t arrived_us)
{
	int err = b->flows_len ? append_flows(s, exporter_id, b, arrived_us) : 0;

	if (!err && b->connections_len)
		err = store_append_connections(s, exporter_id, b, arrived_us);
	if (!err && b->drops_len)
		err = store_append_drops(s, exporter_id, b, arrived_us);
	if (!err && b->latencies_len)
		err = store_append_latencies(s, exporter_id, b, arrived_us);
	if (!err && b->host_counts_len)
		err = store_append_host_counts(s, exporter_id, b, arrived_us);
	for (size_t i = 0; !err && i < b->ledger_len; i++)
		err = append_ledger(s, exporter_id, &b->ledger[i], arrived_us);
	return err;
}
