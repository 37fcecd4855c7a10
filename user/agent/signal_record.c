// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows of the signal tallies in, user/wire/signal.h's structs out. */
#include "user/agent/signal_record.h"

#include <string.h>

#include "user/agent/cgroups.h"
#include "user/agent/drop_signal.h"

_Static_assert((int)ROLE_SERVER == (int)WT_ROLE_SERVER && (int)END_FAILED == (int)WT_END_FAILED &&
		       CONNECTION_SYN_RESENT == WT_CONN_SYN_RESENT,
	       "roles, ends and happenings travel as the kernel half writes them");

static int64_t wall_us(uint64_t ns, int64_t offset_ns)
{
	return ns ? ((int64_t)ns + offset_ns) / 1000 : 0;
}

void signal_record_connection(const struct wt_conn *from, struct cgroups *cgroups,
			      int64_t offset_ns, struct connection *to)
{
	*to = (struct connection){
		.id = from->id,
		.events = from->events,
		.local_port = from->local_port,
		.remote_port = from->remote_port,
		.netns = from->netns,
		.protocol = from->protocol ? from->protocol : PROTOCOL_TCP,
		.role = from->role < ROLES ? from->role : ROLE_UNKNOWN,
		.end = from->end < ENDS ? from->end : END_OPEN,
		.state = from->state,
		.happened = from->happened,
		.error = from->error,
		.start_us = wall_us(from->start_ns, offset_ns),
		.last_us = wall_us(from->last_ns, offset_ns),
		.end_us = wall_us(from->end_ns, offset_ns),
		.connect_ns = from->connect_ns,
		.accept_ns = from->accept_ns,
		.octets_acked = from->bytes_acked,
		.octets_received = from->bytes_received,
		.retransmit_octets = from->retransmit_bytes,
		.pacing_rate = from->pacing_rate == UINT64_MAX ? 0 : from->pacing_rate,
		.delivery_rate = from->delivery_rate,
		.cgroup = from->cgroup,
		.segments_out = from->segments_out,
		.retransmits = from->retransmits,
		.retransmits_rto = from->retransmits_rto,
		.retransmits_fast = from->retransmits_fast,
		.retransmits_syn = from->retransmits_syn,
		.retransmits_synack = from->retransmits_synack,
		.srtt_us = from->srtt_us,
		.rttvar_us = from->rttvar_us,
		.min_rtt_us = from->min_rtt_us == UINT32_MAX ? 0 : from->min_rtt_us,
		.cwnd = from->cwnd,
		.reordering = from->reordering,
		.lost = from->lost,
		.unacked = from->unacked,
		.pid = from->pid,
		.uid = from->uid,
	};
	memcpy(to->local, from->local, sizeof(to->local));
	memcpy(to->remote, from->remote, sizeof(to->remote));
	memcpy(to->comm, from->comm, sizeof(to->comm) - 1);
	cgroups_path(cgroups, from->cgroup, to->cgroup_path, sizeof(to->cgroup_path));
}

void signal_record_drop(const struct wt_drop *from, const struct drop_names *names,
			int64_t offset_ns, struct drop *to)
{
	static const uint8_t nowhere[16];

	*to = (struct drop){
		.has_tuple = memcmp(from->src, nowhere, 16) || memcmp(from->dst, nowhere, 16),
		.purged = from->class == WT_DROP_PURGED,
		.src_port = from->src_port,
		.dst_port = from->dst_port,
		.ethertype = from->ethertype,
		.proto = from->proto,
		.ifindex = from->ifindex,
		.netns = from->netns,
		.packets = from->packets,
		.octets = from->bytes,
		.start_us = wall_us(from->first_ns, offset_ns),
		.end_us = wall_us(from->last_ns, offset_ns),
	};
	memcpy(to->src, from->src, sizeof(to->src));
	memcpy(to->dst, from->dst, sizeof(to->dst));
	drop_names_reason(names, from->reason, to->reason, sizeof(to->reason));
	drop_names_location(names, from->location, to->location, sizeof(to->location));
}

void signal_record_latency(const struct wt_latency *from, int64_t offset_ns, struct latency *to)
{
	*to = (struct latency){
		.netns = from->netns,
		.port = from->port,
		.kind = from->kind,
		.role = from->role,
		.count = from->count,
		.sum_ns = from->sum_ns,
		.start_us = wall_us(from->first_ns, offset_ns),
		.end_us = wall_us(from->last_ns, offset_ns),
	};
	memcpy(to->remote, from->remote, sizeof(to->remote));
	memcpy(to->buckets, from->buckets, sizeof(to->buckets));
}
