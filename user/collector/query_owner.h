/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Whose a packet was: rows with a 5-tuple joined at query time with the connection they belong to,
 * of the same agent and network namespace. Every row comes out exactly once, whatever fits it.
 */
#ifndef WT_QUERY_OWNER_H
#define WT_QUERY_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/cleanup.h"

struct api_request;
struct sql_builder;

/* A connection may be over for as long, and the last packets of it still come. */
#define OWNER_SLACK_US 5000000
/* Reports of connections that count are this much around the range: they come once an interval. */
#define OWNER_REPORTS_US 60000000

struct owner_scope {
	int64_t from_us, to_us; /* of reports of connections */
	bool is_page; /* of few rows: connections are looked up by them, not all put together */
	char *source; /* owned: connections */
	char *sockets; /* owned: UDP sockets */
};

/* For rows that start in [from_us, to_us). 0 or -errno. */
int owner_scope_init(const struct api_request *req, int64_t from_us, int64_t to_us, bool is_page,
		     struct owner_scope *ret);
void owner_scope_done(struct owner_scope *scope);
static inline void owner_scope_done_auto(struct owner_scope *scope)
{
	owner_scope_done(scope);
}

/*
 * owner_begin() and owner_end() go around a subquery's "SELECT …": "(WITH … SELECT …)" of the same
 * rows. They need exporter_id, netns, proto, flags, start_us, end_us, src_hi … dst_port, and get
 *   n            UBIGINT   a number of their own
 *   joined       VARCHAR   "one"; "ambiguous": several fit, the best is taken; "none"
 *   process, cgroup VARCHAR, pid, srtt_us, retransmits, connect_us BIGINT; NULL where not known
 */
void owner_begin(struct sql_builder *b);
void owner_end(const struct owner_scope *scope, struct sql_builder *b);

#endif
