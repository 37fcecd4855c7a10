// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

#include "user/lib/cleanup.h"
#include "user/lib/table.h"

static char *printed(const struct table *t, bool colour)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	cr_assert_eq(table_print(t, out, colour), 0);
	fclose(out);
	return text;
}

Test(table, aligns_text_left_and_numbers_right)
{
	AUTO(table_free) struct table *t = table_new(3);
	AUTO_FREE char *text = NULL, *bold = NULL;

	table_column(t, "NAME", false);
	table_column(t, "N", true);
	table_column(t, "NOTE", false);
	table_cell(t, "é");
	table_cell(t, "1");
	table_cell(t, NULL);
	table_cell(t, "longer");
	table_cell(t, "1000");
	table_cell(t, "last is not padded");
	text = printed(t, false);
	cr_expect_str_eq(text, "NAME       N  NOTE\n"
			       "é          1  \n"
			       "longer  1000  last is not padded\n");
	bold = printed(t, true);
	cr_expect_eq(bold[0], '\033');
}

Test(table, does_not_let_names_steer_the_terminal)
{
	AUTO(table_free) struct table *t = table_new(1);
	AUTO_FREE char *text = NULL;

	table_column(t, "", false);
	table_cell(t, "a\033[2Jb\r\n\x7f\xc2\x9b"
		      "31m");
	text = printed(t, false);
	cr_expect_str_eq(text, "a?[2Jb?????31m\n", "%s", text);
}

/* Titles once; a column that got wide stays so. */
Test(table, goes_on_below_another, .init = cr_redirect_stdout)
{
	struct table_layout layout = { 0 };
	const char *const cells[] = { "long one", "x", "y" };

	for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
		AUTO(table_free) struct table *t = table_new(2);

		table_column(t, "A", false);
		table_column(t, "N", true);
		table_cell(t, cells[i]);
		table_cell(t, i == 2 ? "100" : "1");
		cr_assert_eq(table_print_on(t, stdout, false, &layout), 0);
	}
	fflush(stdout);
	cr_assert_stdout_eq_str("A         N\n"
				"long one  1\n"
				"x         1\n"
				"y         100\n");
}
