/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * after=: what has arrived since an earlier reply, whatever its own time is. Every reply has the
 * cursor to go on from; both are of one snapshot, so nothing comes twice and nothing is left out.
 */
#ifndef WT_QUERY_AFTER_H
#define WT_QUERY_AFTER_H

#include <stdbool.h>
#include <stdlib.h>

#include "user/collector/store_cursor.h"

struct api_request;
struct api_reply;

struct query_after {
	bool is_given;
	char *source; /* owned: the rows, as store_source(); NULL when not given */
	char cursor[STORE_CURSOR_MAX]; /* what this reply knows */
};

/* after=CURSOR, after=now (nothing yet) or none. 0; 1 when the reply is made (400); -errno. */
int query_after_parse(const struct api_request *req, struct api_reply *reply,
		      enum store_series series, struct query_after *ret);
static inline void query_after_done(struct query_after *after)
{
	free(after->source);
	after->source = NULL;
}

/* api_range(), and all of time when there is after= and no range. */
int query_after_range(const struct api_request *req, struct api_reply *reply,
		      const struct query_after *after, int64_t *from_us, int64_t *to_us);

#endif
