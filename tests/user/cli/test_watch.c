// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <curses.h>
#include <string.h>

#include "user/cli/watch.h"

static const char talkers[] =
	"{\"rows\":[{\"src\":\"10.0.0.1\",\"flows\":3,\"packets\":30,\"octets\":3000,"
	"\"first_us\":1000000,\"last_us\":2000000},"
	"{\"src\":\"10.0.0.2\",\"flows\":1,\"packets\":1,\"octets\":60,"
	"\"first_us\":1000000,\"last_us\":1000000}]}";

static void answer(struct watch *w, const char *json)
{
	json_t *root = json_loads(json, 0, NULL);

	cr_assert(root);
	cr_assert(watch_take(w, root) == 0);
}

static void type(struct watch *w, const char *text)
{
	for (; *text; text++)
		watch_key(w, (unsigned char)*text);
}

Test(watch, rows_become_lines_with_rates)
{
	struct watch w = { .error = { .position = -1 } };

	answer(&w, talkers);
	cr_assert(watch_rows(&w) == 2);
	cr_expect(strstr(w.lines[0], "BIT/s"), "%s", w.lines[0]);
	cr_expect(strstr(w.lines[1], "10.0.0.1") && strstr(w.lines[1], "24000"), "%s", w.lines[1]);
	answer(&w, "{\"rows\":[]}");
	cr_expect(watch_rows(&w) == 0);
	watch_done(&w);
}

Test(watch, enter_narrows_and_escape_goes_back)
{
	struct watch w = { .error = { .position = -1 } };

	answer(&w, talkers);
	watch_key(&w, KEY_DOWN);
	watch_key(&w, KEY_DOWN);
	cr_expect(w.at.selected == 1, "not beyond the last");
	cr_expect(watch_key(&w, '\r'), "something else is asked");
	cr_expect(w.at.view == WATCH_CONVERSATIONS);
	cr_expect_str_eq(w.at.filter, "ip 10.0.0.2");
	cr_expect(!watch_key(&w, '\r'), "the answer on the screen is another view's");
	cr_expect(watch_key(&w, 27));
	cr_expect(w.at.view == WATCH_TALKERS && w.at.selected == 1 && !*w.at.filter);
	cr_expect(!watch_key(&w, 27), "there is nothing behind the first");
	watch_done(&w);
}

Test(watch, a_filter_of_ones_own_goes_in_brackets_and_stays)
{
	struct watch w = { .error = { .position = -1 } };

	answer(&w, talkers);
	type(&w, "/proto tcp or udp\r");
	cr_expect_str_eq(w.at.filter, "proto tcp or udp");
	cr_expect(watch_key(&w, '\r'));
	cr_expect_str_eq(w.at.filter, "(proto tcp or udp) and ip 10.0.0.1");
	cr_expect(watch_key(&w, '4'));
	cr_expect(w.at.view == WATCH_TCP && w.back_len == 0);
	cr_expect_str_eq(w.at.filter, "proto tcp or udp");
	watch_done(&w);
}

Test(watch, whole_characters_are_taken_back)
{
	struct watch w = { 0 };

	type(&w, "/a\xc3\xa9");
	watch_key(&w, KEY_BACKSPACE);
	cr_expect_str_eq(w.edit, "a");
	watch_key(&w, 127);
	watch_key(&w, 127);
	cr_expect_str_eq(w.edit, "");
	watch_key(&w, KEY_RESIZE);
	cr_expect(w.is_editing);
	watch_key(&w, 27);
	cr_expect(!w.is_editing && !*w.at.filter);
}

Test(watch, no_filter_grows_too_long)
{
	struct watch w = { .error = { .position = -1 } };

	watch_key(&w, '/');
	for (int i = 0; i < 2 * WATCH_FILTER_MAX; i++)
		watch_key(&w, 'x');
	cr_expect(strlen(w.edit) == WATCH_FILTER_MAX - 1);
	watch_key(&w, '\r');
	answer(&w, talkers);
	cr_expect(!watch_key(&w, '\r'), "the row's words would not fit");
	cr_expect(w.back_len == 0);
	watch_done(&w);
}

Test(watch, names_with_quotes_are_narrowed_by_what_is_before)
{
	struct watch w = { .at.view = WATCH_PROCESSES, .error = { .position = -1 } };

	answer(&w, "{\"rows\":[{\"process\":\"it's\",\"flows\":1,\"packets\":1,\"octets\":1},"
		   "{\"process\":\"'\",\"flows\":1,\"packets\":1,\"octets\":1}]}");
	cr_expect(watch_key(&w, '\r'));
	cr_expect_str_eq(w.at.filter, "process 'it*'");
	watch_key(&w, 27);
	answer(&w, "{\"rows\":[{\"process\":\"'\",\"flows\":1,\"packets\":1,\"octets\":1}]}");
	cr_expect(!watch_key(&w, '\r'), "nothing can be said of it");
	watch_done(&w);
}

Test(watch, sorting_and_time_have_ends)
{
	struct watch w = { 0 };
	size_t n = 0;

	while (watch_key(&w, 't'))
		n++;
	cr_expect_str_eq(watch_lasts[w.last], "all");
	cr_expect(n == 7);
	for (int i = 0; i < 5; i++)
		cr_expect(watch_key(&w, 's'));
	cr_expect(w.orders[WATCH_TALKERS] == 0, "around");
	watch_key(&w, '5');
	cr_expect(!watch_key(&w, 's'), "drops have one order");
	watch_key(&w, 'q');
	cr_expect(w.is_done);
}
