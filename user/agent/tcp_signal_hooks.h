/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Which program of kern/tcp*.bpf.c hangs where: a family of hooks is a table. */
#ifndef WT_TCP_SIGNAL_HOOKS_H
#define WT_TCP_SIGNAL_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/agent/signal.h"

enum tcp_hook_kind {
	TCP_HOOK_TRACEPOINT, /* BTF tracepoint, raw where BTF does not describe it */
	TCP_HOOK_SYSCALL, /* classic tracepoint syscalls/… */
	TCP_HOOK_KPROBE,
	TCP_HOOK_KRETPROBE,
	TCP_HOOK_FENTRY,
	TCP_HOOK_FEXIT,
	TCP_HOOK_ITER, /* of the sweep: opened, not attached to events */
	TCP_HOOK_WALK, /* the same for all maps, where the kernel has no iterators of maps: run */
};

struct tcp_hook {
	const char *program;
	const char *signal; /* for status: programs of one signal share it */
	const char *target; /* function, tracepoint, or (iter) map; NULL: iter/tcp */
	enum tcp_hook_kind kind;
	int args; /* what tracepoint or function must have; 0: any */
	bool required; /* no TCP without it */
	bool is_spare; /* others serve as well: that it cannot be had is worth no warning */
};
#define TCP_HOOKS_MAX 24

/* Of state changes, and its stand-in where the kernel refuses to run it inside itself. */
#define TCP_STATE "wt_state"
#define TCP_STATE_STAND_IN "wt_state_stand_in"

struct tcp_family {
	enum hook_family family;
	const char *name;
	const void *(*elf_bytes)(size_t *size);
	const struct tcp_hook *hooks; /* TCP_HOOKS_MAX; unused ones have program NULL */
};

/* In the order that HOOKS_AUTO tries them; ends with name NULL. */
extern const struct tcp_family tcp_families[];

/* Arguments of a tracepoint as the kernel's BTF has them; -ENOENT: it has not. */
int tcp_tracepoint_args(const char *name);

/*
 * Before the load: 0 and what to load, or -errno with `why` when it is not to be had. Then the
 * program is left out.
 */
int tcp_hook_prepare(const struct tcp_hook *h, struct bpf_program *prog, char *why, size_t size);

/* After the load. For iterators too: map is what TCP_HOOK_ITER walks, or NULL. */
int tcp_hook_attach(const struct tcp_hook *h, struct bpf_program *prog, const struct bpf_map *map,
		    struct bpf_link **ret);

/*
 * Runs that the kernel refused because something was running on that CPU: the program's (NULL:
 * none) and the link's own.
 */
uint64_t tcp_hook_missed(const struct bpf_program *prog, const struct bpf_link *link);

/* "tp_btf/inet_sock_set_state" */
void tcp_hook_name(const struct tcp_hook *h, const struct bpf_program *prog, char *to, size_t size);

#endif
