/* SPDX-License-Identifier: GPL-2.0 */
/*
 * State changes that happen inside the program for state changes: a softirq on top of a thread.
 * The kernel refuses to run a program inside itself (fentry since 5.12, tracepoints since 6.1), so
 * a stand-in is attached behind it, which does what it finds undone.
 */
#ifndef WIRETALLY_TCP_NESTED_BPF_H
#define WIRETALLY_TCP_NESTED_BPF_H

#include "kern/tcp_event.bpf.h"

struct change {
	__u64 sk; /* 0: none */
	__u64 state;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct change);
} wt_change SEC(".maps"); /* that the first program took up last on this CPU */

static __always_inline int state_first(__u64 sk, int old, int new)
{
	__u32 zero = 0;
	struct change *last = bpf_map_lookup_elem(&wt_change, &zero);

	if (last) {
		last->sk = sk;
		last->state = new;
	}
	on_state(sk, old, new);
	return 0;
}

/* By what a change leaves behind: an entry in the new state, or none of a closed socket. */
static __always_inline bool is_done(__u64 sk, int new)
{
	struct conn *c = bpf_map_lookup_elem(&wt_conns, &sk);

	return c ? c->row.state == new : new == WT_TCP_CLOSE;
}

static __always_inline int state_stand_in(__u64 sk, int old, int new)
{
	__u32 zero = 0;
	struct change *last = bpf_map_lookup_elem(&wt_change, &zero);

	if (last && last->sk == sk && last->state == (__u64) new)
		last->sk = 0;
	else if (!is_done(sk, new)) /* another change may have come between the two of us */
		on_state(sk, old, new);
	return 0;
}

#endif
