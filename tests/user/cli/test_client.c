// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/client.h"
#include "user/lib/cleanup.h"

static const char *built(struct client_query *q)
{
	fflush(q->out);
	return q->text;
}

Test(client, arguments_are_escaped)
{
	AUTO(client_query_done) struct client_query q;

	cr_assert_eq(client_query_init(&q, "/v1/top"), 0);
	client_query_arg(&q, "filter", "ip 10.0.0.0/8 && !port=80#%");
	client_query_arg(&q, "empty", "");
	client_query_arg(&q, "none", NULL);
	client_query_number(&q, "n", 5);
	cr_expect_str_eq(built(&q),
			 "/v1/top?filter=ip%2010.0.0.0%2F8%20%26%26%20%21port%3D80%23%25&n=5");
}

Test(client, times_become_microseconds, .init = cr_redirect_stderr)
{
	static const struct {
		struct range_options range;
		int status;
		const char *want;
	} rows[] = {
		{ { NULL, NULL, NULL }, COMMAND_GO_ON, "/x" },
		{ { "5m", NULL, NULL }, COMMAND_GO_ON, "/x?last=5m" },
		{ { "all", NULL, NULL }, COMMAND_GO_ON, "/x?last=all" },
		{ { NULL, "@5", "2026-01-31T12:00:00Z" },
		  COMMAND_GO_ON,
		  "/x?from=0000000005000000&to=1769860800000000" },
		{ { "5m", "-1h", NULL }, EXIT_USAGE, NULL },
		{ { "ever", NULL, NULL }, EXIT_USAGE, NULL },
		{ { NULL, "noon", NULL }, EXIT_USAGE, NULL },
		{ { NULL, NULL, "noon" }, EXIT_USAGE, NULL },
		{ { NULL, "1969-01-01T00:00:00Z", NULL }, EXIT_USAGE, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(client_query_done) struct client_query q;

		cr_assert_eq(client_query_init(&q, "/x"), 0);
		cr_expect_eq(client_query_range(&q, &rows[i].range), rows[i].status, "row %zu", i);
		if (rows[i].want)
			cr_expect_str_eq(built(&q), rows[i].want, "row %zu: %s", i, built(&q));
	}
}

Test(client, url_from_option_environment_or_default)
{
	struct client_options options = { .url = NULL };

	unsetenv("WIRETALLY_URL");
	cr_expect_str_eq(client_url(&options), CLIENT_URL);
	setenv("WIRETALLY_URL", "http://other:1", 1);
	cr_expect_str_eq(client_url(&options), "http://other:1");
	options.url = "http://third:1";
	cr_expect_str_eq(client_url(&options), "http://third:1");
}

/* Nobody listens on port 1. */
Test(client, no_collector_is_said, .init = cr_redirect_stderr)
{
	struct client_options options = { .url = "http://127.0.0.1:1/" };
	AUTO(client_query_done) struct client_query q;
	AUTO_JSON json_t *root = NULL;

	cr_assert_eq(client_query_init(&q, "/v1/top"), 0);
	cr_expect_eq(client_get_json(&options, &q, &root), EXIT_FAILED);
	fflush(stderr);
	cr_assert_stderr_eq_str(
		"wiretally: no collector at http://127.0.0.1:1/: start one with `wiretally run`\n");
}
