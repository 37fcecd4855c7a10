/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Where an agent's batches go besides the spool: its own sinks (--sink) and its own /metrics
 * (--metrics). Sinks are given what a commit (state.h) makes known, each row once:
 *
 *     add, add, …  ->  announce  ->  the commit becomes current  ->  give
 *
 * A kill before that store finds rows still in the tables, and they are given later; one after it
 * finds them announced, and the next start names them lost/not_sent (user/sinks/sink_state.h).
 */
#ifndef WT_OUTLET_H
#define WT_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include "user/agent/config.h"
#include "user/agent/iface.h"

struct batch;
struct metrics_http;

struct outlet {
	const struct iface_list *ifaces; /* borrowed */
	struct metrics_http *http; /* or NULL */
	bool has_sinks;
	bool is_open; /* a transaction of the sinks */
};

/* Whether c asks for anything of it. */
bool outlet_is_wanted(const struct config *c);
/*
 * Without privilege. next_sequence: of the commit that is current; is_resumed: it was made by an
 * agent or shipper before us. 0 or -errno.
 */
int outlet_start(struct outlet *o, const struct config *c, const char *agent,
		 uint64_t next_sequence, bool is_resumed);
/* Sinks deliver what they can. */
void outlet_stop(struct outlet *o);

/* The drain's thread. NULL is fine. */
void outlet_add(struct outlet *o, const struct batch *b);
void outlet_announce(struct outlet *o, uint64_t next_sequence);
void outlet_give(struct outlet *o);

#endif
