/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The kernel's own interface counters, as differences since the last interval was closed. */
#ifndef WT_IFSTATS_H
#define WT_IFSTATS_H

#include <stdint.h>

#include "user/agent/iface.h"
#include "user/agent/state.h"
#include "user/lib/cleanup.h"

struct ifstats;

int ifstats_open(struct ifstats **ret);
void ifstats_close(struct ifstats *s);
DEFINE_AUTO(ifstats_close, struct ifstats *);

/* One RTM_GETLINK dump. The first look at an interface is its baseline. */
int ifstats_look(struct ifstats *s, const struct iface_list *ifaces);

/* Adds what changed since ifstats_reset(), as of the last look, to a ledger's COUNT_KERNEL_*. */
void ifstats_add(const struct ifstats *s, uint32_t slot, struct agent_ledger *ledger);

void ifstats_reset(struct ifstats *s);

#endif
