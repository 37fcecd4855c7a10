/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* An endpoint called without a server: arguments in, parsed JSON out. */
#ifndef WT_API_FIXTURE_H
#define WT_API_FIXTURE_H

#include <jansson.h>

#include "tests/user/collector/collector_fixture.h"
#include "user/collector/api.h"

/* req->impl is "name=value&name=value". */
static inline const char *fixture_arg(const struct api_request *req, const char *name)
{
	static char values[4][64];
	static int next;
	const char *at = req->impl;
	size_t len = strlen(name);

	for (; at && *at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL) {
		if (!strncmp(at, name, len) && at[len] == '=') {
			char *value = values[next++ % 4];

			snprintf(value, 64, "%.*s", (int)strcspn(at + len + 1, "&"), at + len + 1);
			return value;
		}
	}
	return NULL;
}

/* The reply's status and its body as JSON (the caller's). */
static inline unsigned int call(api_endpoint *endpoint, struct store *s, const char *args,
				json_t **ret)
{
	struct api_request req = { fixture_arg, s, NULL, NOW, (void *)args };
	struct api_reply reply = {};

	cr_assert(store_reader_open(s, &req.reader) == 0);
	cr_assert(store_reader_begin(req.reader) == 0);
	cr_assert(endpoint(&req, &reply) == 0, "%s", args);
	store_reader_close(req.reader);
	*ret = json_loadb(reply.body, reply.body_len, 0, NULL);
	cr_assert(*ret != NULL, "not JSON: %s", reply.body);
	free(reply.body);
	return reply.status;
}

/* A number by its path: "rows.0.seen.packets". */
static inline json_int_t number_at(json_t *root, const char *path)
{
	char copy[128], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *key = strtok_r(copy, ".", &save); key; key = strtok_r(NULL, ".", &save))
		root = json_is_array(root) ? json_array_get(root, (size_t)atoi(key))
					   : json_object_get(root, key);
	cr_assert(json_is_number(root), "no number at %s", path);
	return json_integer_value(root);
}

#endif
