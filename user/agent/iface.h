/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The watched interfaces, by ledger slot. The attacher decides and tells the shipper by message
 * (struct iface); both keep a list. Slot 0 is "other": packets of interfaces not in the list.
 */
#ifndef WT_IFACE_H
#define WT_IFACE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "kern/abi.h"
#include "user/agent/geometry.h"
#include "user/wire/flow.h"

#define IFACE_REASON_MAX 160
#define IFACE_BEFORE_MAX 160

struct iface {
	uint32_t ifindex; /* 0: the slot is free */
	uint16_t slot;
	uint8_t link; /* enum wt_link */
	uint8_t flags; /* WT_IF_* */
	uint32_t watched; /* WT_WATCH_* */
	uint32_t netns;
	char name[IF_NAMESIZE];
	char hook[24]; /* "tcx", "clsact", "xdp+tcx", … */
	char reason[IFACE_REASON_MAX]; /* why this hook, what else there is */
	char before_us[IFACE_BEFORE_MAX]; /* programs that run before ours; "" = none */
};

struct iface_list {
	struct iface at[GEOMETRY_SLOTS_MAX]; /* index = slot */
};

/* As batches name them: those whose names are known. How many. */
size_t iface_list_watched(const struct iface_list *list,
			  struct watched_interface to[GEOMETRY_SLOTS_MAX]);

#endif
