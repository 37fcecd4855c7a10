/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From an entry to the tally: what is pending is added to this CPU's row of the current epoch, and
 * to `seen` at the same moment. When that cannot be had now (another run is inside this CPU's rows,
 * the lane is full), it stays pending: a later event or the sweep brings it. Only what is dropped
 * for good is a loss.
 */
#ifndef WIRETALLY_TCP_REPORT_BPF_H
#define WIRETALLY_TCP_REPORT_BPF_H

#include "kern/tcp.bpf.h"

enum conn_loss { CONN_LOST_LANE_FULL, CONN_LOST_NO_ROW };

static __always_inline __u32 current_epoch(void)
{
	__u32 zero = 0;
	struct wt_control *control = bpf_map_lookup_elem(&wt_controls, &zero);

	return control ? READ_ONCE(control->epoch) & 1 : 0;
}

static __always_inline struct wt_signal_ledger *ledger_of(__u32 cpu, __u32 epoch)
{
	__u32 index = (cpu * 2 + epoch) * WT_SIGNALS + WT_SIGNAL_TCP;

	return bpf_map_lookup_elem(&wt_signal_ledgers, &index);
}

/* This CPU's rows for this run alone; NULL when another run that it interrupted holds them. */
static __always_inline struct wt_lane_head *rows_enter(__u32 cpu)
{
	struct wt_lane_head *head = bpf_map_lookup_elem(&wt_conn_heads, &cpu);

	if (!head || READ_ONCE(head->busy))
		return NULL;
	head->busy = 1; /* plain: who interrupts us has left again before we go on */
	barrier();
	return head;
}

static __always_inline void rows_leave(struct wt_lane_head *head)
{
	barrier();
	head->busy = 0;
}

/* Events that no row will ever have. */
static __always_inline void count_loss(enum conn_loss why, __u64 events)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct wt_lane_head *head = rows_enter(cpu);
	struct wt_signal_ledger *ledger = ledger_of(cpu, current_epoch());

	if (head && ledger) {
		ledger->seen.events += events;
		if (why == CONN_LOST_LANE_FULL)
			ledger->lane_full.events += events;
		else
			ledger->no_row.events += events;
	} else if (ledger) {
		__sync_fetch_and_add(&ledger->nested.events, events);
	}
	if (head)
		rows_leave(head);
}

/* What a connection is, and its gauges: the latest known. */
static __always_inline void row_describe(struct wt_conn *row, const struct wt_conn *from)
{
	__builtin_memcpy(row->local, from->local, sizeof(row->local));
	__builtin_memcpy(row->remote, from->remote, sizeof(row->remote));
	row->local_port = from->local_port;
	row->remote_port = from->remote_port;
	row->netns = from->netns;
	row->protocol = from->protocol;
	row->role = from->role;
	row->end = from->end;
	row->state = from->state;
	row->error = from->error;
	row->start_ns = from->start_ns;
	row->last_ns = from->last_ns;
	row->connect_ns = from->connect_ns;
	row->accept_ns = from->accept_ns;
	row->end_ns = from->end_ns;
	row->pacing_rate = from->pacing_rate;
	row->delivery_rate = from->delivery_rate;
	row->srtt_us = from->srtt_us;
	row->rttvar_us = from->rttvar_us;
	row->min_rtt_us = from->min_rtt_us;
	row->cwnd = from->cwnd;
	row->reordering = from->reordering;
	row->lost = from->lost;
	row->unacked = from->unacked;
	row->cgroup = from->cgroup;
	row->pid = from->pid;
	row->uid = from->uid;
	__builtin_memcpy(row->comm, from->comm, sizeof(row->comm));
}

/* Moves the counters: afterwards the entry has nothing pending. */
static __always_inline void row_take(struct wt_conn *row, struct wt_conn *from)
{
	row->events += from->events;
	row->happened |= from->happened;
	row->bytes_acked += from->bytes_acked;
	row->bytes_received += from->bytes_received;
	row->retransmit_bytes += from->retransmit_bytes;
	row->segments_out += from->segments_out;
	row->retransmits += from->retransmits;
	row->retransmits_rto += from->retransmits_rto;
	row->retransmits_fast += from->retransmits_fast;
	row->retransmits_syn += from->retransmits_syn;
	row->retransmits_synack += from->retransmits_synack;
	from->events = 0;
	from->happened = 0;
	from->bytes_acked = 0;
	from->bytes_received = 0;
	from->retransmit_bytes = 0;
	from->segments_out = 0;
	from->retransmits = 0;
	from->retransmits_rto = 0;
	from->retransmits_fast = 0;
	from->retransmits_syn = 0;
	from->retransmits_synack = 0;
}

/* With the busy word held. */
static __always_inline bool report_into(struct conn *c, __u32 cpu)
{
	__u32 epoch = current_epoch(), hash = tally_hash(&c->row.id, WT_CONN_KEY_WORDS);
	struct wt_signal_ledger *ledger = ledger_of(cpu, epoch);
	enum tally_miss miss;
	struct wt_conn *row;
	bool found;

	if (!ledger)
		return false;
	row = tally_row(&conn_table, cpu, epoch, wt_set_mask, wt_lane_mask, &c->row.id, hash,
			&found, &miss);
	if (!row)
		return false;
	row->epoch = epoch;
	ledger->seen.events += c->row.events;
	row_describe(row, &c->row);
	row_take(row, &c->row);
	return true;
}

/* True when nothing is pending any more. */
static __always_inline bool report(struct conn *c)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct wt_lane_head *head;
	bool done;

	if (c->accepted && !c->accept_told) {
		c->accept_told = 1;
		c->row.happened |= WT_CONN_ACCEPTED;
		c->row.events++;
	}
	if (!c->row.events)
		return true;
	head = rows_enter(cpu);
	if (!head)
		return false;
	done = report_into(c, cpu);
	rows_leave(head);
	return done;
}

/* The last report of a connection; one that finds no row waits in wt_ended for the sweep. */
static __always_inline void report_last(struct conn *c)
{
	__u64 id = c->row.id;

	if (!report(c) && bpf_map_update_elem(&wt_ended, &id, c, BPF_NOEXIST))
		count_loss(CONN_LOST_LANE_FULL, c->row.events);
}

#endif
