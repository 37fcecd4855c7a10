/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The watched interfaces: which ones, their slots, their hooks; kept true to what the kernel has
 * while interfaces come and go.
 */
#ifndef WT_WATCH_H
#define WT_WATCH_H

#include "user/agent/attach.h"
#include "user/agent/config.h"
#include "user/agent/iface.h"
#include "user/agent/link.h"

/* A vanished interface's slot and its rows may still be in a half: kept for that many intervals. */
#define WATCH_LINGER_INTERVALS 3

struct watch {
	const struct config *config;
	const struct kernel *kernel;
	const struct pins *pins;
	struct tables *tables; /* the interfaces map is written here */
	enum hook_option hook;
	struct iface_list ifaces;
	struct attachment attachments[GEOMETRY_SLOTS_MAX];
	uint64_t gone_at[GEOMETRY_SLOTS_MAX]; /* interval + 1 when it vanished; 0 = it is there */
	uint64_t intervals;
	uint32_t failed[64]; /* interfaces not to be tried again, by ifindex */
	uint32_t failed_len;
	/* Told about every change of a slot. */
	void (*changed)(void *arg, const struct iface *iface);
	void *arg;
};

/* 0; -ENODEV (logged) when an interface named without a glob does not exist. */
int watch_check(const struct config *config);

/* Attaches what is new and wanted, notes what vanished. How many are watched, or -errno. */
int watch_update(struct watch *w);

/* The shipper closed an interval: slots that lingered long enough are free again. */
void watch_interval(struct watch *w, uint64_t intervals);

/* keep: leave hooks for the next agent to adopt. */
void watch_stop(struct watch *w, bool keep);

#endif
