// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/lib/config_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

struct settings {
	const char *name, *word, *file;
	struct option_list list;
	uint64_t size;
	bool flag, secret;
};

#define AT(field) offsetof(struct settings, field)
static const struct option_row rows[] = {
	{ "config", 'c', OPTION_TEXT, AT(file), "FILE", .only_argv = true },
	{ "name", 'n', OPTION_TEXT, AT(name), "TEXT", "none" },
	{ "word", 0, OPTION_CHOICE, AT(word), "WORD", "a", .choices = "a|b" },
	{ "list", 'l', OPTION_LIST, AT(list), "TEXT", "first" },
	{ "size", 0, OPTION_BYTES, AT(size), "SIZE", "1M", .max = 1u << 30 },
	{ "flag", 0, OPTION_FLAG, AT(flag) },
	{ "secret", 0, OPTION_FLAG, AT(secret), .only_argv = true },
};

static int read_text(const char *text, struct settings *s, struct option_error *error)
{
	FILE *f = fmemopen((char *)text, strlen(text), "r");
	int err;

	memset(s, 0, sizeof(*s));
	options_init(rows, ARRAY_LEN(rows), s);
	cr_assert_not_null(f);
	err = config_file_read(f, "f.yaml", rows, ARRAY_LEN(rows), s, error);
	fclose(f);
	return err;
}

Test(config_file, sets_every_kind)
{
	struct option_error error;
	struct settings s;

	cr_assert(
		read_text(
			"# comment\nname: a text\nword: b\nlist: [x, 'y z']\nsize: 2M\nflag: yes\n",
			&s, &error) == 0,
		"%s", error.message);
	cr_expect_str_eq(s.name, "a text");
	cr_expect_str_eq(s.word, "b");
	cr_expect(s.list.len == 2 && s.size == 2u << 20 && s.flag);
	cr_expect_str_eq(s.list.values[1], "y z");
}

Test(config_file, joins_what_is_one_text)
{
	struct option_error error;
	struct settings s;

	cr_assert(read_text("name: { raw: 6h, minute: 7d }\n", &s, &error) == 0);
	cr_expect_str_eq(s.name, "raw=6h,minute=7d");
	cr_assert(read_text("name:\n  - a:1\n  - b:2\n", &s, &error) == 0);
	cr_expect_str_eq(s.name, "a:1,b:2");
	cr_assert(read_text("list: one\n", &s, &error) == 0);
	cr_expect(s.list.len == 1);
	cr_expect_str_eq(s.list.values[0], "one");
}

Test(config_file, says_where_it_is_wrong)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "\nnam: x\n", "f.yaml:2:1: unknown option 'nam'; did you mean 'name'?" },
		{ "secret: yes\n", "f.yaml:1:1: unknown option 'secret'" },
		{ "config: x\n", "f.yaml:1:1: unknown option 'config'" },
		{ "word: c\n", "f.yaml:1:7: word: 'c' is not one of a|b" },
		{ "size:\n  3G\n", "f.yaml:2:3: size: '3G' is not from" },
		{ "size: [1M]\n", "f.yaml:1:7: 'size' is one value" },
		{ "list: {a: b}\n", "f.yaml:1:7: 'list' is one value" },
		{ "name: [[a]]\n", "f.yaml:1:8: 'name' is no list of lists" },
		{ "name: a\nname: b\n", "f.yaml:2:1: 'name' is given twice" },
		{ "name:\nflag: yes\n", "'name' needs a value" },
		{ "name: |\n  a\n  b\n", "a value is one line" },
		{ "- name\n", "f.yaml:1:1: want lines 'option: value'" },
		{ "name\n", "want lines" },
		{ "name: 'a\n", "f.yaml:2:1: found unexpected end of stream" },
		{ "name: *a\n", "'name' needs a value" },
		{ "? [a]\n: b\n", "want the name of an option" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct option_error error = { "" };
		struct settings s;

		cr_expect(read_text(cases[i].text, &s, &error) == -EINVAL, "%s", cases[i].text);
		cr_expect(strstr(error.message, cases[i].want), "%s: %s", cases[i].text,
			  error.message);
	}
}

Test(config_file, takes_nothing_for_nothing)
{
	struct option_error error;
	struct settings s;

	cr_expect(read_text("# nothing\n", &s, &error) == 0);
	cr_expect(read_text("---\n", &s, &error) == 0);
	cr_expect_str_eq(s.name, "none");
}

Test(config_file, has_a_bound_on_values)
{
	struct option_error error;
	struct settings s;
	char *text = malloc(8000);

	memset(text, 'x', 7999);
	memcpy(text, "name: ", 6);
	text[7999] = '\0';
	cr_expect(read_text(text, &s, &error) == -EINVAL);
	cr_expect(strstr(error.message, "octets long"), "%s", error.message);
	free(text);
}

/* File over defaults, command line over the file; a list is replaced as a whole. */
Test(config_file, stands_between_defaults_and_the_command_line)
{
	char path[] = "/tmp/wiretally-config-XXXXXX";
	char *argv[] = { "p", "--size", "5M", "-c", path, "-l", "z", NULL };
	struct settings s = { 0 }, other = { 0 };
	struct option_error error;
	int fd = mkstemp(path), rest;
	static const char text[] = "size: 2M\nname: of the file\nlist: [x, y]\n";

	cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	cr_assert(options_parse_with_file(rows, ARRAY_LEN(rows), &s, 7, argv, &rest, &error) == 0,
		  "%s", error.message);
	cr_expect(s.size == 5u << 20 && s.list.len == 1);
	cr_expect_str_eq(s.name, "of the file");
	cr_expect_str_eq(s.word, "a");
	cr_assert(options_parse_with_file(rows, ARRAY_LEN(rows), &other, 5, argv, &rest, &error) ==
		  0);
	cr_expect(other.list.len == 2);
	unlink(path);
	cr_expect(options_parse_with_file(rows, ARRAY_LEN(rows), &s, 7, argv, &rest, &error) ==
		  -EINVAL);
	cr_expect(strstr(error.message, "No such file"), "%s", error.message);
}

static void note(void *arg, const struct option_row *row)
{
	strcat(arg, row->name);
	strcat(arg, " ");
}

Test(config_file, differences_are_told)
{
	struct option_error error;
	struct settings a, b;
	char names[64] = "";

	cr_assert(read_text("list: [x, y]\nname: n\n", &a, &error) == 0);
	cr_assert(read_text("list: [x, z]\nflag: on\nname: n\nsize: 3M\n", &b, &error) == 0);
	options_diff(rows, ARRAY_LEN(rows), &a, &b, note, names);
	cr_expect_str_eq(names, "list size flag ");
	*names = '\0';
	options_diff(rows, ARRAY_LEN(rows), &a, &a, note, names);
	cr_expect_str_eq(names, "");
}
