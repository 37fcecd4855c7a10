/* SPDX-License-Identifier: GPL-2.0 */
/* UDP sockets by kprobes, in the object that includes this: no tracepoint tells of them. */
#ifndef WIRETALLY_UDP_PROBE_BPF_H
#define WIRETALLY_UDP_PROBE_BPF_H

#include "kern/frames.bpf.h"
#include "kern/tcp_regs.bpf.h"
#include "kern/udp_event.bpf.h"

/* int udp_lib_get_port(struct sock *sk, unsigned short snum, unsigned int hash2_nulladdr) */
SEC("kprobe")
int wt_udp_port(void *ctx)
{
	frame_push(FRAME_UDP_PORT, argument(ctx, 0), 0);
	return 0;
}

SEC("kretprobe")
int wt_udp_port_return(void *ctx)
{
	struct frame f;

	if (frame_pop(FRAME_UDP_PORT, &f) && !(int)return_value(ctx))
		on_udp_port(f.sk);
	return 0;
}

/* void udp_lib_unhash(struct sock *sk) */
SEC("kprobe")
int wt_udp_unhash(void *ctx)
{
	on_udp_unhash(argument(ctx, 0));
	return 0;
}

#endif
