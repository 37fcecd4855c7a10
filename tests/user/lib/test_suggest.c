// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>

#include "user/lib/cleanup.h"
#include "user/lib/suggest.h"

Test(suggest, nearest_word_or_none)
{
	static const char *const words[] = { "proto", "port", "packets", "src", NULL, "in", "top" };
	static const struct {
		const char *word, *want;
	} rows[] = {
		{ "prot", "proto" },
		{ "porto", "port" },
		{ "prt", "port" },
		{ "packet", "packets" },
		{ "pakcets", "packets" },
		{ "SRC", "src" },
		{ "scr", "src" },
		{ "tpo", "top" },
		{ "zebra", NULL },
		{ "", NULL },
		{ "x", NULL },
		{ "qq", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *got = suggest_nearest(rows[i].word, words, ARRAY_LEN(words));

		if (rows[i].want)
			cr_assert_str_eq(got ? got : "(none)", rows[i].want, "%s: %s", rows[i].word,
					 got);
		else
			cr_assert_null(got, "%s: %s", rows[i].word, got);
	}
}
