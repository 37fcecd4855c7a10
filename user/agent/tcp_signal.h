/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* TCP connections, retransmits, owners: the programs of kern/tcp*.bpf.c, loaded and attached. */
#ifndef WT_TCP_SIGNAL_H
#define WT_TCP_SIGNAL_H

#include <stdint.h>

#include "kern/abi_signal.h"
#include "user/agent/signal.h"
#include "user/lib/cleanup.h"

struct tcp_signal;

/* Loads and attaches. 0 or -errno, having logged which signal cannot be had and why. */
int tcp_signal_start(const struct signal_options *o, struct tcp_signal **ret);
/* Detaches everything. */
void tcp_signal_stop(struct tcp_signal *s);
DEFINE_AUTO(tcp_signal_stop, struct tcp_signal *);

struct signal_maps tcp_signal_maps(const struct tcp_signal *s);
struct signal_maps tcp_signal_latency_maps(const struct tcp_signal *s);

/*
 * The sweep, once an interval, by the attacher. Live sockets of the calling thread's network
 * namespace: their gauges into rows, how many there are into *ret. -EOPNOTSUPP: no iterator.
 */
int tcp_signal_sweep_here(struct tcp_signal *s, struct wt_sockets *ret);
/* What belongs to no namespace: rows that found no room, entries that events left behind. */
int tcp_signal_sweep_rest(struct tcp_signal *s);
/* Both, in every network namespace. 0 or -errno of the first that failed. */
int tcp_signal_sweep(struct tcp_signal *s);

/* Runs the kernel refused because one was under way on that CPU, at most: see tcp_hook_missed(). */
uint64_t tcp_signal_missed(const struct tcp_signal *s);

/* Fills up to max; returns how many. */
int tcp_signal_choices(const struct tcp_signal *s, struct signal_choice *to, int max);

#endif
