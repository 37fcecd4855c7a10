/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Drops: the programs of kern/drop*.bpf.c, loaded and attached. */
#ifndef WT_DROP_SIGNAL_H
#define WT_DROP_SIGNAL_H

#include <stdint.h>

#include "user/agent/drop_names.h"
#include "user/agent/signal.h"
#include "user/lib/cleanup.h"

struct drop_signal;

/* Loads and attaches; names are needed only here. 0 or -errno, having logged why. */
int drop_signal_start(const struct signal_options *o, const struct drop_names *names,
		      struct drop_signal **ret);
void drop_signal_stop(struct drop_signal *s);
DEFINE_AUTO(drop_signal_stop, struct drop_signal *);

struct signal_maps drop_signal_maps(const struct drop_signal *s);
uint64_t drop_signal_missed(const struct drop_signal *s);
int drop_signal_choices(const struct drop_signal *s, struct signal_choice *to, int max);

#endif
