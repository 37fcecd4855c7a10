/* SPDX-License-Identifier: GPL-2.0 */
/* System calls that bind a UDP socket: bind() and connect(). In process context. */
#ifndef WIRETALLY_UDP_CALL_BPF_H
#define WIRETALLY_UDP_CALL_BPF_H

#include "kern/tcp_call.bpf.h"
#include "kern/udp_event.bpf.h"

static __always_inline void on_udp_call(__u64 sk)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call call = { .sk = sk, .start_ns = bpf_ktime_get_ns(), .udp = 1 };

	/* Without a place in the table the sweep finds the socket all the same. */
	bpf_map_update_elem(&wt_calls, &thread, &call, BPF_ANY);
}

/* False when this thread's call is another's affair. */
static __always_inline bool on_udp_call_return(int ret)
{
	__u64 thread = bpf_get_current_pid_tgid(), sk;
	struct call *call = bpf_map_lookup_elem(&wt_calls, &thread);

	if (!call || !call->udp)
		return false;
	sk = call->sk;
	bpf_map_delete_elem(&wt_calls, &thread);
	if (!ret)
		on_udp_bound(sk);
	return true;
}

#endif
