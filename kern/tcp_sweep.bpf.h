/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Once an interval, by the attacher: live sockets (their lock held by the iterator from 5.15 on)
 * bring their gauges and what is pending; then the maps are walked for what events alone would
 * leave there for ever. The same programs in every family's object.
 */
#ifndef WIRETALLY_TCP_SWEEP_BPF_H
#define WIRETALLY_TCP_SWEEP_BPF_H

#include "kern/tcp_event.bpf.h"

#define STALE_NS 2000000000ull /* no event for so long: look whether the socket is still there */
#define REQUEST_SLACK_NS 3000000000ull
#define ERRNO_TIMEDOUT 110

__u32 wt_final = 0; /* nothing more will come: report all that is left */

static __always_inline bool is_connection(__u8 state)
{
	return state != WT_TCP_LISTEN && state != WT_TCP_CLOSE && state != WT_TCP_TIME_WAIT &&
	       state != WT_TCP_SYN_RECV && state < WT_TCP_NEW_SYN_RECV;
}

SEC("iter/tcp")
int wt_sweep_sockets(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	__u64 sk = (__u64)skc, now;
	struct conn *c;
	__u8 state;

	if (!skc)
		return 0;
	now = bpf_ktime_get_ns();
	state = common_read(sk, skc_state);
	if (!is_connection(state))
		return 0;
	c = bpf_map_lookup_elem(&wt_conns, &sk);
	if (!c) {
		c = conn_found(sk, state, now);
		if (!c)
			return 0;
	} else if (!read_counters(c) && !c->row.events && c->accepted == c->accept_told) {
		return 0; /* nothing to tell */
	}
	read_gauges(&c->row, sk);
	c->row.state = state;
	event(c, now);
	report(c);
	return 0;
}

/* Gone, and we were not told: the kernel refuses a run that interrupts the same program. */
static __always_inline bool socket_is_gone(const struct conn *c)
{
	__u64 sk = c->sk;

	return sock_read(sk, __sk_common.skc_state) == WT_TCP_CLOSE ||
	       bpf_ntohs(sock_read(sk, __sk_common.skc_dport)) != c->row.remote_port;
}

SEC("iter/bpf_map_elem")
int wt_sweep_conns(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *key = ctx->key, now = bpf_ktime_get_ns(), sk;
	struct conn *c;

	if (!key)
		return 0;
	sk = *key;
	c = bpf_map_lookup_elem(&wt_conns, &sk);
	if (c && c->row.last_ns + STALE_NS < now && socket_is_gone(c))
		conn_finish_unseen(c, sk, now);
	return 0;
}

SEC("iter/bpf_map_elem")
int wt_sweep_ended(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *key = ctx->key, id;
	struct conn *c;

	if (!key)
		return 0;
	id = *key;
	c = bpf_map_lookup_elem(&wt_ended, &id);
	if (c && c->row.events && report(c))
		bpf_map_delete_elem(&wt_ended, &id);
	return 0;
}

/* The kernel resends after 1 s, 2 s, 4 s …: silence twice as long as all before is the end. */
static __always_inline bool request_is_over(const struct conn *c, __u64 now)
{
	return now - c->row.last_ns > (c->row.last_ns - c->row.start_ns) * 2 + REQUEST_SLACK_NS;
}

SEC("iter/bpf_map_elem")
int wt_sweep_requests(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	struct tuple *key = ctx->key, t;
	struct conn *c;

	if (!key)
		return 0;
	t = *key;
	c = bpf_map_lookup_elem(&wt_requests, &t);
	if (!c || !c->row.events || (!wt_final && !request_is_over(c, now)))
		return 0;
	if (!wt_final) {
		c->row.happened |= WT_CONN_ENDED;
		c->row.end = WT_END_FAILED;
		c->row.error = ERRNO_TIMEDOUT;
		c->row.end_ns = now;
		c->row.state = WT_TCP_CLOSE;
	}
	report_last(c);
	bpf_map_delete_elem(&wt_requests, &t);
	return 0;
}

#endif
