// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "user/lib/cleanup.h"
#include "user/lib/options.h"

struct settings {
	bool inner;
	const char *data;
	struct option_list interfaces;
	uint64_t sample, memory;
	int64_t interval_us;
	const char *hook;
};

#define AT(field) offsetof(struct settings, field)
static const struct option_row rows[] = {
	{ "inner", 0, OPTION_FLAG, AT(inner), .help = "inner too" },
	{ "data", 'd', OPTION_TEXT, AT(data), "DIR", "/var/lib/x", .help = "where" },
	{ "interface", 'i', OPTION_LIST, AT(interfaces), "IF", .help = "what" },
	{ "sample", 0, OPTION_NUMBER, AT(sample), "N", "1", .min = 1, .max = 1000000,
	  .help = "1 of N" },
	{ "memory", 0, OPTION_BYTES, AT(memory), "SIZE", "64M", .min = 1 << 20, .help = "budget" },
	{ "interval", 0, OPTION_DURATION, AT(interval_us), "TIME", "5s", .min = 50000,
	  .max = 3600000000, .help = "harvest" },
	{ "hook", 0, OPTION_CHOICE, AT(hook), NULL, "auto", .choices = "auto|xdp|tc",
	  .help = "how" },
};

static int parse(struct settings *s, int *rest, struct option_error *e, char **argv)
{
	int argc = 0;

	memset(s, 0, sizeof(*s));
	while (argv[argc])
		argc++;
	return options_parse(rows, ARRAY_LEN(rows), s, argc, argv, rest, e);
}

#define PARSE(...) parse(&s, &rest, &e, (char *[]){ "x", __VA_ARGS__, NULL })

Test(options, defaults_come_from_the_rows)
{
	struct option_error e = { "" };
	struct settings s;
	int rest;

	cr_assert_eq(parse(&s, &rest, &e, (char *[]){ "x", NULL }), 0);
	cr_expect_not(s.inner);
	cr_expect_str_eq(s.data, "/var/lib/x");
	cr_expect_eq(s.interfaces.len, 0);
	cr_expect_eq(s.sample, 1);
	cr_expect_eq(s.memory, 64 << 20);
	cr_expect_eq(s.interval_us, 5000000);
	cr_expect_str_eq(s.hook, "auto");
	cr_expect_eq(rest, 1);
}

Test(options, values_in_every_place)
{
	struct option_error e = { "" };
	struct settings s;
	char *argv[] = { "x",	   "dst",      "--inner", "-i", "eth0",	      "port",
			 "-ieth1", "--memory", "128M",	  "80", "--hook=xdp", "--interval",
			 "50ms",   "--",       "--json",  NULL };
	int rest;

	cr_assert_eq(parse(&s, &rest, &e, argv), 0, "%s", e.message);
	cr_expect(s.inner);
	cr_expect_eq(s.interfaces.len, 2);
	cr_expect_str_eq(s.interfaces.values[1], "eth1");
	cr_expect_eq(s.memory, 128 << 20);
	cr_expect_eq(s.interval_us, 50000);
	cr_expect_str_eq(s.hook, "xdp");
	cr_assert_eq(15 - rest, 4);
	cr_expect_str_eq(argv[rest], "dst");
	cr_expect_str_eq(argv[14], "--json");
}

Test(options, refused_with_the_reason)
{
	struct option_error e;
	struct settings s;
	int rest;
	static struct {
		char *argv[4];
		const char *want;
	} cases[] = {
		{ { "x", "--memroy", "1M" },
		  "unknown option '--memroy'; did you mean '--memory'?" },
		{ { "x", "--zzz" }, "unknown option '--zzz'" },
		{ { "x", "-z" }, "unknown option '-z'" },
		{ { "x", "--memory" }, "--memory needs a value" },
		{ { "x", "--inner=5" }, "--inner takes no value" },
		{ { "x", "--memory", "much" }, "--memory: 'much' is not a size (like 64M)" },
		{ { "x", "--memory", "1K" }, "--memory: '1K' is not from 1.0 MiB to 8.0 EiB" },
		{ { "x", "--sample", "0" }, "--sample: '0' is not from 1 to 1000000" },
		{ { "x", "--sample", "x" }, "--sample: 'x' is not a number" },
		{ { "x", "--interval", "1ms" }, "--interval: '1ms' is not from 50 ms to 1h 0m" },
		{ { "x", "--interval", "5q" },
		  "--interval: '5q' is not a duration (like 5s, 1h30m)" },
		{ { "x", "--hook", "kprobe" }, "--hook: 'kprobe' is not one of auto|xdp|tc" },
		{ { "x", "--hook", "" }, "--hook: '' is not one of auto|xdp|tc" },
		{ { "x", "--hook", "xdp|tc" }, "--hook: 'xdp|tc' is not one of auto|xdp|tc" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		e.message[0] = '\0';
		cr_expect_eq(parse(&s, &rest, &e, cases[i].argv), -EINVAL, "%s", cases[i].want);
		cr_expect_str_eq(e.message, cases[i].want, "%s", e.message);
	}
}

Test(options, lists_have_a_limit)
{
	struct option_error e = { "" };
	struct settings s = { 0 };

	for (int i = 0; i < OPTION_LIST_MAX; i++)
		cr_assert_eq(options_set(rows, ARRAY_LEN(rows), &s, "interface", "eth0", &e), 0);
	cr_expect_eq(options_set(rows, ARRAY_LEN(rows), &s, "interface", "eth0", &e), -EINVAL);
	cr_expect_str_eq(e.message, "--interface: given more than 64 times");
}

Test(options, config_file_values)
{
	struct option_error e = { "" };
	struct settings s = { 0 };

	cr_expect_eq(options_set(rows, ARRAY_LEN(rows), &s, "inner", "yes", &e), 0);
	cr_expect(s.inner);
	cr_expect_eq(options_set(rows, ARRAY_LEN(rows), &s, "inner", "off", &e), 0);
	cr_expect_not(s.inner);
	cr_expect_eq(options_set(rows, ARRAY_LEN(rows), &s, "inner", "maybe", &e), -EINVAL);
	cr_expect_eq(options_set(rows, ARRAY_LEN(rows), &s, "outer", "yes", &e), -ENOENT);
}

Test(options, help_has_every_row)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	options_help(rows, ARRAY_LEN(rows), out);
	fclose(out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect(strstr(text, rows[i].name), "%s", rows[i].name);
	cr_expect(strstr(text, "  -i, --interface IF"), "%s", text);
	cr_expect(strstr(text, "budget (default 64M)"), "%s", text);
	free(text);
}
