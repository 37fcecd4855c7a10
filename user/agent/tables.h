/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The maps as memory: what the shipper reads and zeroes without any bpf() call. */
#ifndef WT_TABLES_H
#define WT_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "kern/abi.h"
#include "user/agent/geometry.h"
#include "user/agent/state.h"
#include "user/lib/cleanup.h"

/* Every map of ours. The mmapped ones come first. */
enum table_map {
	MAP_FLOW_TABLE,
	MAP_FLOW_TAGS,
	MAP_FLOW_LANES,
	MAP_FLOW_HEADS,
	MAP_LEDGERS,
	MAP_INTERFACES,
	MAP_CONTROLS,
	MAP_SPOOL,
	MAP_STATE,
	MAPS_MMAPPED,
	MAP_CIDRS = MAPS_MMAPPED,
	MAP_GRACE, /* array of maps: updating it waits for a grace period */
	MAPS,
};

extern const char *const table_map_names[MAPS]; /* as pinned */

struct tables {
	struct geometry geometry;
	struct wt_flow *table; /* [row][epoch][set][way] */
	struct wt_tags *tags; /* [row][epoch][set] */
	struct wt_flow *lanes; /* [row][index & mask] */
	struct wt_lane_head *heads;
	struct wt_ledger *ledgers; /* [cpu][epoch][slot][point] */
	struct wt_if *interfaces;
	struct wt_control *control;
	uint8_t *spool;
	struct state *state;
	void *mapped[MAPS_MMAPPED];
	size_t mapped_bytes[MAPS_MMAPPED];
};

/*
 * Maps all of fds[] (borrowed). With geometry NULL it is read from the state map, after checking
 * that the state is this ABI's. 0; -EPROTO for a state of another ABI; -errno.
 */
int tables_open(const int fds[MAPS], const struct geometry *geometry, struct tables **ret);
void tables_free(struct tables *t);
DEFINE_AUTO(tables_free, struct tables *);

/* Both ways of one set. */
struct wt_flow *tables_set(const struct tables *t, uint32_t row, uint32_t epoch, uint32_t set);
/* Rows and tags of the sets [from, to) of all CPUs are free again. Of an idle half only. */
void tables_zero(struct tables *t, uint32_t epoch, uint32_t from, uint32_t to);
struct wt_ledger *tables_ledger(const struct tables *t, uint32_t cpu, uint32_t epoch, uint32_t slot,
				uint32_t point);
/* NULL when the programs do not know this interface. */
struct wt_if *tables_interface(const struct tables *t, uint32_t ifindex);

#endif
