// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Connections, drops, latencies and host counts of a batch in, rows of their hour's tables out. */
#include "user/collector/store_internal.h"
#include "user/lib/addr.h"
#include "user/wire/batch.h"

#define SET STORE_SET

_Static_assert(STORE_LATENCY_BUCKETS == LATENCY_BUCKETS, "a column for each bucket");

static void connection_what(struct store_appender *a, uint32_t exporter_id, uint64_t interval,
			    const struct connection *c)
{
	SET(a, uint32_t, CONNECTION_EXPORTER_ID, exporter_id);
	SET(a, uint64_t, CONNECTION_INTERVAL, interval);
	SET(a, uint64_t, CONNECTION_ID, c->id);
	SET(a, uint64_t, CONNECTION_LOCAL_HI, addr_hi(c->local));
	SET(a, uint64_t, CONNECTION_LOCAL_LO, addr_lo(c->local));
	SET(a, uint64_t, CONNECTION_REMOTE_HI, addr_hi(c->remote));
	SET(a, uint64_t, CONNECTION_REMOTE_LO, addr_lo(c->remote));
	SET(a, uint16_t, CONNECTION_LOCAL_PORT, c->local_port);
	SET(a, uint16_t, CONNECTION_REMOTE_PORT, c->remote_port);
	SET(a, uint32_t, CONNECTION_NETNS, c->netns);
	SET(a, uint8_t, CONNECTION_ROLE, c->role);
	SET(a, uint8_t, CONNECTION_END, c->end);
	SET(a, uint8_t, CONNECTION_STATE, c->state);
	SET(a, uint16_t, CONNECTION_HAPPENED, c->happened);
	SET(a, uint16_t, CONNECTION_ERROR, c->error);
	SET(a, int64_t, CONNECTION_START_US, c->start_us);
	SET(a, int64_t, CONNECTION_LAST_US, c->last_us);
	SET(a, int64_t, CONNECTION_END_US, c->end_us);
	SET(a, uint64_t, CONNECTION_CONNECT_NS, c->connect_ns);
	SET(a, uint64_t, CONNECTION_ACCEPT_NS, c->accept_ns);
}

static void connection_how(struct store_appender *a, const struct connection *c)
{
	SET(a, uint64_t, CONNECTION_OCTETS_ACKED, c->octets_acked);
	SET(a, uint64_t, CONNECTION_OCTETS_RECEIVED, c->octets_received);
	SET(a, uint64_t, CONNECTION_RETRANSMIT_OCTETS, c->retransmit_octets);
	SET(a, uint64_t, CONNECTION_PACING_RATE, c->pacing_rate);
	SET(a, uint64_t, CONNECTION_DELIVERY_RATE, c->delivery_rate);
	SET(a, uint64_t, CONNECTION_CGROUP, c->cgroup);
	SET(a, uint32_t, CONNECTION_SEGMENTS_OUT, c->segments_out);
	SET(a, uint32_t, CONNECTION_RETRANSMITS, c->retransmits);
	SET(a, uint32_t, CONNECTION_RETRANSMITS_RTO, c->retransmits_rto);
	SET(a, uint32_t, CONNECTION_RETRANSMITS_FAST, c->retransmits_fast);
	SET(a, uint32_t, CONNECTION_RETRANSMITS_SYN, c->retransmits_syn);
	SET(a, uint32_t, CONNECTION_RETRANSMITS_SYNACK, c->retransmits_synack);
	SET(a, uint32_t, CONNECTION_SRTT_US, c->srtt_us);
	SET(a, uint32_t, CONNECTION_RTTVAR_US, c->rttvar_us);
	SET(a, uint32_t, CONNECTION_MIN_RTT_US, c->min_rtt_us);
	SET(a, uint32_t, CONNECTION_CWND, c->cwnd);
	SET(a, uint32_t, CONNECTION_REORDERING, c->reordering);
	SET(a, uint32_t, CONNECTION_LOST, c->lost);
	SET(a, uint32_t, CONNECTION_UNACKED, c->unacked);
	SET(a, uint32_t, CONNECTION_PID, c->pid);
	SET(a, uint32_t, CONNECTION_UID, c->uid);
	store_rows_text(a, CONNECTION_COMM, c->comm);
	store_rows_text(a, CONNECTION_CGROUP_PATH, c->cgroup_path);
	SET(a, uint64_t, CONNECTION_EVENTS, c->events);
}

static void socket_row(struct store_appender *a, uint32_t exporter_id, uint64_t interval,
		       const struct connection *c)
{
	SET(a, uint32_t, SOCKET_EXPORTER_ID, exporter_id);
	SET(a, uint64_t, SOCKET_INTERVAL, interval);
	SET(a, uint64_t, SOCKET_ID, c->id);
	SET(a, uint64_t, SOCKET_LOCAL_HI, addr_hi(c->local));
	SET(a, uint64_t, SOCKET_LOCAL_LO, addr_lo(c->local));
	SET(a, uint64_t, SOCKET_REMOTE_HI, addr_hi(c->remote));
	SET(a, uint64_t, SOCKET_REMOTE_LO, addr_lo(c->remote));
	SET(a, uint16_t, SOCKET_LOCAL_PORT, c->local_port);
	SET(a, uint16_t, SOCKET_REMOTE_PORT, c->remote_port);
	SET(a, uint32_t, SOCKET_NETNS, c->netns);
	SET(a, uint8_t, SOCKET_IPV6_ONLY, c->state != 0);
	SET(a, int64_t, SOCKET_START_US, c->start_us);
	SET(a, int64_t, SOCKET_LAST_US, c->last_us);
	SET(a, int64_t, SOCKET_END_US, c->end_us);
	SET(a, uint64_t, SOCKET_CGROUP, c->cgroup);
	SET(a, uint32_t, SOCKET_PID, c->pid);
	SET(a, uint32_t, SOCKET_UID, c->uid);
	store_rows_text(a, SOCKET_COMM, c->comm);
	store_rows_text(a, SOCKET_CGROUP_PATH, c->cgroup_path);
	SET(a, uint64_t, SOCKET_EVENTS, c->events);
}

static int append_connection(struct store *s, uint32_t exporter_id, uint64_t interval,
			     const struct connection *c, int64_t arrived_us)
{
	enum store_series series =
		c->protocol == PROTOCOL_UDP ? SERIES_SOCKETS : SERIES_CONNECTIONS;
	struct store_appender *a = &s->hours[series].rows;
	int err = store_hours_open(s, series, arrived_us);

	if (err)
		return err;
	if (series == SERIES_SOCKETS) {
		socket_row(a, exporter_id, interval, c);
	} else {
		connection_what(a, exporter_id, interval, c);
		connection_how(a, c);
	}
	return store_hours_added(s, series, c->last_us, c->last_us);
}

int store_append_connections(struct store *s, uint32_t exporter_id, const struct batch *b,
			     int64_t arrived_us)
{
	int err = 0;

	for (size_t i = 0; !err && i < b->connections_len; i++)
		err = append_connection(s, exporter_id, b->head.interval, &b->connections[i],
					arrived_us);
	return err;
}

static void drop_row(struct store_appender *a, uint32_t exporter_id, uint64_t interval,
		     const struct drop *d)
{
	SET(a, uint32_t, DROP_EXPORTER_ID, exporter_id);
	SET(a, uint64_t, DROP_INTERVAL, interval);
	SET(a, int64_t, DROP_START_US, d->start_us);
	SET(a, int64_t, DROP_END_US, d->end_us);
	SET(a, uint8_t, DROP_HAS_TUPLE, d->has_tuple);
	SET(a, uint64_t, DROP_SRC_HI, addr_hi(d->src));
	SET(a, uint64_t, DROP_SRC_LO, addr_lo(d->src));
	SET(a, uint64_t, DROP_DST_HI, addr_hi(d->dst));
	SET(a, uint64_t, DROP_DST_LO, addr_lo(d->dst));
	SET(a, uint16_t, DROP_SRC_PORT, d->src_port);
	SET(a, uint16_t, DROP_DST_PORT, d->dst_port);
	SET(a, uint16_t, DROP_ETHERTYPE, d->ethertype);
	SET(a, uint8_t, DROP_PROTO, d->proto);
	SET(a, uint32_t, DROP_IFINDEX, d->ifindex);
	SET(a, uint32_t, DROP_NETNS, d->netns);
	SET(a, uint8_t, DROP_PURGED, d->purged);
	store_rows_text(a, DROP_REASON, d->reason);
	store_rows_text(a, DROP_LOCATION, d->location);
	SET(a, uint64_t, DROP_PACKETS, d->packets);
	SET(a, uint64_t, DROP_OCTETS, d->octets);
}

int store_append_drops(struct store *s, uint32_t exporter_id, const struct batch *b,
		       int64_t arrived_us)
{
	struct store_appender *a = &s->hours[SERIES_DROPS].rows;
	int err = store_hours_open(s, SERIES_DROPS, arrived_us);

	for (size_t i = 0; !err && i < b->drops_len; i++) {
		const struct drop *d = &b->drops[i];

		drop_row(a, exporter_id, b->head.interval, d);
		err = store_hours_added(s, SERIES_DROPS, d->start_us, d->end_us);
	}
	return err;
}

int store_append_host_counts(struct store *s, uint32_t exporter_id, const struct batch *b,
			     int64_t arrived_us)
{
	struct store_appender *a = &s->hours[SERIES_HOST_COUNTS].rows;
	int err = store_hours_open(s, SERIES_HOST_COUNTS, arrived_us);

	for (size_t i = 0; !err && i < b->host_counts_len; i++) {
		const struct host_count *c = &b->host_counts[i];

		SET(a, uint32_t, HOST_EXPORTER_ID, exporter_id);
		SET(a, uint64_t, HOST_INTERVAL, b->head.interval);
		SET(a, int64_t, HOST_AT_US, arrived_us);
		SET(a, uint32_t, HOST_NETNS, c->netns);
		SET(a, uint8_t, HOST_GAUGE, c->is_gauge);
		store_rows_text(a, HOST_NAME, c->name);
		SET(a, uint64_t, HOST_VALUE, c->value);
		err = store_hours_added(s, SERIES_HOST_COUNTS, arrived_us, arrived_us);
	}
	return err;
}

static void latency_row(struct store_appender *a, uint32_t exporter_id, uint64_t interval,
			const struct latency *l)
{
	SET(a, uint32_t, LATENCY_EXPORTER_ID, exporter_id);
	SET(a, uint64_t, LATENCY_INTERVAL, interval);
	SET(a, int64_t, LATENCY_START_US, l->start_us);
	SET(a, int64_t, LATENCY_END_US, l->end_us);
	SET(a, uint64_t, LATENCY_REMOTE_HI, addr_hi(l->remote));
	SET(a, uint64_t, LATENCY_REMOTE_LO, addr_lo(l->remote));
	SET(a, uint16_t, LATENCY_PORT, l->port);
	SET(a, uint32_t, LATENCY_NETNS, l->netns);
	SET(a, uint8_t, LATENCY_ROLE, l->role);
	SET(a, uint8_t, LATENCY_KIND, l->kind);
	SET(a, uint64_t, LATENCY_COUNT, l->count);
	SET(a, uint64_t, LATENCY_SUM_NS, l->sum_ns);
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		SET(a, uint32_t, LATENCY_BUCKET + i, l->buckets[i]);
}

int store_append_latencies(struct store *s, uint32_t exporter_id, const struct batch *b,
			   int64_t arrived_us)
{
	struct store_appender *a = &s->hours[SERIES_LATENCIES].rows;
	int err = store_hours_open(s, SERIES_LATENCIES, arrived_us);

	for (size_t i = 0; !err && i < b->latencies_len; i++) {
		const struct latency *l = &b->latencies[i];

		latency_row(a, exporter_id, b->head.interval, l);
		err = store_hours_added(s, SERIES_LATENCIES, l->start_us, l->end_us);
	}
	return err;
}
