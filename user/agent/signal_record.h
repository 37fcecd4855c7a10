/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Kernel rows of TCP and drops become records: names for numbers, wall clock for monotonic. */
#ifndef WT_SIGNAL_RECORD_H
#define WT_SIGNAL_RECORD_H

#include <stdint.h>

#include "kern/abi_signal.h"
#include "user/wire/signal.h"

struct cgroups;
struct drop_names;

void signal_record_connection(const struct wt_conn *from, struct cgroups *cgroups,
			      int64_t offset_ns, struct connection *to);
void signal_record_drop(const struct wt_drop *from, const struct drop_names *names,
			int64_t offset_ns, struct drop *to);

void signal_record_latency(const struct wt_latency *from, int64_t offset_ns, struct latency *to);

#endif
