/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Latencies of connections into log2 histograms: a tally of its own beside the connections'. A
 * sample that gets no row is a loss with a name; there is nothing it could wait in.
 */
#ifndef WIRETALLY_TCP_LATENCY_BPF_H
#define WIRETALLY_TCP_LATENCY_BPF_H

#include "kern/latency_bucket.h"
#include "kern/tcp_report.bpf.h"

struct latency_set {
	struct wt_latency way[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct latency_set);
} wt_latency_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_latency);
} wt_latency_lanes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_lane_head);
} wt_latency_heads SEC(".maps");

const volatile __u32 wt_latency_set_mask = 0;
const volatile __u32 wt_latency_lane_mask = 0;

static const struct tally latency_table = {
	.table = &wt_latency_table,
	.lanes = &wt_latency_lanes,
	.heads = &wt_latency_heads,
	.record_bytes = sizeof(struct wt_latency),
	.key_words = WT_LATENCY_KEY_WORDS,
};

struct latency_key {
	__u8 remote[16];
	__u32 netns;
	__u16 port;
	__u8 kind;
	__u8 role;
};

static __always_inline void latency_add(const struct latency_key *key, __u64 ns, __u32 cpu,
					__u32 epoch, struct wt_signal_ledger *ledger)
{
	enum tally_miss miss;
	struct wt_latency *row;
	bool found;

	row = tally_row(&latency_table, cpu, epoch, wt_latency_set_mask, wt_latency_lane_mask,
			(const __u64 *)key, tally_hash((const __u64 *)key, WT_LATENCY_KEY_WORDS),
			&found, &miss);
	ledger->seen.events++;
	if (!row) {
		if (miss == TALLY_LANE_FULL)
			ledger->lane_full.events++;
		else
			ledger->no_row.events++;
		return;
	}
	row->count++;
	row->sum_ns += ns;
	row->last_ns = bpf_ktime_get_ns();
	row->buckets[latency_bucket(ns) & (WT_LATENCY_BUCKETS - 1)]++;
	if (found)
		return;
	row->first_ns = row->last_ns;
	row->epoch = epoch;
}

/* Not inlined: one copy for all that call it. */
static __noinline int latency_tally(const struct latency_key *key, __u64 ns)
{
	__u32 cpu = bpf_get_smp_processor_id(), epoch = current_epoch(), index;
	struct wt_lane_head *head = bpf_map_lookup_elem(&wt_latency_heads, &cpu);
	struct wt_signal_ledger *ledger;

	index = (cpu * 2 + epoch) * WT_SIGNALS + WT_SIGNAL_LATENCIES;
	ledger = bpf_map_lookup_elem(&wt_signal_ledgers, &index);
	if (!head || !ledger)
		return 0;
	if (READ_ONCE(head->busy)) { /* we interrupted a run on this CPU */
		__sync_fetch_and_add(&ledger->nested.events, 1);
		return 0;
	}
	head->busy = 1;
	barrier();
	latency_add(key, ns, cpu, epoch, ledger);
	barrier();
	head->busy = 0;
	return 0;
}

/* A peer's own port is another for each connection: it would be a row for each. */
static __always_inline __u16 service_port(const struct wt_conn *row)
{
	if (row->role == WT_ROLE_CLIENT)
		return row->remote_port;
	if (row->role == WT_ROLE_SERVER || row->local_port < row->remote_port)
		return row->local_port;
	return row->remote_port;
}

static __always_inline void latency_note(const struct wt_conn *row, enum wt_latency_kind kind,
					 __u64 ns)
{
	struct latency_key key;

	if (!ns)
		return; /* not known */
	__builtin_memcpy(key.remote, row->remote, 16);
	key.netns = row->netns;
	key.port = service_port(row);
	key.kind = kind;
	key.role = row->role;
	latency_tally(&key, ns);
}

#endif
