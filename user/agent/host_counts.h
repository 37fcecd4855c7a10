/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the host itself counts, once a sweep: sockets and MIBs of each network namespace; drops of
 * interfaces, queueing disciplines and softnet of the agent's. The attacher's own; out come
 * snapshots in the page. docs/protocol.md has the names.
 */
#ifndef WT_HOST_COUNTS_H
#define WT_HOST_COUNTS_H

#include <stdint.h>

#include "user/lib/cleanup.h"

struct host_counts;
struct host_page;
struct wt_sockets;

/* Borrows page; netns: the agent's. 0 or -errno. */
int host_counts_new(struct host_page *page, uint32_t limit, uint32_t netns,
		    struct host_counts **ret);
void host_counts_free(struct host_counts *h);
DEFINE_AUTO(host_counts_free, struct host_counts *);

/* taken: see host_page.h. Between begin and end: of each namespace, called inside it. */
void host_counts_begin(struct host_counts *h, uint64_t taken);
/* sockets: NULL when they could not be counted. */
void host_counts_netns(struct host_counts *h, uint32_t netns, const struct wt_sockets *sockets);
/* The agent's own namespace's devices, and the snapshot is there. */
void host_counts_end(struct host_counts *h);

#endif
