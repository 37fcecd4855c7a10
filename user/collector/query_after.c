// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* after= in, the rows that came since as SQL and the next cursor out. */
#include "user/collector/query_after.h"

#include <errno.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/lib/cleanup.h"

int query_after_parse(const struct api_request *req, struct api_reply *reply,
		      enum store_series series, struct query_after *ret)
{
	const char *text = req->arg(req, "after");
	struct query_after after = { .is_given = text != NULL };
	struct store_cursor now, cursor;
	int err = store_cursor_now(req->reader, series, &now);

	if (err)
		return err;
	cursor = now;
	if (text && strcmp(text, "now") && store_cursor_parse(text, &cursor)) {
		err = api_error(reply, 400, "after", -1,
				"after is neither now nor a reply's cursor");
		return err < 0 ? err : 1;
	}
	if (text)
		err = store_cursor_source(req->reader, series, &cursor, &after.source);
	if (err == -ESTALE) {
		err = api_error(reply, 410, "after", -1,
				"the cursor is from before an hour that is sealed now: begin anew");
		return err < 0 ? err : 1;
	}
	if (err)
		return err;
	store_cursor_format(&now, after.cursor);
	*ret = after;
	return 0;
}

int query_after_range(const struct api_request *req, struct api_reply *reply,
		      const struct query_after *after, int64_t *from_us, int64_t *to_us)
{
	if (!after->is_given || req->arg(req, "last") || req->arg(req, "from") ||
	    req->arg(req, "to"))
		return api_range(req, reply, from_us, to_us);
	*from_us = 0;
	*to_us = INT64_MAX;
	return 0;
}
