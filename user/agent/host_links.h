/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What interfaces and their queueing disciplines dropped: rtnetlink in, named counts out. */
#ifndef WT_HOST_LINKS_H
#define WT_HOST_LINKS_H

#include <stdint.h>

struct host_links;
struct host_table;

#define HOST_LINKS_MAX 1024 /* interfaces; what is beyond is not counted, and logged */

/* Asks in the namespace it is opened in. 0 or -errno. */
int host_links_open(struct host_links **ret);
void host_links_close(struct host_links *l);

/* netns: the number of that namespace. */
void host_links_look(struct host_links *l, struct host_table *table, uint32_t netns);

#endif
