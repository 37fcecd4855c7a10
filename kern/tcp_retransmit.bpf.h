/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Retransmits, as the kernel counts RetransSegs: segments that left, SYN-ACKs too. What
 * TCPRetransFail counts never comes here.
 */
#ifndef WIRETALLY_TCP_RETRANSMIT_BPF_H
#define WIRETALLY_TCP_RETRANSMIT_BPF_H

#include "kern/tcp_event.bpf.h"

static __always_inline __u32 skb_segments(__u64 skb)
{
	struct tcp_skb_cb *cb = (void *)&((struct sk_buff *)(long)skb)->cb;
	__u32 segments = BPF_CORE_READ(cb, tcp_gso_segs);

	return segments ? segments : 1;
}

/*
 * Of one retransmit more than one hook may tell: the function and its caller are both probed, for
 * compilers make a copy for one of the callers (6.1: __tcp_retransmit_skb.part.0). The socket's own
 * counter moves once for each.
 */
static __always_inline bool is_counted(struct conn *c, __u64 sk)
{
	__u32 total = tcp_read(sk, total_retrans);
	bool is = total == c->total_retrans;

	c->total_retrans = total;
	return is;
}

static __always_inline void on_retransmit(__u64 sk, __u64 skb)
{
	struct inet_connection_sock *icsk = (void *)(long)sk;
	__u64 now = bpf_ktime_get_ns();
	struct conn *c = bpf_map_lookup_elem(&wt_conns, &sk);
	__u32 segments = skb_segments(skb), ca_state;
	__u8 state = sock_read(sk, __sk_common.skc_state);

	if (!c)
		c = conn_found(sk, state, now);
	if (!c || is_counted(c, sk))
		return;
	event(c, now);
	c->row.state = state;
	c->row.retransmits += segments;
	c->row.retransmit_bytes += BPF_CORE_READ((struct sk_buff *)(long)skb, len);
	ca_state = BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state);
	if (state == WT_TCP_SYN_SENT || state == WT_TCP_SYN_RECV) {
		c->row.retransmits_syn += segments;
		c->row.happened |= WT_CONN_SYN_RESENT;
	} else if (ca_state == WT_CA_LOSS) {
		c->row.retransmits_rto += segments;
	} else if (ca_state == WT_CA_RECOVERY) {
		c->row.retransmits_fast += segments;
	} /* else a tail loss probe */
	if (wt_unswept)
		report(c);
}

/* The child came between the look and the entry, and may have looked for it in vain: no ghost. */
static __always_inline void take_back(__u64 req, struct tuple *t)
{
	__u64 child = (__u64)core_read_as(struct request_sock, req, sk);
	struct conn *c = child ? bpf_map_lookup_elem(&wt_conns, &child) : NULL;
	struct conn *request = c ? bpf_map_lookup_elem(&wt_requests, t) : NULL;
	__u32 synacks;

	if (!request)
		return;
	synacks = request->row.retransmits_synack;
	if (bpf_map_delete_elem(&wt_requests, t)) /* the child has taken it, after all */
		return;
	__sync_fetch_and_add(&c->row.retransmits_synack, synacks);
}

static __always_inline struct conn *request_new(__u64 req, const struct tuple *t)
{
	struct tcp_request_sock *treq = (void *)(long)req;
	struct conn *c = NULL;

	if (!bpf_map_update_elem(&wt_requests, t, &conn_blank, BPF_NOEXIST))
		c = bpf_map_lookup_elem(&wt_requests, t);
	if (!c) {
		count_loss(CONN_LOST_NO_ROW, 1);
		return NULL;
	}
	c->sk = req;
	c->row.start_ns = BPF_CORE_READ(treq, snt_synack) * 1000;
	c->row.id = make_id(READ_ONCE(c->sk), c->row.start_ns);
	c->row.role = WT_ROLE_SERVER;
	c->row.state = WT_TCP_SYN_RECV;
	__builtin_memcpy(c->row.local, t->local, 16);
	__builtin_memcpy(c->row.remote, t->remote, 16);
	c->row.local_port = t->local_port;
	c->row.remote_port = t->remote_port;
	c->row.netns = t->netns;
	return c;
}

/*
 * The timer that resends may run on one CPU while the handshake ends on another: then the SYN-ACK
 * is the child's. Its lock is not ours, so only this counter is added to, atomically, and no event:
 * a report reads those twice, for `seen` and for the row. It goes out with the child's next one.
 */
static __always_inline bool is_synack_of_child(__u64 req)
{
	__u64 child = (__u64)core_read_as(struct request_sock, req, sk);
	struct conn *c = child ? bpf_map_lookup_elem(&wt_conns, &child) : NULL;

	if (!c)
		return false;
	__sync_fetch_and_add(&c->row.retransmits_synack, 1);
	return true;
}

/* A handshake has no socket yet: it waits in wt_requests for the child, or to be given up. */
static __always_inline void on_synack_retransmit(__u64 req)
{
	struct tuple t = {};
	struct conn *c;

	if (is_synack_of_child(req))
		return;
	read_ends(req, t.local, t.remote, &t.remote_port);
	t.local_port = common_read(req, skc_num);
	t.netns = netns_of(req);
	c = bpf_map_lookup_elem(&wt_requests, &t);
	if (!c)
		c = request_new(req, &t);
	if (!c)
		return;
	c->row.retransmits_synack++;
	c->row.happened |= WT_CONN_STARTED | WT_CONN_SYN_RESENT;
	event(c, bpf_ktime_get_ns());
	take_back(req, &t);
}

#endif
