// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/sinks/sink_url.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "user/lib/cleanup.h"
#include "user/sinks/sink.h"
#include "user/sinks/sink_kinds.h"

Test(sink_url, is_taken_apart)
{
	static const struct {
		const char *rest, *authority, *path;
		size_t options;
	} cases[] = {
		{ "//h:1", "h:1", "", 0 },
		{ "//h:1/a/b", "h:1", "/a/b", 0 },
		{ "//h:1/a?x=1&y", "h:1", "/a", 2 },
		{ "///var/f", "", "/var/f", 0 },
		{ "/var/f?a=/b", "", "/var/f", 1 },
		{ "-", "", "-", 0 },
		{ "", "", "", 0 },
		{ "//", "", "", 0 },
		{ "//[::1]:9?", "[::1]:9", "", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sink_url url;

		cr_assert(sink_url_parse(cases[i].rest, &url) == 0, "%s", cases[i].rest);
		cr_expect_str_eq(url.authority, cases[i].authority, "%s", cases[i].rest);
		cr_expect_str_eq(url.path, cases[i].path, "%s", cases[i].rest);
		cr_expect(url.options_len == cases[i].options, "%s", cases[i].rest);
	}
}

Test(sink_url, has_bounds)
{
	char text[SINK_URL_MAX + 1];
	struct sink_url url;

	memset(text, 'a', SINK_URL_MAX);
	text[SINK_URL_MAX] = '\0';
	cr_expect(sink_url_parse(text, &url) == -EINVAL);
	text[SINK_URL_MAX - 1] = '\0';
	cr_expect(sink_url_parse(text, &url) == 0);
	cr_expect(sink_url_parse("?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p", &url) == 0);
	cr_expect(sink_url_parse("?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q", &url) == -EINVAL);
}

Test(sink_url, host_and_port)
{
	static const struct {
		const char *rest, *host, *port;
	} cases[] = {
		{ "//h:1", "h", "1" },	 { "//[2001:db8::1]:4739", "2001:db8::1", "4739" },
		{ "//h", NULL, NULL },	 { "//h:", NULL, NULL },
		{ "//h:0", NULL, NULL }, { "//h:65536", NULL, NULL },
		{ "//:1", NULL, NULL },	 { "//h:1k", NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *host = NULL, *port = NULL;
		struct sink_url url;
		int err;

		cr_assert(sink_url_parse(cases[i].rest, &url) == 0);
		err = sink_url_host(&url, &host, &port);
		cr_assert(err == (cases[i].host ? 0 : -EINVAL), "%s: %d", cases[i].rest, err);
		if (err)
			continue;
		cr_expect_str_eq(host, cases[i].host);
		cr_expect_str_eq(port, cases[i].port);
	}
}

Test(sink_url, options_are_used_once_or_named)
{
	struct sink_url url;
	uint64_t n = 7;

	cr_assert(sink_url_parse("//h:1?rate=5k&x=y&flag", &url) == 0);
	cr_expect(sink_url_number(&url, "rate", 1, 10000, &n) == 0 && n == 5000);
	cr_expect(sink_url_number(&url, "rate", 1, 10, &n) == -EINVAL);
	cr_expect(sink_url_number(&url, "none", 1, 10, &n) == 0 && n == 5000);
	cr_expect_str_eq(sink_url_option(&url, "flag"), "");
	cr_expect_str_eq(sink_url_unused(&url), "x");
	sink_url_option(&url, "x");
	cr_expect_null(sink_url_unused(&url));
}

Test(sink_url, sinks_say_what_they_want)
{
	static const struct {
		const char *url;
		bool is_good;
	} cases[] = {
		{ "file:-", true },
		{ "file:/tmp/x?format=protobuf&rotate=1M&keep=3&all=1", true },
		{ "file:x", false },
		{ "file://host/x", false },
		{ "file:/x?format=xml", false },
		{ "file:/x?rotate=1K", false },
		{ "file:/x?speed=1", false },
		{ "ipfix://h:1/path", false },
#ifdef WT_HAVE_KAFKA
		{ "kafka://h:1,i:2/topic?compression=zstd&format=json", true },
		{ "kafka://h:1/topic?compression=none-such", false },
		{ "kafka://h:1/topic?conf-file=/none-such", false },
		{ "kafka://h:1", false },
		{ "kafka:///topic", false },
#endif
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sink *s = NULL;
		const char *why = NULL;
		int err = sink_new(&sink_kinds_all, cases[i].url, &s, &why);

		cr_expect((err == 0) == cases[i].is_good, "'%s': %d", cases[i].url, err);
		cr_expect(cases[i].is_good || (why && *why), "'%s' says why", cases[i].url);
		sink_stop(s);
	}
}
