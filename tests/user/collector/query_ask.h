/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* An endpoint asked without a server: arguments from a query string, the reply as JSON or text. */
#ifndef WT_TEST_QUERY_ASK_H
#define WT_TEST_QUERY_ASK_H

#include <jansson.h>

#include "tests/user/collector/query_fixture.h"
#include "user/collector/api.h"

#define ASK_ARGS_MAX 16

struct ask {
	char *text; /* "by=src&n=5": no escapes */
	const char *names[ASK_ARGS_MAX], *values[ASK_ARGS_MAX];
	size_t len;
};

static inline const char *ask_arg(const struct api_request *req, const char *name)
{
	const struct ask *ask = req->impl;

	for (size_t i = 0; i < ask->len; i++) {
		if (!strcmp(ask->names[i], name))
			return ask->values[i];
	}
	return NULL;
}

static inline struct api_request ask_request(struct fixture *fx, struct ask *ask)
{
	return (struct api_request){ .arg = ask_arg,
				     .store = fx->store,
				     .reader = fx->reader,
				     .now_us = T0 + 60000000,
				     .impl = ask };
}

/* The reply's body, which the caller frees; *status is HTTP's. */
static inline char *ask_text(struct fixture *fx, api_endpoint *endpoint, const char *query,
			     unsigned int *status)
{
	struct ask ask = { .text = strdup(query) };
	struct api_request req = ask_request(fx, &ask);
	struct api_reply reply = { 0 };
	char *at = ask.text, *pair;

	while ((pair = strsep(&at, "&"))) {
		cr_assert_lt(ask.len, ASK_ARGS_MAX);
		ask.names[ask.len] = strsep(&pair, "=");
		ask.values[ask.len++] = pair ? pair : "";
	}
	cr_assert_eq(endpoint(&req, &reply), 0, "%s", query);
	cr_assert_not_null(reply.body, "%s", query);
	free(ask.text);
	*status = reply.status;
	return reply.body;
}

static inline json_t *ask_json(struct fixture *fx, api_endpoint *endpoint, const char *query)
{
	unsigned int status;
	char *text = ask_text(fx, endpoint, query, &status);
	json_error_t error;
	json_t *root = json_loads(text, 0, &error);

	cr_assert_eq(status, 200, "%s: %s", query, text);
	cr_assert_not_null(root, "%s: %s: %s", query, error.text, text);
	free(text);
	return root;
}

static inline json_int_t number_at(json_t *object, const char *name)
{
	json_t *n = json_object_get(object, name);

	cr_assert(json_is_integer(n), "no number '%s'", name);
	return json_integer_value(n);
}

#endif
