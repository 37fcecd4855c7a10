/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From events to entries: what hooks of every family call. Events of one socket come under its
 * lock, so nothing here is atomic.
 */
#ifndef WIRETALLY_TCP_EVENT_BPF_H
#define WIRETALLY_TCP_EVENT_BPF_H

#include "kern/tcp_latency.bpf.h"

#define ERRNO_PIPE 32
#define ERRNO_CONNABORTED 103
#define ERRNO_CONNRESET 104

/* ---- entries ------------------------------------------------------------------------------- */

/* Unique while this host runs: no two sockets have one address and one start. */
static __always_inline __u64 make_id(__u64 address, __u64 start_ns)
{
	__u64 id = (address ^ wt_id_key[0]) * (wt_id_key[1] | 1);

	id ^= id >> 32;
	id = (id + start_ns) * (wt_id_key[1] | 1);
	id ^= id >> 29;
	id *= 0xbf58476d1ce4e5b9ull;
	id ^= id >> 32;
	return id ? id : 1;
}

static __always_inline void read_tuple(struct conn *c)
{
	__u64 sk = c->sk;
	__u16 local_port = bpf_ntohs(tcp_read(sk, inet_conn.icsk_inet.inet_sport));

	if (local_port)
		c->row.local_port = local_port;
	read_ends(sk, c->row.local, c->row.remote, &c->row.remote_port);
}

/* In process context only: whoever calls connect() or accept(). */
static __always_inline void read_owner(struct wt_conn *row)
{
	row->uid = bpf_get_current_uid_gid();
	row->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(row->comm, sizeof(row->comm));
	row->pid = bpf_get_current_pid_tgid() >> 32;
}

static __always_inline void read_rates(struct wt_conn *row, __u64 sk)
{
	__u64 delivered = tcp_read(sk, rate_delivered);
	__u32 interval_us = tcp_read(sk, rate_interval_us);

	row->pacing_rate = sock_read(sk, sk_pacing_rate);
	row->delivery_rate = 0;
	if (delivered && interval_us)
		row->delivery_rate = delivered * tcp_read(sk, mss_cache) * 1000000 / interval_us;
}

static __always_inline void read_gauges(struct wt_conn *row, __u64 sk)
{
	__u32 min_rtt_us = tcp_read(sk, rtt_min.s[0].v);

	row->srtt_us = tcp_read(sk, srtt_us) >> 3;
	row->rttvar_us = tcp_read(sk, mdev_us) >> 2; /* what ss and TCP_INFO call rttvar */
	row->min_rtt_us = min_rtt_us == 0xffffffff ? 0 : min_rtt_us;
	row->cwnd = tcp_read(sk, snd_cwnd);
	row->reordering = tcp_read(sk, reordering);
	row->lost = tcp_read(sk, lost_out);
	row->unacked = tcp_read(sk, packets_out);
	read_rates(row, sk);
	row->happened |= WT_CONN_SAMPLED;
}

/* What the socket has counted since the last time; true when anything moved. */
static __always_inline bool read_counters(struct conn *c)
{
	__u64 acked = tcp_read(c->sk, bytes_acked), received = tcp_read(c->sk, bytes_received);
	__u32 segments = tcp_read(c->sk, segs_out);
	bool moved = acked != c->bytes_acked || received != c->bytes_received ||
		     segments != c->segments_out;

	c->row.bytes_acked += acked - c->bytes_acked;
	c->row.bytes_received += received - c->bytes_received;
	c->row.segments_out += segments - c->segments_out;
	c->bytes_acked = acked;
	c->bytes_received = received;
	c->segments_out = segments;
	return moved;
}

static __always_inline void event(struct conn *c, __u64 now)
{
	c->row.events++;
	c->row.last_ns = now;
}

/* ---- the life of an entry ------------------------------------------------------------------ */

/* from: conn_blank, or the handshake's entry. NULL when the table is full: the event is lost. */
static __always_inline struct conn *conn_new(__u64 sk, const struct conn *from, __u64 now)
{
	struct conn *c = NULL;

	if (!bpf_map_update_elem(&wt_conns, &sk, from, BPF_ANY))
		c = bpf_map_lookup_elem(&wt_conns, &sk);
	if (!c) {
		count_loss(CONN_LOST_NO_ROW, 1);
		return NULL;
	}
	c->sk = sk;
	if (!c->row.id)
		c->row.id = make_id(READ_ONCE(c->sk), now);
	c->row.netns = netns_of(sk);
	read_tuple(c);
	return c;
}

static __always_inline void conn_finish(struct conn *c, __u64 sk)
{
	report_last(c);
	bpf_map_delete_elem(&wt_conns, &sk);
}

/* Who closed first, where a state tells. */
static __always_inline enum wt_conn_end end_in_state(int state)
{
	switch (state) {
	case WT_TCP_FIN_WAIT1:
	case WT_TCP_FIN_WAIT2:
	case WT_TCP_CLOSING:
		return WT_END_LOCAL_FIN;
	case WT_TCP_CLOSE_WAIT:
	case WT_TCP_LAST_ACK:
		return WT_END_REMOTE_FIN;
	}
	return WT_END_OPEN;
}

/* Its end was not seen (the kernel refused that run): what is known is all there will be. */
static __always_inline void conn_finish_unseen(struct conn *c, __u64 sk, __u64 now)
{
	c->row.events++;
	if (!(c->row.happened & WT_CONN_ENDED)) {
		c->row.happened |= WT_CONN_ENDED;
		c->row.end_ns = c->row.last_ns;
		if (!c->established_ns)
			c->row.end = WT_END_FAILED;
		else if (!c->row.end)
			c->row.end = end_in_state(c->row.state);
		c->row.state = WT_TCP_CLOSE;
	}
	conn_finish(c, sk);
}

/* Before 5.11 the key of a hash map must not change under us: copies on the stack. */
static __always_inline void read_request_tuple(struct tuple *t, const struct conn *c)
{
	__builtin_memcpy(t->local, c->row.local, 16);
	__builtin_memcpy(t->remote, c->row.remote, 16);
	t->local_port = c->row.local_port;
	t->remote_port = c->row.remote_port;
	t->netns = c->row.netns;
}

/* A handshake whose SYN-ACK was resent had an entry already: it goes on here. */
static __always_inline void conn_take_request(struct conn *c)
{
	struct tuple t = {};
	struct conn *request;

	read_request_tuple(&t, c);
	request = bpf_map_lookup_elem(&wt_requests, &t);
	if (!request)
		return;
	c->row.id = request->row.id;
	c->row.start_ns = request->row.start_ns;
	c->row.happened |= request->row.happened;
	c->row.retransmits_synack += request->row.retransmits_synack;
	c->row.events += request->row.events;
	bpf_map_delete_elem(&wt_requests, &t);
}

/* A socket that is not in the table: a child of listen(), or older than the agent. */
static __always_inline struct conn *conn_found(__u64 sk, int old, __u64 now)
{
	struct conn *c = conn_new(sk, &conn_blank, now);

	if (!c)
		return NULL;
	if (old == WT_TCP_SYN_RECV) {
		c->row.role = WT_ROLE_SERVER;
		c->row.happened = WT_CONN_STARTED;
		conn_take_request(c);
		return c;
	}
	read_counters(c);
	c->row.bytes_acked = 0; /* not added while we looked */
	c->row.bytes_received = 0;
	c->row.segments_out = 0;
	if (old == WT_TCP_SYN_SENT)
		c->row.role = WT_ROLE_CLIENT;
	else
		c->established_ns = now;
	return c;
}

/* ---- state changes ------------------------------------------------------------------------- */

static __always_inline void on_syn_sent(__u64 sk, __u64 now)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct conn *c = bpf_map_lookup_elem(&wt_conns, &sk);
	struct call *call = bpf_map_lookup_elem(&wt_calls, &thread);

	if (c)
		conn_finish_unseen(c, sk, now);
	if (call)
		call->sk = sk;
	c = conn_new(sk, &conn_blank, now);
	if (!c)
		return;
	read_owner(&c->row);
	c->row.role = WT_ROLE_CLIENT;
	c->row.start_ns = now;
	c->row.state = WT_TCP_SYN_SENT;
	c->row.happened = WT_CONN_STARTED;
	event(c, now);
	if (wt_unswept)
		report(c);
}

static __always_inline void on_established(struct conn *c, int old, __u64 now)
{
	c->established_ns = now;
	c->row.happened |= WT_CONN_ESTABLISHED;
	read_tuple(c); /* at SYN_SENT there was no local port */
	if (c->row.role == WT_ROLE_SERVER && !c->row.start_ns) {
		c->row.start_ns = now;
		/* the first sample, in eighths of a us: from the SYN-ACK to its ACK */
		c->row.connect_ns = tcp_read(c->sk, srtt_us) * 125ull;
	} else if (c->row.start_ns) {
		c->row.connect_ns = now - c->row.start_ns;
		latency_note(&c->row, WT_LATENCY_CONNECT, c->row.connect_ns);
	}
}

/* For a connection that was established. What came first tells who ended it. */
static __always_inline enum wt_conn_end end_of(int error)
{
	if (!error || error == ERRNO_CONNABORTED)
		return WT_END_RST_SENT;
	if (error == ERRNO_CONNRESET || error == ERRNO_PIPE)
		return WT_END_RST_RECEIVED;
	return WT_END_TIMEOUT; /* ETIMEDOUT, or the ICMP error that it was blamed on */
}

static __always_inline void on_close(struct conn *c, __u64 sk, int old, __u64 now)
{
	__u64 thread = bpf_get_current_pid_tgid();
	int error = sock_read(sk, sk_err);
	struct call *call;

	read_counters(c);
	c->row.happened |= WT_CONN_ENDED;
	c->row.end_ns = now;
	c->row.error = error;
	if (c->established_ns) {
		read_gauges(&c->row, sk);
		latency_note(&c->row, WT_LATENCY_RTT, c->row.srtt_us * 1000ull);
		if (!c->row.end && (error || old == WT_TCP_ESTABLISHED || old == WT_TCP_SYN_RECV))
			c->row.end = end_of(error);
		conn_finish(c, sk);
		return;
	}
	c->row.end = WT_END_FAILED;
	if (!c->row.local_port)
		c->row.local_port = bpf_ntohs(tcp_read(sk, inet_conn.icsk_inet.inet_sport));
	/* Inside connect() without an error: what connect() returns will say. */
	call = error ? NULL : bpf_map_lookup_elem(&wt_calls, &thread);
	if (call && call->sk == c->sk)
		call->ended = 1;
	else
		conn_finish(c, sk);
}

/* A change that nobody told us of: a run that the kernel refused, or before the agent's time. */
static __always_inline void catch_up(struct conn *c, int old, __u64 now)
{
	bool was_established = old == WT_TCP_ESTABLISHED || old == WT_TCP_FIN_WAIT2 ||
			       end_in_state(old) == WT_END_REMOTE_FIN;

	if (was_established && !c->established_ns) {
		c->established_ns = c->connected_ns ? c->connected_ns : now;
		if (c->connected_ns)
			c->row.connect_ns = c->connected_ns - c->row.start_ns;
		c->row.happened |= WT_CONN_ESTABLISHED;
		read_tuple(c);
	}
	if (!c->row.end)
		c->row.end = end_in_state(old);
}

static __always_inline void on_state(__u64 sk, int old, int new)
{
	__u64 now;
	struct conn *c;

	/* LISTEN -> SYN_RECV: a child that does not know its ends yet, and is often thrown away. */
	if (old == new || old == WT_TCP_LISTEN || new == WT_TCP_LISTEN || !is_tcp(sk))
		return;
	now = bpf_ktime_get_ns();
	if (new == WT_TCP_SYN_SENT) {
		on_syn_sent(sk, now);
		return;
	}
	c = bpf_map_lookup_elem(&wt_conns, &sk);
	if (!c && old == WT_TCP_SYN_RECV && new == WT_TCP_CLOSE)
		return; /* never established, never accepted */
	if (!c)
		c = conn_found(sk, old, now);
	if (!c)
		return;
	event(c, now);
	catch_up(c, old, now);
	c->row.state = new;
	if (new == WT_TCP_ESTABLISHED)
		on_established(c, old, now);
	else if (!c->row.end)
		c->row.end = end_in_state(new);
	if (new == WT_TCP_CLOSE)
		on_close(c, sk, old, now);
	else if (wt_unswept)
		report(c);
}

#endif
