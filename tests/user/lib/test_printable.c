// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>

#include "user/lib/cleanup.h"
#include "user/lib/printable.h"

Test(printable, control_characters_are_shown_as_question_marks)
{
	static struct {
		char text[32];
		const char *want;
	} rows[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "\033[31m", "?[31m" },
		{ "a\tb\r\n", "a?b??" },
		{ "\x7f", "?" },
		{ "gr\xc3\xbcn", "gr\xc3\xbcn" },
		{ "\xc2\x9b"
		  "31m",
		  "?\?31m" },
		{ "\xc2\xa0", "\xc2\xa0" },
		{ "\xc2", "\xc2" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect_str_eq(printable(rows[i].text), rows[i].want, "row %zu", i);
	cr_expect_null(printable(NULL));
}
