// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The families of TCP hooks, as tables. A row more is a program more. */
#include "user/agent/tcp_signal_hooks.h"

#include "skel/tcp_tracepoint.skel.h"

#define TCP_SWEEP_HOOKS                                                                     \
	{ "wt_sweep_sockets", "live sockets", NULL, TCP_HOOK_ITER, 0, false },              \
		{ "wt_sweep_conns", "live sockets", "wt_conns", TCP_HOOK_ITER, 0, false },  \
		{ "wt_sweep_ended", "live sockets", "wt_ended", TCP_HOOK_ITER, 0, false },  \
	{                                                                                   \
		"wt_sweep_requests", "live sockets", "wt_requests", TCP_HOOK_ITER, 0, false \
	}

const struct tcp_family tcp_families[] = {
	{ .family = HOOKS_TRACEPOINT,
	  .name = "tracepoint",
	  .elf_bytes = tcp_tracepoint_bpf__elf_bytes,
	  .hooks = {
		{ "wt_state", "tcp state", "inet_sock_set_state", TCP_HOOK_TRACEPOINT, 0, true },
		{ "wt_retransmit", "retransmits", "tcp_retransmit_skb", TCP_HOOK_TRACEPOINT, 2,
		  false },
		{ "wt_retransmit_err", "retransmits", "tcp_retransmit_skb", TCP_HOOK_TRACEPOINT, 3,
		  false },
		{ "wt_synack", "syn-ack retransmits", "tcp_retransmit_synack",
		  TCP_HOOK_TRACEPOINT, 0, false },
		{ "wt_connect", "connect errors", "syscalls/sys_enter_connect", TCP_HOOK_SYSCALL, 0,
		  false },
		{ "wt_connect_return", "connect errors", "syscalls/sys_exit_connect",
		  TCP_HOOK_SYSCALL, 0, false },
		{ "wt_accept_return", "accept", "syscalls/sys_exit_accept", TCP_HOOK_SYSCALL, 0,
		  false },
		{ "wt_accept4_return", "accept", "syscalls/sys_exit_accept4", TCP_HOOK_SYSCALL, 0,
		  false },
		TCP_SWEEP_HOOKS,
	  } },
	{ .name = NULL },
};
