// SPDX-License-Identifier: GPL-2.0
/* TCP by fentry and fexit. ctx: the function's arguments, then (fexit) what it returns. */
#include "kern/tcp_call.bpf.h"
#include "kern/tcp_event.bpf.h"
#include "kern/tcp_nested.bpf.h"
#include "kern/tcp_retransmit.bpf.h"
#include "kern/tcp_sweep.bpf.h"
#include "kern/udp_event.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* void tcp_set_state(struct sock *sk, int state) */
SEC("fentry/tcp_set_state")
int wt_state(__u64 *ctx)
{
	return state_first(ctx[0], sock_read(ctx[0], __sk_common.skc_state), ctx[1]);
}

SEC("fentry/tcp_set_state")
int wt_state_stand_in(__u64 *ctx)
{
	return state_stand_in(ctx[0], sock_read(ctx[0], __sk_common.skc_state), ctx[1]);
}

/* int __tcp_retransmit_skb(struct sock *sk, struct sk_buff *skb, int segs) */
SEC("fexit/__tcp_retransmit_skb")
int wt_retransmit(__u64 *ctx)
{
	if (!(int)ctx[3])
		on_retransmit(ctx[0], ctx[1]);
	return 0;
}

/* int tcp_retransmit_skb(struct sock *sk, struct sk_buff *skb, int segs): calls the former */
SEC("fexit/tcp_retransmit_skb")
int wt_retransmit_caller(__u64 *ctx)
{
	if (!(int)ctx[3])
		on_retransmit(ctx[0], ctx[1]);
	return 0;
}

/* int tcp_rtx_synack(const struct sock *sk, struct request_sock *req) */
SEC("fexit/tcp_rtx_synack")
int wt_synack(__u64 *ctx)
{
	if (!(int)ctx[2])
		on_synack_retransmit(ctx[1]);
	return 0;
}

/* int inet_stream_connect(struct socket *, struct sockaddr *, int addr_len, int flags) */
SEC("fentry/inet_stream_connect")
int wt_connect(__u64 *ctx)
{
	on_connect_in_kernel(ctx[0], ctx[1]);
	return 0;
}

SEC("fexit/inet_stream_connect")
int wt_connect_return(__u64 *ctx)
{
	on_connect_return(ctx[4]);
	return 0;
}

/* struct sock *inet_csk_accept(struct sock *, int flags, int *err, bool kern) */
SEC("fexit/inet_csk_accept")
int wt_accept_return(__u64 *ctx)
{
	on_accept(ctx[4]);
	return 0;
}

/* struct sock *inet_csk_accept(struct sock *, struct proto_accept_arg *), since 6.10 */
SEC("fexit/inet_csk_accept")
int wt_accept_return_short(__u64 *ctx)
{
	on_accept(ctx[2]);
	return 0;
}

/* int udp_lib_get_port(struct sock *sk, unsigned short snum, unsigned int hash2_nulladdr) */
SEC("fexit/udp_lib_get_port")
int wt_udp_port(__u64 *ctx)
{
	if (!(int)ctx[3])
		on_udp_port(ctx[0]);
	return 0;
}

/* void udp_lib_unhash(struct sock *sk) */
SEC("fentry/udp_lib_unhash")
int wt_udp_unhash(__u64 *ctx)
{
	on_udp_unhash(ctx[0]);
	return 0;
}
