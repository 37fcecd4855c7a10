// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The families of TCP hooks, as tables. A row more is a program more. */
#include "user/agent/tcp_signal_hooks.h"

#include "skel/tcp_fentry.skel.h"
#include "skel/tcp_kprobe.skel.h"
#include "skel/tcp_tracepoint.skel.h"

#define STATE "tcp state"
#define RETRANSMITS "retransmits"
#define SYNACKS "syn-ack retransmits"
#define CONNECT "connect errors"
#define ACCEPT "accept"
#define SWEEP "live sockets"
#define UDP "udp owners"

/* clang-format off */
#define SWEEP_HOOKS                                                                \
	{ "wt_sweep_sockets", SWEEP, NULL, TCP_HOOK_ITER, 0, false },              \
	{ "wt_sweep_conns", SWEEP, "wt_conns", TCP_HOOK_ITER, 0, false },          \
	{ "wt_sweep_ended", SWEEP, "wt_ended", TCP_HOOK_ITER, 0, false },          \
	{ "wt_sweep_requests", SWEEP, "wt_requests", TCP_HOOK_ITER, 0, false },    \
	{ "wt_sweep_calls", SWEEP, "wt_calls", TCP_HOOK_ITER, 0, false },          \
	{ "wt_walk_maps", SWEEP, "maps", TCP_HOOK_WALK, 0, false, true },          \
	{ "wt_sweep_udp", "live udp sockets", NULL, TCP_HOOK_ITER, 0, false }

/* No tracepoint tells of them; where functions cannot be probed, system calls tell of most. */
#define UDP_PROBES                                                                              \
	{ "wt_udp_port", UDP, "udp_lib_get_port", TCP_HOOK_KPROBE, 0, false, true },                  \
	{ "wt_udp_port_return", UDP, "udp_lib_get_port", TCP_HOOK_KRETPROBE, 0, false, true },        \
	{ "wt_udp_unhash", UDP, "udp_lib_unhash", TCP_HOOK_KPROBE, 0, false, true }

static const struct tcp_hook tracepoint[TCP_HOOKS_MAX] = {
	{ TCP_STATE, STATE, "inet_sock_set_state", TCP_HOOK_TRACEPOINT, 0, true },
	{ TCP_STATE_STAND_IN, STATE, "inet_sock_set_state", TCP_HOOK_TRACEPOINT, 0, false },
	{ "wt_retransmit", RETRANSMITS, "tcp_retransmit_skb", TCP_HOOK_TRACEPOINT, 2, false },
	{ "wt_retransmit_err", RETRANSMITS, "tcp_retransmit_skb", TCP_HOOK_TRACEPOINT, 3, false },
	{ "wt_synack", SYNACKS, "tcp_retransmit_synack", TCP_HOOK_TRACEPOINT, 0, false },
	{ "wt_connect", CONNECT, "syscalls/sys_enter_connect", TCP_HOOK_SYSCALL, 0, false },
	{ "wt_connect_return", CONNECT, "syscalls/sys_exit_connect", TCP_HOOK_SYSCALL, 0, false },
	{ "wt_accept_return", ACCEPT, "syscalls/sys_exit_accept", TCP_HOOK_SYSCALL, 0, false },
	{ "wt_accept4_return", ACCEPT, "syscalls/sys_exit_accept4", TCP_HOOK_SYSCALL, 0, false },
	UDP_PROBES,
	{ "wt_udp_socket", UDP, "syscalls/sys_exit_socket", TCP_HOOK_SYSCALL, 0, false },
	{ "wt_udp_bind", UDP, "syscalls/sys_enter_bind", TCP_HOOK_SYSCALL, 0, false },
	{ "wt_udp_bind_return", UDP, "syscalls/sys_exit_bind", TCP_HOOK_SYSCALL, 0, false },
	SWEEP_HOOKS,
};

static const struct tcp_hook kprobe[TCP_HOOKS_MAX] = {
	{ TCP_STATE, STATE, "tcp_set_state", TCP_HOOK_KPROBE, 0, true },
	{ "wt_retransmit", RETRANSMITS, "__tcp_retransmit_skb", TCP_HOOK_KPROBE, 0, false },
	{ "wt_retransmit_return", RETRANSMITS, "__tcp_retransmit_skb", TCP_HOOK_KRETPROBE, 0, false },
	{ "wt_retransmit", RETRANSMITS, "tcp_retransmit_skb", TCP_HOOK_KPROBE, 0, false },
	{ "wt_retransmit_return", RETRANSMITS, "tcp_retransmit_skb", TCP_HOOK_KRETPROBE, 0, false },
	{ "wt_synack", SYNACKS, "tcp_rtx_synack", TCP_HOOK_KPROBE, 0, false },
	{ "wt_synack_return", SYNACKS, "tcp_rtx_synack", TCP_HOOK_KRETPROBE, 0, false },
	{ "wt_connect", CONNECT, "inet_stream_connect", TCP_HOOK_KPROBE, 0, false },
	{ "wt_connect_return", CONNECT, "inet_stream_connect", TCP_HOOK_KRETPROBE, 0, false },
	{ "wt_accept_return", ACCEPT, "inet_csk_accept", TCP_HOOK_KRETPROBE, 0, false },
	UDP_PROBES,
	SWEEP_HOOKS,
};

static const struct tcp_hook fentry[TCP_HOOKS_MAX] = {
	/* A trampoline runs first what was attached last. */
	{ TCP_STATE_STAND_IN, STATE, "tcp_set_state", TCP_HOOK_FENTRY, 2, false },
	{ TCP_STATE, STATE, "tcp_set_state", TCP_HOOK_FENTRY, 2, true },
	{ "wt_retransmit", RETRANSMITS, "__tcp_retransmit_skb", TCP_HOOK_FEXIT, 3, false },
	{ "wt_retransmit_caller", RETRANSMITS, "tcp_retransmit_skb", TCP_HOOK_FEXIT, 3, false },
	{ "wt_synack", SYNACKS, "tcp_rtx_synack", TCP_HOOK_FEXIT, 2, false },
	{ "wt_connect", CONNECT, "inet_stream_connect", TCP_HOOK_FENTRY, 4, false },
	{ "wt_connect_return", CONNECT, "inet_stream_connect", TCP_HOOK_FEXIT, 4, false },
	{ "wt_accept_return", ACCEPT, "inet_csk_accept", TCP_HOOK_FEXIT, 4, false },
	{ "wt_accept_return_short", ACCEPT, "inet_csk_accept", TCP_HOOK_FEXIT, 2, false },
	{ "wt_udp_port", UDP, "udp_lib_get_port", TCP_HOOK_FEXIT, 3, false },
	{ "wt_udp_unhash", UDP, "udp_lib_unhash", TCP_HOOK_FENTRY, 1, false },
	SWEEP_HOOKS,
};
/* clang-format on */

/* fentry last: some kernels can deadlock with it, so only who asks for it gets it before. */
const struct tcp_family tcp_families[] = {
	{ HOOKS_TRACEPOINT, "tracepoint", tcp_tracepoint_bpf__elf_bytes, tracepoint },
	{ HOOKS_KPROBE, "kprobe", tcp_kprobe_bpf__elf_bytes, kprobe },
	{ HOOKS_FENTRY, "fentry", tcp_fentry_bpf__elf_bytes, fentry },
	{ .name = NULL },
};
