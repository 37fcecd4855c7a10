/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The kernel's counters as they were at the last sweep, and what they grew by that is not shipped
 * yet. In: values, sweep after sweep. Out: snapshots (host_page.h). The attacher's own.
 */
#ifndef WT_HOST_TABLE_H
#define WT_HOST_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/cleanup.h"

struct host_page;
struct host_table;

#define HOST_TABLE_MAX 8192 /* counters that ever moved; one more is left out, and that counted */
#define HOST_TABLE_LINGER 60 /* sweeps that one which is not there any more is remembered */
#define HOST_TABLE_LEFT_OUT "host_counts/left_out" /* gauge: counts that found no room */

/* Borrows page; a snapshot gets at most limit counts. 0 or -ENOMEM. */
int host_table_new(struct host_page *page, uint32_t limit, struct host_table **ret);
void host_table_free(struct host_table *t);
DEFINE_AUTO(host_table_free, struct host_table *);

/* A sweep; taken: the snapshot that the shipper shipped last. */
void host_table_begin(struct host_table *t, uint64_t taken);
bool host_table_is_first(const struct host_table *t); /* sweep: what counters had before */
void host_table_gauge(struct host_table *t, uint32_t netns, const char *name, uint64_t value);
/*
 * Names longer than a host count's are cut. tag: another one than last time is another counter of
 * the same name, which began at 0. from_zero: so did one that was not heard of before; else it is
 * counted from now on. A value below the last one began again at 0.
 */
void host_table_counter(struct host_table *t, uint32_t netns, uint32_t tag, const char *name,
			uint64_t value, bool from_zero);
void host_table_end(struct host_table *t);

#endif
