/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Once an interval, by the attacher: live sockets (their lock held by the iterator from 5.15 on)
 * bring their gauges and what is pending; then the maps are walked for what events alone would
 * leave there for ever. The same programs in every family's object.
 */
#ifndef WIRETALLY_TCP_SWEEP_BPF_H
#define WIRETALLY_TCP_SWEEP_BPF_H

#include "kern/udp_event.bpf.h"

#define STALE_NS 2000000000ull /* no event for so long: look whether the socket is still there */
#define REQUEST_SLACK_NS 3000000000ull
#define ERRNO_TIMEDOUT 110
#define CALL_STALE_NS 600000000000ull /* connect() gives up long before */

__u32 wt_final = 0; /* nothing more will come: report all that is left */

static __always_inline bool is_connection(__u8 state)
{
	return state != WT_TCP_LISTEN && state != WT_TCP_CLOSE && state != WT_TCP_TIME_WAIT &&
	       state != WT_TCP_SYN_RECV && state < WT_TCP_NEW_SYN_RECV;
}

/*
 * One namespace's sockets at a time: user space zeroes it before, and reads it after, each run of
 * the iterator. There is one reader, so nothing is atomic.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_sockets);
} wt_socket_counts SEC(".maps");

/* As sk_acceptq_is_full() has it: a limit of n lets n + 1 wait. */
static __always_inline void count_listener(struct wt_sockets *s, __u64 sk)
{
	__u32 len = sock_read(sk, sk_ack_backlog), limit = sock_read(sk, sk_max_ack_backlog);

	s->queue_sum += len;
	s->queues_full += len > limit;
	if (len < s->queue_max || (len == s->queue_max && limit <= s->queue_limit))
		return;
	s->queue_max = len;
	s->queue_limit = limit;
}

static __always_inline void count_socket(__u64 sk, __u8 state)
{
	struct wt_sockets *s;
	__u32 zero = 0, is_ipv6 = common_read(sk, skc_family) == WT_AF_INET6;

	s = bpf_map_lookup_elem(&wt_socket_counts, &zero);
	if (!s)
		return;
	if (state == WT_TCP_LISTEN)
		count_listener(s, sk);
	else if (state == WT_TCP_TIME_WAIT)
		state = core_read_as(struct inet_timewait_sock, sk, tw_substate);
	else if (state == WT_TCP_NEW_SYN_RECV)
		state = WT_TCP_SYN_RECV;
	if (is_ipv6)
		s->states[1][state & (WT_SOCKET_STATES - 1)]++;
	else
		s->states[0][state & (WT_SOCKET_STATES - 1)]++;
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
	count_socket(sk, state);
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
	if (c->established_ns)
		latency_note(&c->row, WT_LATENCY_RTT, c->row.srtt_us * 1000ull);
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

static __always_inline void sweep_conn(__u64 sk)
{
	__u64 now = bpf_ktime_get_ns();
	struct conn *c = bpf_map_lookup_elem(&wt_conns, &sk);

	if (!c || c->row.last_ns + STALE_NS >= now)
		return;
	if (c->row.protocol == WT_IPPROTO_UDP) {
		if (udp_is_gone(c))
			udp_finish_unseen(c, sk);
	} else if (socket_is_gone(c)) {
		conn_finish_unseen(c, sk, now);
	}
}

SEC("iter/udp")
int wt_sweep_udp(struct bpf_iter__udp *ctx)
{
	__u64 sk = (__u64)ctx->udp_sk;

	if (sk && is_udp(sk))
		on_udp_sweep(sk, ctx->uid);
	return 0;
}

/* A return probe that the kernel skipped (too many threads are inside) leaves its call here. */
static __always_inline void sweep_call(__u64 thread)
{
	struct call *call = bpf_map_lookup_elem(&wt_calls, &thread);

	if (call && call->start_ns + CALL_STALE_NS < bpf_ktime_get_ns())
		bpf_map_delete_elem(&wt_calls, &thread);
}

static __always_inline void sweep_ended(__u64 id)
{
	struct conn *c = bpf_map_lookup_elem(&wt_ended, &id);

	if (c && c->row.events && report(c))
		bpf_map_delete_elem(&wt_ended, &id);
}

/* The kernel resends after 1 s, 2 s, 4 s …: silence twice as long as all before is the end. */
static __always_inline bool request_is_over(const struct conn *c, __u64 now)
{
	return now - c->row.last_ns > (c->row.last_ns - c->row.start_ns) * 2 + REQUEST_SLACK_NS;
}

static __always_inline void sweep_request(const struct tuple *key)
{
	__u64 now = bpf_ktime_get_ns();
	struct tuple t = *key;
	struct conn *c = bpf_map_lookup_elem(&wt_requests, &t);

	if (!c || !c->row.events || (!wt_final && !request_is_over(c, now)))
		return;
	if (!wt_final) {
		c->row.happened |= WT_CONN_ENDED;
		c->row.end = WT_END_FAILED;
		c->row.error = ERRNO_TIMEDOUT;
		c->row.end_ns = now;
		c->row.state = WT_TCP_CLOSE;
	}
	report_last(c);
	bpf_map_delete_elem(&wt_requests, &t);
}

/* ---- walked by iterators, or where the kernel has none for maps, by one program ------------ */

SEC("iter/bpf_map_elem")
int wt_sweep_conns(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *sk = ctx->key;

	if (sk)
		sweep_conn(*sk);
	return 0;
}

SEC("iter/bpf_map_elem")
int wt_sweep_calls(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *thread = ctx->key;

	if (thread)
		sweep_call(*thread);
	return 0;
}

SEC("iter/bpf_map_elem")
int wt_sweep_ended(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *id = ctx->key;

	if (id)
		sweep_ended(*id);
	return 0;
}

SEC("iter/bpf_map_elem")
int wt_sweep_requests(struct bpf_iter__bpf_map_elem *ctx)
{
	struct tuple *key = ctx->key;

	if (key)
		sweep_request(key);
	return 0;
}

static long walk_conn(void *map, const __u64 *sk, struct conn *unused, void *none)
{
	sweep_conn(*sk);
	return 0;
}

static long walk_call(void *map, const __u64 *thread, struct call *unused, void *none)
{
	sweep_call(*thread);
	return 0;
}

static long walk_ended(void *map, const __u64 *id, struct conn *unused, void *none)
{
	sweep_ended(*id);
	return 0;
}

static long walk_request(void *map, const struct tuple *key, struct conn *unused, void *none)
{
	sweep_request(key);
	return 0;
}

SEC("syscall")
int wt_walk_maps(void *ctx)
{
	bpf_for_each_map_elem(&wt_conns, walk_conn, NULL, 0);
	bpf_for_each_map_elem(&wt_ended, walk_ended, NULL, 0);
	bpf_for_each_map_elem(&wt_requests, walk_request, NULL, 0);
	bpf_for_each_map_elem(&wt_calls, walk_call, NULL, 0);
	return 0;
}

#endif
