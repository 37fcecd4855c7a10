/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What a sink takes of a batch, copied: the piece that its queue is made of. */
#ifndef WT_SINK_CHUNK_H
#define WT_SINK_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/sinks/sink.h"
#include "user/sinks/sink_kind.h"

struct sink_takes {
	bool flows; /* those that count */
	bool all_flows; /* every observation */
	bool ip_only; /* of those that count */
	bool connections, drops;
};

/* How many of a batch. */
struct sink_share {
	size_t flows, connections, drops;
};

struct sink_chunk {
	struct sink_chunk *next;
	int64_t given_ns;
	struct sink_rows rows; /* which points into what follows */
	struct watched_interface interfaces[SINK_INTERFACES_MAX];
};

struct sink_share sink_share_of(const struct sink_takes *takes, const struct batch *b);

static inline uint64_t sink_share_rows(const struct sink_share *share)
{
	return share->flows + share->connections + share->drops;
}

/* The share that was counted before. One allocation, for free(); NULL: no memory. */
struct sink_chunk *sink_chunk_make(const struct sink_takes *takes, const struct batch *b,
				   const struct sink_names *names, const struct sink_share *share);

#endif
