// SPDX-License-Identifier: GPL-2.0
/* TCP by kprobes and kretprobes. */
#include "kern/frames.bpf.h"
#include "kern/tcp_call.bpf.h"
#include "kern/tcp_event.bpf.h"
#include "kern/tcp_regs.bpf.h"
#include "kern/tcp_retransmit.bpf.h"
#include "kern/tcp_sweep.bpf.h"
#include "kern/udp_probe.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* void tcp_set_state(struct sock *sk, int state) */
SEC("kprobe")
int wt_state(void *ctx)
{
	__u64 sk = argument(ctx, 0);

	on_state(sk, sock_read(sk, __sk_common.skc_state), argument(ctx, 1));
	return 0;
}

/*
 * int __tcp_retransmit_skb(struct sock *sk, struct sk_buff *skb, int segs), and its caller without
 * underscores
 */
SEC("kprobe")
int wt_retransmit(void *ctx)
{
	frame_push(FRAME_RETRANSMIT, argument(ctx, 0), argument(ctx, 1));
	return 0;
}

SEC("kretprobe")
int wt_retransmit_return(void *ctx)
{
	struct frame f;

	if (frame_pop(FRAME_RETRANSMIT, &f) && !(int)return_value(ctx))
		on_retransmit(f.sk, f.argument);
	return 0;
}

/* int tcp_rtx_synack(const struct sock *sk, struct request_sock *req) */
SEC("kprobe")
int wt_synack(void *ctx)
{
	frame_push(FRAME_SYNACK, argument(ctx, 0), argument(ctx, 1));
	return 0;
}

SEC("kretprobe")
int wt_synack_return(void *ctx)
{
	struct frame f;

	if (frame_pop(FRAME_SYNACK, &f) && !(int)return_value(ctx))
		on_synack_retransmit(f.argument);
	return 0;
}

/* int inet_stream_connect(struct socket *, struct sockaddr *, int addr_len, int flags) */
SEC("kprobe")
int wt_connect(void *ctx)
{
	on_connect_in_kernel(argument(ctx, 0), argument(ctx, 1));
	return 0;
}

SEC("kretprobe")
int wt_connect_return(void *ctx)
{
	on_connect_return(return_value(ctx));
	return 0;
}

/* struct sock *inet_csk_accept(…) */
SEC("kretprobe")
int wt_accept_return(void *ctx)
{
	on_accept(return_value(ctx));
	return 0;
}
