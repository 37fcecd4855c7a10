/* SPDX-License-Identifier: GPL-2.0 */
/* connect() and accept(): what no state change tells, and who called. In process context. */
#ifndef WIRETALLY_TCP_CALL_BPF_H
#define WIRETALLY_TCP_CALL_BPF_H

#include "kern/tcp_event.bpf.h"

#define ERRNO_INTR 4
#define ERRNO_FAULT 14
#define ERRNO_AFNOSUPPORT 97
#define ERRNO_ISCONN 106
#define ERRNO_ALREADY 114
#define ERRNO_INPROGRESS 115
#define ERRNO_RESTARTSYS 512 /* … ERESTART_RESTARTBLOCK 516: never seen by the caller */

struct socket_address { /* sockaddr_in, or sockaddr_in6 */
	__u16 family;
	__be16 port;
	__be32 v4; /* or flow label */
	__u8 v6[16];
};

static __always_inline void *file_of(__u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	void *file = NULL;

	if (fd < BPF_CORE_READ(fdt, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(fdt, fd) + fd);
	return file;
}

/* 0 when the descriptor is no socket. */
static __always_inline __u64 any_socket_of(__u32 fd, __u32 *state)
{
	struct file *file = file_of(fd);
	struct socket *socket;
	__u64 sk;

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & WT_S_IFMT) != WT_S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	*state = BPF_CORE_READ(socket, state);
	sk = (__u64)BPF_CORE_READ(socket, sk);
	return sk;
}

/* 0 when the descriptor is no TCP socket. */
static __always_inline __u64 socket_of(__u32 fd, __u32 *state)
{
	__u64 sk = any_socket_of(fd, state);

	return sk && is_tcp(sk) ? sk : 0;
}

static __always_inline bool read_address(struct tuple *to, const struct socket_address *a)
{
	to->remote_port = bpf_ntohs(a->port);
	if (a->family == WT_AF_INET)
		map_v4(to->remote, a->v4);
	else if (a->family == WT_AF_INET6)
		__builtin_memcpy(to->remote, a->v6, 16);
	else
		return false;
	return true;
}

/* A second connect() on one socket asks how the first is doing: no attempt of its own. */
static __always_inline void on_connect(__u64 sk, __u32 socket_state, const struct socket_address *a)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call call = { .start_ns = bpf_ktime_get_ns() };

	if (socket_state != WT_SS_UNCONNECTED || !read_address(&call.to, a))
		return;
	call.to.netns = netns_of(sk);
	if (bpf_map_update_elem(&wt_calls, &thread, &call, BPF_ANY))
		count_loss(CONN_LOST_NO_ROW, 1);
}

/* Where the system call has copied the address already. */
static __always_inline void on_connect_in_kernel(__u64 socket_address, __u64 address)
{
	struct socket *socket = (void *)(long)socket_address;
	struct socket_address a = {};
	__u64 sk = (__u64)BPF_CORE_READ(socket, sk);

	if (sk && is_tcp(sk) && !bpf_probe_read_kernel(&a, sizeof(a), (void *)(long)address))
		on_connect(sk, BPF_CORE_READ(socket, state), &a);
}

/* An attempt that ended before its SYN: no route, no port left, forbidden. */
static __always_inline void report_unsent(const struct call *call, __u64 thread, int error)
{
	__u64 id = make_id(thread, call->start_ns), now = bpf_ktime_get_ns();
	struct conn *c = NULL;

	if (!bpf_map_update_elem(&wt_ended, &id, &conn_blank, BPF_NOEXIST))
		c = bpf_map_lookup_elem(&wt_ended, &id);
	if (!c) {
		count_loss(CONN_LOST_NO_ROW, 1);
		return;
	}
	c->row.id = id;
	c->row.start_ns = call->start_ns;
	c->row.end_ns = now;
	__builtin_memcpy(c->row.remote, call->to.remote, 16);
	if (!*(__u64 *)call->to.remote && *(__u32 *)(call->to.remote + 8) == bpf_htonl(0xffff))
		map_v4(c->row.local, 0); /* no address was chosen: 0.0.0.0 */
	c->row.remote_port = call->to.remote_port;
	c->row.netns = call->to.netns;
	read_owner(&c->row);
	c->row.role = WT_ROLE_CLIENT;
	c->row.state = WT_TCP_CLOSE;
	c->row.end = WT_END_FAILED;
	c->row.error = error;
	c->row.happened = WT_CONN_STARTED | WT_CONN_ENDED;
	barrier(); /* the sweep leaves alone what has no events */
	event(c, now);
	if (report(c))
		bpf_map_delete_elem(&wt_ended, &id);
}

/* Errors that tell of the call and not of the way. */
static __always_inline bool is_failure(int error)
{
	switch (error) {
	case ERRNO_INTR:
	case ERRNO_FAULT:
	case ERRNO_AFNOSUPPORT:
	case ERRNO_ISCONN:
	case ERRNO_ALREADY:
	case ERRNO_INPROGRESS:
		return false;
	}
	return error > 0 && error < ERRNO_RESTARTSYS;
}

static __always_inline void on_connect_return(int ret)
{
	__u64 thread = bpf_get_current_pid_tgid(), sk;
	struct call *call = bpf_map_lookup_elem(&wt_calls, &thread);
	struct conn *c;

	if (!call)
		return;
	sk = call->sk;
	c = sk ? bpf_map_lookup_elem(&wt_conns, &sk) : NULL;
	if (!sk) {
		if (is_failure(-ret))
			report_unsent(call, thread, -ret);
	} else if (c && call->ended && c->row.happened & WT_CONN_ENDED) {
		c->row.error = is_failure(-ret) ? -ret : 0;
		conn_finish(c, sk);
	} else if (c && !ret) {
		c->connected_ns = bpf_ktime_get_ns();
	}
	bpf_map_delete_elem(&wt_calls, &thread);
}

static __always_inline void on_accept(__u64 sk)
{
	struct conn *c = sk ? bpf_map_lookup_elem(&wt_conns, &sk) : NULL;

	if (!c || c->row.role != WT_ROLE_SERVER || c->accepted)
		return;
	read_owner(&c->row);
	if (c->established_ns)
		c->row.accept_ns = bpf_ktime_get_ns() - c->established_ns;
	barrier();
	c->accepted = 1;
}

#endif
