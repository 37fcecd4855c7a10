/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Drops: the programs of kern/drop*.bpf.c, loaded and attached; the names of reasons and places. */
#ifndef WT_DROP_SIGNAL_H
#define WT_DROP_SIGNAL_H

#include <stddef.h>
#include <stdint.h>

#include "user/agent/signal.h"
#include "user/lib/cleanup.h"

struct drop_signal;
struct drop_names;

/* Loads and attaches. 0 or -errno, having logged why. */
int drop_signal_start(const struct signal_options *o, struct drop_signal **ret);
void drop_signal_stop(struct drop_signal *s);
DEFINE_AUTO(drop_signal_stop, struct drop_signal *);

struct signal_maps drop_signal_maps(const struct drop_signal *s);
uint64_t drop_signal_missed(const struct drop_signal *s);
int drop_signal_choices(const struct drop_signal *s, struct signal_choice *to, int max);

/*
 * Names from the running kernel: reasons from its BTF, places from /proc/kallsyms. Read once,
 * with privilege, before the shipper is forked; fixed memory from then on. 0 or -errno.
 */
int drop_names_read(struct drop_names **ret);
void drop_names_free(struct drop_names *n);
DEFINE_AUTO(drop_names_free, struct drop_names *);

/* "NO_SOCKET"; "" for reason 0 on a kernel without reasons; "REASON_123" for one without a name. */
void drop_names_reason(const struct drop_names *n, uint32_t reason, char *to, size_t size);
/* "tcp_v4_rcv+0x7b"; "" when addresses are hidden. */
void drop_names_location(const struct drop_names *n, uint64_t address, char *to, size_t size);

#endif
