/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UDP sockets: whose they are. A socket gets its port once, in process context, by bind() or when
 * it first sends; that is where its owner is known, and no packet pays for it. Where functions
 * cannot be probed, system calls tell: socket(), bind() and connect(), and what autobinds later is
 * found by the sweep. Entries and rows are those of connections (abi_signal.h).
 */
#ifndef WIRETALLY_UDP_EVENT_BPF_H
#define WIRETALLY_UDP_EVENT_BPF_H

#include "kern/tcp_event.bpf.h"

#define UDP_REPORT_NS 30000000000ull /* a live socket says so again, for what is asked later */

static __always_inline bool is_udp(__u64 sk)
{
	__u16 family = sock_read(sk, __sk_common.skc_family);

	return (family == WT_AF_INET || family == WT_AF_INET6) &&
	       sock_read(sk, sk_protocol) == WT_IPPROTO_UDP;
}

/* A socket that the kernel made for itself (VXLAN, WireGuard): who asked for it is no owner. */
static __always_inline bool is_kernels(__u64 sk)
{
	struct sock *s = (void *)(long)sk;

	return bpf_core_field_exists(s->sk_kern_sock) &&
	       BPF_CORE_READ_BITFIELD_PROBED(s, sk_kern_sock);
}

static __always_inline void udp_read_tuple(struct conn *c)
{
	struct sock_common *skc = (void *)(long)c->sk;
	__u64 sk = c->sk;

	c->row.local_port = common_read(sk, skc_num); /* inet_sport is set later */
	read_ends(sk, c->row.local, c->row.remote, &c->row.remote_port);
	c->row.state = common_read(sk, skc_family) == WT_AF_INET6 &&
		       BPF_CORE_READ_BITFIELD_PROBED(skc, skc_ipv6only);
}

static __always_inline struct conn *udp_new(__u64 sk, __u64 now)
{
	struct conn *c = conn_new(sk, &conn_blank, now);

	if (!c)
		return NULL;
	c->row.protocol = WT_IPPROTO_UDP;
	udp_read_tuple(c);
	return c;
}

static __always_inline void udp_finish(struct conn *c, __u64 sk, __u64 end_ns)
{
	c->row.events++;
	c->row.happened |= WT_CONN_ENDED;
	c->row.end_ns = end_ns;
	conn_finish(c, sk);
}

/* Nobody told us of its end; one that never had a port is nobody's business. */
static __always_inline void udp_finish_unseen(struct conn *c, __u64 sk)
{
	__u64 end_ns = c->row.last_ns;

	c->row.last_ns = bpf_ktime_get_ns(); /* this report is the latest */
	if (c->row.local_port)
		udp_finish(c, sk, end_ns);
	else
		bpf_map_delete_elem(&wt_conns, &sk);
}

/* A socket has the memory of one that went without a word. */
static __always_inline void finish_before(__u64 sk, __u64 now)
{
	struct conn *c = bpf_map_lookup_elem(&wt_conns, &sk);

	if (c && c->row.protocol == WT_IPPROTO_UDP)
		udp_finish_unseen(c, sk);
	else if (c)
		conn_finish_unseen(c, sk, now);
}

/* It has a port now. An entry of its address is that of its socket(), or of another before. */
static __always_inline void on_udp_port(__u64 sk)
{
	__u64 now = bpf_ktime_get_ns();
	struct conn *c;

	if (!is_udp(sk))
		return;
	finish_before(sk, now);
	c = udp_new(sk, now);
	if (!c)
		return;
	if (!is_kernels(sk))
		read_owner(&c->row);
	c->row.start_ns = now;
	c->row.happened = WT_CONN_STARTED;
	event(c, now);
	report(c);
}

/* socket(): whose it is, before it has a port. Nothing to report yet. */
static __always_inline void on_udp_socket(__u64 sk)
{
	__u64 now = bpf_ktime_get_ns();
	struct conn *c;

	finish_before(sk, now);
	c = udp_new(sk, now);
	if (!c)
		return;
	read_owner(&c->row);
	c->row.start_ns = now;
	c->row.last_ns = now;
	c->row.happened = WT_CONN_STARTED;
}

/* bind() or connect() is through: what it is bound to, whoever of us knew before. */
static __always_inline void on_udp_bound(__u64 sk)
{
	struct conn *c = bpf_map_lookup_elem(&wt_conns, &sk);

	if (!c || c->row.protocol != WT_IPPROTO_UDP) {
		on_udp_port(sk);
		return;
	}
	udp_read_tuple(c);
	event(c, bpf_ktime_get_ns());
	report(c);
}

/* It gives it back: at close, or when it is disconnected. By now connect() has told all ends. */
static __always_inline void on_udp_unhash(__u64 sk)
{
	struct conn *c = bpf_map_lookup_elem(&wt_conns, &sk);
	__u64 now = bpf_ktime_get_ns();

	if (!c || c->row.protocol != WT_IPPROTO_UDP)
		return;
	udp_read_tuple(c);
	c->row.last_ns = now;
	udp_finish(c, sk, now);
}

/* Its memory is another socket's, or nobody's. */
static __always_inline bool udp_is_gone(const struct conn *c)
{
	__u64 sk = c->sk;

	return !is_udp(sk) || !common_read(sk, skc_refcnt.refs.counter) ||
	       (c->row.local_port && common_read(sk, skc_num) != c->row.local_port);
}

static __always_inline void on_udp_sweep(__u64 sk, __u32 uid)
{
	__u64 now = bpf_ktime_get_ns();
	struct conn *c = bpf_map_lookup_elem(&wt_conns, &sk);
	__u16 local_port, remote_port;

	if (!c) { /* older than we are */
		c = udp_new(sk, now);
		if (!c)
			return;
		c->row.uid = uid;
	} else {
		local_port = c->row.local_port;
		remote_port = c->row.remote_port;
		udp_read_tuple(c);
		if (c->row.local_port == local_port && c->row.remote_port == remote_port &&
		    c->row.last_ns + UDP_REPORT_NS > now)
			return;
	}
	event(c, now);
	report(c);
}

#endif
