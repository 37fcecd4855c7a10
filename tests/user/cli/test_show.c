// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/show.h"
#include "user/lib/cleanup.h"

Test(show, people_get_units_and_programs_get_numbers)
{
	struct show human = { .is_human = true }, exact = { .is_human = false };
	char text[UNITS_TEXT_MAX];

	cr_expect_str_eq(show_count(&human, 1234567, text), "1.2 M");
	cr_expect_str_eq(show_bytes(&human, 1234567, text), "1.2 MiB");
	cr_expect_str_eq(show_count(&exact, 1234567, text), "1234567");
	cr_expect_str_eq(show_bytes(&exact, 1234567, text), "1234567");
	cr_expect_str_eq(show_count(&human, -5, text), "-5");
	cr_expect_str_eq(show_bytes(&human, -5, text), "-5");
}

Test(show, nothing_is_human_without_a_terminal, .init = cr_redirect_stdout)
{
	struct show show;

	show_init(&show, false);
	cr_expect_not(show.is_human);
	cr_expect_not(show.is_coloured);
}

Test(show, what_is_not_there_is_empty)
{
	json_t *row = json_pack("{s:s, s:s, s:i}", "agent", "a", "host", "", "n", 5);

	cr_expect_str_eq(show_text(row, "host"), "");
	cr_expect_str_eq(show_text(row, "nosuch"), "");
	cr_expect_str_eq(show_text(row, "n"), "");
	cr_expect_eq(show_int(row, "n"), 5);
	cr_expect_eq(show_int(row, "agent"), 0);
	cr_expect_eq(show_int(NULL, "n"), 0);
	cr_expect_str_eq(show_exporter(row), "a");
	json_object_set_new(row, "exporter", json_string("x.pcap"));
	cr_expect_str_eq(show_exporter(row), "x.pcap");
	json_decref(row);
}

Test(show, words_become_one_filter)
{
	AUTO_FREE char *text = show_join(3, (char *[]){ "dst", "port", "443" });

	cr_expect_str_eq(text, "dst port 443");
	cr_expect_null(show_join(0, NULL));
}

Test(show, lines_do_not_steer_the_terminal, .init = cr_redirect_stdout)
{
	show_line("a%sb", "\033]0;x\007\n\xc2\x9b");
	fflush(stdout);
	cr_assert_stdout_eq_str("a?]0;x????b\n");
}

Test(show, endpoints_times_and_latencies)
{
	json_t *row = json_pack("{s:s, s:i, s:s, s:s, s:i, s:i}", "a", "10.0.0.1", "p", 443, "b",
				"2001:db8::1", "none", "", "ns", 1234567, "zero", 0);
	struct show human = { .is_human = true }, exact = { .is_human = false };
	char text[SHOW_ENDPOINT_MAX];

	cr_expect_str_eq(show_endpoint(row, "a", "p", text), "10.0.0.1:443");
	cr_expect_str_eq(show_endpoint(row, "b", "p", text), "[2001:db8::1]:443");
	cr_expect_str_eq(show_endpoint(row, "b", "", text), "2001:db8::1");
	cr_expect_str_eq(show_endpoint(row, "none", "p", text), "-");
	cr_expect_str_eq(show_ms(row, "ns", 1e6, text), "1.235");
	cr_expect_str_eq(show_ms(row, "zero", 1e6, text), "-");
	cr_expect_str_eq(show_ms(row, "nosuch", 1e6, text), "-");
	cr_expect_str_eq(show_time(0, text), "-");
	cr_expect_eq(strlen(show_time(1, text)), 23);
	cr_expect_str_eq(show_duration(&human, 72000000, text), "1m 12s");
	cr_expect_str_eq(show_duration(&exact, 72000000, text), "72.000");
	json_decref(row);
}
