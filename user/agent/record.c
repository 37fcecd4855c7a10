// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows of the tally in, spool entries out. */
#include "user/agent/record.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "kern/refusal.h"
#include "user/lib/log.h"

_Static_assert(FLOW_EGRESS == WT_MARK_EGRESS && FLOW_COUNTED == WT_MARK_COUNTED &&
		       FLOW_LATER_FRAGMENT == WT_MARK_LATER_FRAGMENT &&
		       FLOW_INNER == WT_MARK_INNER && FLOW_TUNNEL_SHIFT == WT_MARK_TUNNEL_SHIFT,
	       "flags travel as the kernel writes them");

static const char *const count_names[COUNT_UNPARSED] = {
	[COUNT_SEEN] = "seen",
	[COUNT_RECORDED] = "recorded",
	[COUNT_FOLDED] = "folded",
	[COUNT_FILTERED] = "filtered",
	[COUNT_SAMPLED_OUT] = "sampled_out",
	[COUNT_MISSED_NESTED] = "missed_nested",
	[COUNT_LOST_SPOOL_FULL] = "lost/spool_full",
	[COUNT_LOST_REFUSED] = "lost/spool_refused",
	[COUNT_LOST_AGENT_CRASH] = "lost/agent_crash",
	[COUNT_LOST_UNENCODABLE] = "lost/spool_unencodable",
	[COUNT_LOST_LANE_FULL] = "lost/lane_full",
	[COUNT_LOST_NO_ROW] = "lost/no_row",
	[COUNT_FOLD_LANE_FULL] = "fold_reason/lane_full",
	[COUNT_FOLD_NO_ROW] = "fold_reason/no_row",
	[COUNT_FOLD_NESTED] = "fold_reason/nested",
	[COUNT_KERNEL_PACKETS] = "kernel/packets",
	[COUNT_KERNEL_DROPPED] = "kernel/dropped",
	[COUNT_KERNEL_ERRORS] = "kernel/errors",
};

int64_t record_clock_offset_ns(void)
{
	struct timespec wall, mono;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (wall.tv_sec - mono.tv_sec) * 1000000000ll + wall.tv_nsec - mono.tv_nsec;
}

void record_from_flow(const struct wt_flow *from, int64_t offset_ns, struct flow *to)
{
	const struct wt_flow_key *key = &from->key;

	*to = (struct flow){
		.ifindex = key->ifindex,
		.netns = key->netns,
		.src_port = key->src_port,
		.dst_port = key->dst_port,
		.ethertype = key->ethertype,
		.proto = key->proto,
		.flags = key->mark,
		.vlan_outer = key->vlan_outer,
		.vlan_inner = key->vlan_inner,
		.tunnel_id = key->tunnel_id,
		.kind = FLOW_RECORD,
		.dscp = from->dscp,
		.ttl_min = from->ttl_min,
		.ttl_max = from->ttl_max,
		.tcp_flags = from->tcp_flags,
		.sampling = from->sampling,
		.packets = from->packets,
		.l2_octets = from->l2_bytes,
		.l3_octets = from->l3_bytes,
		.start_us = ((int64_t)from->first_ns + offset_ns) / 1000,
		.end_us = ((int64_t)from->last_ns + offset_ns) / 1000,
	};
	memcpy(to->src, key->src, sizeof(to->src));
	memcpy(to->dst, key->dst, sizeof(to->dst));
}

void record_from_fold(const struct wt_fold *from, enum wt_fold_class class,
		      const struct agent_ledger *at, bool counted, int64_t offset_ns,
		      struct flow *to)
{
	static const uint8_t protocols[WT_FOLD_CLASSES] = {
		[WT_FOLD_TCP] = 6,	  [WT_FOLD_UDP] = 17,	[WT_FOLD_ICMP] = 1,
		[WT_FOLD_OTHER_IP] = 255, [WT_FOLD_NOT_IP] = 0,
	};

	*to = (struct flow){
		.ifindex = at->ifindex,
		.netns = at->netns,
		.proto = protocols[class],
		.kind = FLOW_FOLD,
		.sampling = 1,
		.packets = from->packets,
		.l2_octets = from->l2_bytes,
		.l3_octets = from->l3_bytes,
		.start_us = from->first_ns ? ((int64_t)from->first_ns + offset_ns) / 1000
					   : at->start_us,
		.end_us = from->last_ns ? ((int64_t)from->last_ns + offset_ns) / 1000 : at->end_us,
	};
	if (at->point & WT_POINT_EGRESS)
		to->flags |= FLOW_EGRESS;
	if (at->point >= WT_POINT_INNER_INGRESS)
		to->flags |= FLOW_INNER;
	if (counted)
		to->flags |= FLOW_COUNTED;
}

void record_ledger(const struct agent_ledger *from, struct ledger_row *to)
{
	*to = (struct ledger_row){
		.interval = from->interval,
		.start_us = from->start_us,
		.end_us = from->end_us,
		.ifindex = from->ifindex,
		.netns = from->netns,
		.point = from->point,
	};
	for (int i = 0; i < AGENT_COUNTS; i++) {
		const struct wt_count *count = &from->counts[i];
		struct ledger_count *named = &to->counts[to->counts_len];

		if (!count->packets && !count->l2_bytes && i > COUNT_MISSED_NESTED)
			continue; /* the terms of the equation are always there */
		if (i < COUNT_UNPARSED)
			snprintf(named->name, sizeof(named->name), "%s", count_names[i]);
		else
			snprintf(named->name, sizeof(named->name), "unparsed/%s",
				 wt_refusal_name(i - COUNT_UNPARSED));
		named->packets = count->packets;
		named->octets = count->l2_bytes;
		to->counts_len++;
	}
}

/* Rows come grouped by few points: a linear search over what is there so far is short. */
static void add_sum(struct spool_sum *sums, size_t cap, size_t *len, const struct spool_sum *row)
{
	size_t i;

	for (i = 0; i < *len; i++)
		if (sums[i].ifindex == row->ifindex && sums[i].netns == row->netns &&
		    sums[i].point == row->point)
			break;
	if (i == cap)
		i = 0; /* no more points than the state knows: totals stay exact */
	if (i == *len) {
		sums[i] = *row;
		sums[i].count = (struct wt_count){ 0 };
		++*len;
	}
	sums[i].count.packets += row->count.packets;
	sums[i].count.l2_bytes += row->count.l2_bytes;
}

/* What the batch's rows add up to, by point: TCP and drops are points of the host. */
static void add_sums(struct spool_sum *sums, size_t cap, size_t *len, const struct batch *b,
		     uint32_t netns)
{
	struct spool_sum tcp = { b->head.interval, 0, netns, WT_SIGNAL_POINT + WT_SIGNAL_TCP };
	struct spool_sum latencies = { b->head.interval, 0, netns,
				       WT_SIGNAL_POINT + WT_SIGNAL_LATENCIES };
	struct spool_sum drops = { b->head.interval, 0, netns, WT_SIGNAL_POINT + WT_SIGNAL_DROPS };

	for (size_t i = 0; i < b->flows_len; i++) {
		const struct flow *f = &b->flows[i];
		struct spool_sum row = {
			.interval = b->head.interval,
			.ifindex = f->ifindex,
			.netns = f->netns,
			.point = (f->flags & FLOW_EGRESS ? 1 : 0) + (f->flags & FLOW_INNER ? 2 : 0),
			.count = { f->packets, f->l2_octets },
		};

		add_sum(sums, cap, len, &row);
	}
	for (size_t i = 0; i < b->connections_len; i++)
		tcp.count.packets += b->connections[i].events;
	for (size_t i = 0; i < b->drops_len; i++) {
		drops.count.packets += b->drops[i].packets;
		drops.count.l2_bytes += b->drops[i].octets;
	}
	for (size_t i = 0; i < b->latencies_len; i++)
		latencies.count.packets += b->latencies[i].count;
	if (b->latencies_len)
		add_sum(sums, cap, len, &latencies);
	if (b->connections_len)
		add_sum(sums, cap, len, &tcp);
	if (b->drops_len)
		add_sum(sums, cap, len, &drops);
}

int record_ship(struct spool *spool, struct commit *next, const struct record_source *source,
		struct batch *b, const struct agent_ledger *ledgers)
{
	AUTO_FREE uint8_t *raw = NULL, *body = NULL;
	AUTO_FREE struct spool_sum *sums = calloc(STATE_POINTS, sizeof(*sums));
	struct spool_entry entry = { .ledgers_len = b->ledger_len,
				     .rows = b->flows_len + b->connections_len + b->drops_len +
					     b->latencies_len };
	size_t raw_len = 0, body_len = 0, sums_len = 0;
	int err;

	if (!sums)
		return -ENOMEM;
	add_sums(sums, STATE_POINTS, &sums_len, b, spool->state->netns);
	b->head.schema = BATCH_SCHEMA;
	b->head.sequence = next->next_sequence;
	b->head.has_boot_id = true;
	snprintf(b->head.agent, sizeof(b->head.agent), "%s", source->agent);
	snprintf(b->head.host, sizeof(b->head.host), "%s", source->host);
	memcpy(b->head.boot_id, source->boot_id, sizeof(b->head.boot_id));
	memcpy(b->head.instance, source->instance, sizeof(b->head.instance));
	err = batch_encode(b, &raw, &raw_len);
	if (!err)
		err = batch_compress(raw, raw_len, &body, &body_len);
	entry.sequence = next->next_sequence;
	entry.sums_len = sums_len;
	entry.body_len = body_len;
	if (!err)
		err = spool_append(spool, next, &entry, sums, ledgers, body);
	if (!err) {
		next->next_sequence++;
		outlet_add(source->outlet, b);
	}
	if (err == -EINVAL || err == -EMSGSIZE) {
		/* A fault of ours. To stop for it is to stop for ever: the same rows come again. */
		const char *why = batch_check(b);

		log_error("%u rows cannot be encoded (%s): lost/spool_unencodable", entry.rows,
			  why ? why : "the batch is too large");
		carry_batch(next, sums, sums_len, ledgers, entry.ledgers_len,
			    COUNT_LOST_UNENCODABLE);
		return 0;
	}
	return err;
}
