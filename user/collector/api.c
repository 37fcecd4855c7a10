// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Replies and the arguments that all endpoints share. */
#include "user/collector/api.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/timespec.h"

#define DEFAULT_RANGE_US (INT64_C(3600) * 1000000)

int api_json(struct api_reply *reply, json_t *owned_root)
{
	char *text = owned_root ? json_dumps(owned_root, JSON_COMPACT) : NULL;

	json_decref(owned_root);
	if (!text)
		return -ENOMEM;
	if (!reply->status)
		reply->status = 200;
	reply->content_type = "application/json";
	reply->body = text;
	reply->body_len = strlen(text);
	return 0;
}

int api_error(struct api_reply *reply, unsigned int status, const char *parameter, long position,
	      const char *fmt, ...)
{
	char message[512];
	json_t *error, *text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	text = json_string(message);
	if (!text) /* it may quote what was asked, which need not be UTF-8 */
		text = json_string("bad request");
	error = json_pack("{s:o}", "message", text);
	if (parameter)
		json_object_set_new(error, "parameter", json_string(parameter));
	if (position >= 0)
		json_object_set_new(error, "position", json_integer(position));
	reply->status = status;
	return api_json(reply, json_pack("{s:o}", "error", error));
}

static int bad(struct api_reply *reply, const char *parameter, const char *text)
{
	int err = api_error(reply, 400, parameter, -1, "%s: '%.64s' is not a time or duration",
			    parameter, text);

	return err ? err : 1;
}

static int range_last(const struct api_request *req, struct api_reply *reply, const char *last,
		      int64_t *from_us, int64_t *to_us)
{
	int64_t back_us;

	if (!strcmp(last, "all")) {
		*from_us = 0;
		*to_us = INT64_MAX;
		return 0;
	}
	if (timespec_parse_duration(last, &back_us))
		return bad(reply, "last", last);
	*from_us = back_us < req->now_us ? req->now_us - back_us : 0;
	*to_us = req->now_us;
	return 0;
}

int api_range(const struct api_request *req, struct api_reply *reply, int64_t *from_us,
	      int64_t *to_us)
{
	const char *last = req->arg(req, "last");
	const char *from = req->arg(req, "from");
	const char *to = req->arg(req, "to");
	int64_t start = 0, end = req->now_us;

	if (last && (from || to)) {
		int err = api_error(reply, 400, "last", -1, "last goes alone, not with from or to");
		return err ? err : 1;
	}
	if (last)
		return range_last(req, reply, last, from_us, to_us);
	if (to && timespec_parse(to, req->now_us, &end))
		return bad(reply, "to", to);
	if (from && timespec_parse(from, req->now_us, &start))
		return bad(reply, "from", from);
	if (!from)
		start = end > DEFAULT_RANGE_US ? end - DEFAULT_RANGE_US : 0;
	if (start >= end) {
		int err = api_error(reply, 400, "from", -1,
				    "the range is empty: from is not before to");

		return err ? err : 1;
	}
	*from_us = start;
	*to_us = end;
	return 0;
}
