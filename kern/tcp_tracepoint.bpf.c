// SPDX-License-Identifier: GPL-2.0
/*
 * TCP by tracepoints. All but those of system calls are BTF tracepoints where the kernel describes
 * them, raw ones elsewhere: their context is the same array.
 */
#include "kern/tcp_call.bpf.h"
#include "kern/tcp_event.bpf.h"
#include "kern/tcp_nested.bpf.h"
#include "kern/tcp_retransmit.bpf.h"
#include "kern/tcp_sweep.bpf.h"
#include "kern/udp_call.bpf.h"
#include "kern/udp_probe.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* (const struct sock *sk, int oldstate, int newstate) */
SEC("tp_btf/inet_sock_set_state")
int wt_state(__u64 *ctx)
{
	return state_first(ctx[0], ctx[1], ctx[2]);
}

SEC("tp_btf/inet_sock_set_state")
int wt_state_stand_in(__u64 *ctx)
{
	return state_stand_in(ctx[0], ctx[1], ctx[2]);
}

/* (const struct sock *sk, const struct sk_buff *skb): fires when the segment has left */
SEC("tp_btf/tcp_retransmit_skb")
int wt_retransmit(__u64 *ctx)
{
	on_retransmit(ctx[0], ctx[1]);
	return 0;
}

/* (…, int err), newer kernels: fires for failures too */
SEC("tp_btf/tcp_retransmit_skb")
int wt_retransmit_err(__u64 *ctx)
{
	if (!(int)ctx[2])
		on_retransmit(ctx[0], ctx[1]);
	return 0;
}

/* (const struct sock *sk, const struct request_sock *req) */
SEC("tp_btf/tcp_retransmit_synack")
int wt_synack(__u64 *ctx)
{
	on_synack_retransmit(ctx[1]);
	return 0;
}

SEC("tp/syscalls/sys_enter_connect")
int wt_connect(struct trace_event_raw_sys_enter *ctx)
{
	const void *address = (const void *)ctx->args[1];
	struct socket_address a = {};
	__u32 state = 0;
	__u64 sk = any_socket_of(ctx->args[0], &state);

	if (sk && is_udp(sk)) {
		on_udp_call(sk);
		return 0;
	}
	if (!sk || !is_tcp(sk))
		return 0;
	/* Who gives a shorter address than its family's gets EINVAL or reads what follows it. */
	if (!bpf_probe_read_user(&a, 8, address) &&
	    (a.family != WT_AF_INET6 || !bpf_probe_read_user(&a, sizeof(a), address)))
		on_connect(sk, state, &a);
	return 0;
}

SEC("tp/syscalls/sys_exit_connect")
int wt_connect_return(struct trace_event_raw_sys_exit *ctx)
{
	if (!on_udp_call_return(ctx->ret))
		on_connect_return(ctx->ret);
	return 0;
}

SEC("tp/syscalls/sys_exit_socket")
int wt_udp_socket(struct trace_event_raw_sys_exit *ctx)
{
	__u32 state;
	__u64 sk = ctx->ret >= 0 ? any_socket_of(ctx->ret, &state) : 0;

	if (sk && is_udp(sk))
		on_udp_socket(sk);
	return 0;
}

SEC("tp/syscalls/sys_enter_bind")
int wt_udp_bind(struct trace_event_raw_sys_enter *ctx)
{
	__u32 state;
	__u64 sk = any_socket_of(ctx->args[0], &state);

	if (sk && is_udp(sk))
		on_udp_call(sk);
	return 0;
}

SEC("tp/syscalls/sys_exit_bind")
int wt_udp_bind_return(struct trace_event_raw_sys_exit *ctx)
{
	on_udp_call_return(ctx->ret);
	return 0;
}

static __always_inline int accept_return(long fd)
{
	__u32 state = 0;
	__u64 sk = fd >= 0 ? socket_of(fd, &state) : 0;

	if (sk)
		on_accept(sk);
	return 0;
}

SEC("tp/syscalls/sys_exit_accept")
int wt_accept_return(struct trace_event_raw_sys_exit *ctx)
{
	return accept_return(ctx->ret);
}

SEC("tp/syscalls/sys_exit_accept4")
int wt_accept4_return(struct trace_event_raw_sys_exit *ctx)
{
	return accept_return(ctx->ret);
}
