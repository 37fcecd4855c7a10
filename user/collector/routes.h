/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the server answers: a row for each path. An endpoint is a function and a row. */
#ifndef WT_ROUTES_H
#define WT_ROUTES_H

#include <stdbool.h>

#include "user/collector/api.h"

struct route {
	const char *path;
	api_endpoint *get; /* NULL: this path takes batches, by POST */
	bool needs_reader; /* of the store */
	const char *help;
	bool is_long; /* one at a time, and it may take SERVER_LONG_S */
	bool is_live; /* a stream that ends when the asker goes: live.c; get is not called */
};

/* NULL when there is no such path. */
const struct route *route_find(const char *path);

/* "GET, HEAD" or "POST": what a 405 says in Allow. */
const char *route_methods(const struct route *r);

#endif
