/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Drops: maps, load-time constants, and one entry for hooks of any family: drop_note(). A drop is
 * an skb freed with a reason that is none of wt_no_drops; where the kernel gives no reasons, one
 * that kfree_skb() freed.
 */
#ifndef WIRETALLY_DROP_BPF_H
#define WIRETALLY_DROP_BPF_H

#include "kern/drop_packet.bpf.h"
#include "kern/tally.bpf.h"

struct drop_set {
	struct wt_drop way[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct drop_set);
} wt_drop_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_drop);
} wt_drop_lanes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_lane_head);
} wt_drop_heads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_signal_ledger);
} wt_signal_ledgers SEC(".maps"); /* [cpu][epoch][signal] */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_control);
} wt_controls SEC(".maps");

const volatile __u32 wt_rows = 1;
const volatile __u64 wt_nh_key[WT_DROP_KEY_WORDS] = {};
const volatile __u64 wt_nh_mul = 1;
const volatile __u32 wt_set_mask = 0;
const volatile __u32 wt_lane_mask = 0;

/* Reasons by the running kernel's numbers; DROP_REASON_NONE where it has fewer. */
#define DROP_REASONS_MAX 4
#define DROP_REASON_NONE 0xffffffffu
#define DROP_PURGES_MAX 16
const volatile bool wt_has_reasons = false;
const volatile __u32 wt_no_drops[DROP_REASONS_MAX] = {};
const volatile __u32 wt_purge_reasons[DROP_REASONS_MAX] = {};
/* Functions that empty a queue: [start, end) */
const volatile __u64 wt_purge_start[DROP_PURGES_MAX] = {};
const volatile __u64 wt_purge_end[DROP_PURGES_MAX] = {};

static const struct tally drop_table = {
	.table = &wt_drop_table,
	.lanes = &wt_drop_lanes,
	.heads = &wt_drop_heads,
	.record_bytes = sizeof(struct wt_drop),
	.key_words = WT_DROP_KEY_WORDS,
};

static __always_inline bool is_drop(__u32 reason)
{
	bool is = true;

	for (int i = 0; i < DROP_REASONS_MAX; i++)
		is &= !wt_has_reasons || reason != wt_no_drops[i];
	return is;
}

static __always_inline bool is_purge(__u64 location, __u32 reason)
{
	bool is = false;

	for (int i = 0; i < DROP_REASONS_MAX; i++)
		is |= wt_has_reasons && reason == wt_purge_reasons[i];
	for (int i = 0; i < DROP_PURGES_MAX; i++)
		is |= location >= wt_purge_start[i] && location < wt_purge_end[i];
	return is;
}

static __always_inline void drop_tally(const struct wt_drop *d, __u32 packets, __u32 bytes,
				       __u32 cpu, __u32 epoch, struct wt_signal_ledger *ledger)
{
	enum tally_miss miss;
	struct wt_drop *row;
	bool found;

	row = tally_row(&drop_table, cpu, epoch, wt_set_mask, wt_lane_mask, (const __u64 *)d,
			tally_hash((const __u64 *)d, WT_DROP_KEY_WORDS), &found, &miss);
	ledger->seen.events += packets;
	ledger->seen.bytes += bytes;
	if (!row) {
		struct wt_signal_count *lost =
			miss == TALLY_LANE_FULL ? &ledger->lane_full : &ledger->no_row;

		lost->events += packets;
		lost->bytes += bytes;
		return;
	}
	row->packets += packets;
	row->bytes += bytes;
	row->last_ns = bpf_ktime_get_ns();
	if (!found) {
		row->first_ns = row->last_ns;
		row->epoch = epoch;
	}
}

static __always_inline int drop_note(__u64 skb, __u64 location, __u32 reason)
{
	__u32 cpu = bpf_get_smp_processor_id(), zero = 0, epoch, index, packets, bytes;
	struct wt_control *control = bpf_map_lookup_elem(&wt_controls, &zero);
	struct wt_lane_head *head = bpf_map_lookup_elem(&wt_drop_heads, &cpu);
	struct wt_signal_ledger *ledger;
	struct wt_drop d = {}; /* the compiler drops what is behind the key */

	if (!is_drop(reason) || !drop_is_packet(skb) || !control || !head)
		return 0;
	packets = drop_segments(skb);
	bytes = skb_read(skb, len);
	epoch = READ_ONCE(control->epoch) & 1;
	index = (cpu * 2 + epoch) * WT_SIGNALS + WT_SIGNAL_DROPS;
	ledger = bpf_map_lookup_elem(&wt_signal_ledgers, &index);
	if (!ledger)
		return 0;
	if (READ_ONCE(
		    head->busy)) { /* we interrupted a run on this CPU: its rows are half written */
		__sync_fetch_and_add(&ledger->nested.events, packets);
		__sync_fetch_and_add(&ledger->nested.bytes, bytes);
		return 0;
	}
	head->busy = 1; /* plain: who interrupts us has left again before we go on */
	barrier();
	drop_read_place(skb, &d);
	drop_read_tuple(skb, &d);
	d.location = location;
	d.reason = wt_has_reasons ? reason : 0;
	d.class = is_purge(location, reason) ? WT_DROP_PURGED : WT_DROP_LOST;
	drop_tally(&d, packets, bytes, cpu, epoch, ledger);
	barrier();
	head->busy = 0;
	return 0;
}

#endif
