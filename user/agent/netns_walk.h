/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Every network namespace of this host: those of processes, and those under /run/netns. */
#ifndef WT_NETNS_WALK_H
#define WT_NETNS_WALK_H

#include <stdint.h>

#define NETNS_WALK_MAX 1024 /* namespaces a walk; what is beyond is not visited, and logged */

/* Runs inside the namespace (inode number netns), on a thread of the walk's own. 0 or -errno. */
typedef int netns_visit(void *arg, uint32_t netns);

/* 0 or -errno of the first that failed; the others are visited all the same. */
int netns_walk(netns_visit *visit, void *arg);

#endif
