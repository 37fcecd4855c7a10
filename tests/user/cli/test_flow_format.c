// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Formats of one's own: which tags there are, and where what is none stands. */
#include "user/cli/flow_format.h"

#include <criterion/criterion.h>
#include <string.h>

#include "user/cli/columns.h"
#include "user/lib/cleanup.h"

Test(flow_format, text_and_tags_take_turns)
{
	struct flow_format f;
	const char *why;
	size_t at;

	cr_assert(flow_format_parse("%sa:%sap%sas 100%% x", &f, &why, &at) == 0);
	cr_assert(f.len == 5, "%zu parts", f.len);
	cr_expect_str_eq(f.parts[0].column->member, "src");
	cr_expect(f.parts[1].text_len == 1 && *f.parts[1].text == ':');
	cr_expect_str_eq(f.parts[1].column->with, "src_port", "the longer tag");
	cr_expect_str_eq(f.parts[2].column->member, "src_as");
	cr_expect(f.parts[3].text_len == 5 && !strncmp(f.parts[3].text, " 100%", 5));
	cr_expect(!f.parts[3].column && !f.parts[4].column);
	cr_expect(f.parts[4].text_len == 2);
	cr_assert(flow_format_parse("", &f, &why, &at) == 0 && f.len == 0);
}

Test(flow_format, what_is_no_tag_is_pointed_at)
{
	static const struct {
		const char *text;
		size_t at;
	} cases[] = { { "%zz", 0 }, { "abc %", 4 }, { "%ts %q", 4 }, { "%%%x", 2 } };
	char many[3 * FLOW_FORMAT_PARTS_MAX + 4] = "";
	struct flow_format f;
	const char *why;
	size_t at;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		cr_expect(flow_format_parse(cases[i].text, &f, &why, &at) != 0, "%s",
			  cases[i].text);
		cr_expect(at == cases[i].at, "%s: at %zu", cases[i].text, at);
	}
	for (size_t i = 0; i <= FLOW_FORMAT_PARTS_MAX; i++)
		strcat(many, "%ts");
	cr_expect(flow_format_parse(many, &f, &why, &at) != 0 && strstr(why, "too many"));
}

Test(flow_format, layouts_have_columns)
{
	size_t line = 0, wide = 0, none = 0;

	cr_expect(flow_format_columns("line", &line) && flow_format_columns("wide", &wide));
	cr_expect(line > 3 && wide > line);
	cr_expect(!flow_format_columns("huge", &none));
}
