/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What of a sink outlives its process: how many rows wait, and how many a transaction that is under
 * way is about to give, in a small mapped file. A start reads what the run before left: rows that
 * are in the store and were not sent.
 */
#ifndef WT_SINK_STATE_H
#define WT_SINK_STATE_H

#include <stdint.h>

struct sink_state;

/* A place in the segment log (user/collector/seglog.h). */
struct sink_place {
	uint64_t segment, bytes;
};

/*
 * DIR/sinks/<hash of the URL>, made when it is not there. *ret_left: rows that waited, and those
 * that were announced for a transaction which `stored` says was made. 0 or -errno.
 */
int sink_state_open(const char *dir, const char *url, const struct sink_place *stored,
		    struct sink_state **ret, uint64_t *ret_left);
void sink_state_close(struct sink_state *s); /* NULL is fine */

/* One thread at a time; NULL is fine. Each is one step that a kill finds done or not begun. */
void sink_state_announce(struct sink_state *s, uint64_t rows, const struct sink_place *end);
void sink_state_give(struct sink_state *s, uint64_t announced, uint64_t waiting);
void sink_state_wait(struct sink_state *s, uint64_t waiting);

#endif
