// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What all endpoints share: ranges and errors. */
#include "user/collector/api.h"

#include "tests/user/collector/api_fixture.h"

#define SECOND INT64_C(1000000)

Test(api, reads_ranges)
{
	static const struct {
		const char *args;
		int64_t from_us, to_us; /* to 0: refused */
		const char *parameter;
	} cases[] = {
		{ "", NOW - 3600 * SECOND, NOW, NULL },
		{ "last=10", NOW - 10 * SECOND, NOW, NULL },
		{ "last=15m", NOW - 900 * SECOND, NOW, NULL },
		{ "last=all", 0, INT64_MAX, NULL },
		{ "last=100000w", 0, NOW, NULL },
		{ "from=1700000000000000&to=1700000001000000", 1700000000000000, 1700000001000000,
		  NULL },
		{ "from=2023-11-14T22:13:20Z&to=2023-11-14T22:13:20.5Z", 1700000000000000,
		  1700000000500000, NULL },
		{ "from=-2h", NOW - 7200 * SECOND, NOW, NULL },
		{ "to=1700000000000000", 1699996400000000, 1700000000000000, NULL },
		{ "last=", 0, 0, "last" },
		{ "last=soon", 0, 0, "last" },
		{ "last=-5", 0, 0, "last" },
		{ "last=ALL", 0, 0, "last" },
		{ "last=5&from=3", 0, 0, "last" },
		{ "last=5&to=3", 0, 0, "last" },
		{ "from=yesterdayish", 0, 0, "from" },
		{ "to=2023-99-99", 0, 0, "to" },
		{ "from=1700000001000000&to=1700000000000000", 0, 0, "from" },
		{ "from=1700000000000000&to=1700000000000000", 0, 0, "from" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct api_request req = { fixture_arg, NULL, NULL, NOW, (void *)cases[i].args };
		struct api_reply reply = {};
		int64_t from_us = -1, to_us = -1;
		int err = api_range(&req, &reply, &from_us, &to_us);

		cr_expect(err == !cases[i].to_us, "'%s': %d", cases[i].args, err);
		if (!err) {
			cr_expect(from_us == cases[i].from_us && to_us == cases[i].to_us,
				  "'%s': %lld to %lld", cases[i].args, (long long)from_us,
				  (long long)to_us);
		} else {
			cr_expect(reply.status == 400 && strstr(reply.body, cases[i].parameter),
				  "'%s': %s", cases[i].args, reply.body);
		}
		free(reply.body);
	}
}

Test(api, makes_errors_one_way)
{
	static const struct {
		const char *name, *parameter, *message, *want;
		long position;
	} cases[] = {
		{ "plain", NULL, "no", "{\"error\":{\"message\":\"no\"}}", -1 },
		{ "with a place", "filter", "no",
		  "{\"error\":{\"message\":\"no\",\"parameter\":\"filter\",\"position\":0}}", 0 },
		{ "quotes", NULL, "a \"b\" \\ \n",
		  "{\"error\":{\"message\":\"a \\\"b\\\" \\\\ \\n\"}}", -1 },
		{ "not UTF-8", NULL, "\xff\xfe", "{\"error\":{\"message\":\"bad request\"}}", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct api_reply reply = {};

		cr_assert(api_error(&reply, 400, cases[i].parameter, cases[i].position, "%s",
				    cases[i].message) == 0);
		cr_expect(!strcmp(reply.body, cases[i].want), "%s: %s", cases[i].name, reply.body);
		cr_expect(reply.status == 400 && reply.body_len == strlen(reply.body));
		free(reply.body);
	}
}
