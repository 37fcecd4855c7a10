// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

#include "user/cli/keys.h"
#include "user/lib/cleanup.h"
#include "user/lib/table.h"

/* The table of one row: keys in front of "n", then the measure. */
static void print(const char *text)
{
	json_t *row = json_loads(text, 0, NULL);
	AUTO(table_free) struct table *t = table_new(keys_count(row, "n") + 1);

	keys_titles(t, row, "n");
	table_column(t, "N", true);
	keys_cells(t, row, "n");
	table_cell(t, "1");
	cr_assert_eq(table_print(t, stdout, false), 0);
	fflush(stdout);
	json_decref(row);
}

Test(keys, members_in_front_of_the_measure, .init = cr_redirect_stdout)
{
	print("{\"dst\":\"10.0.0.2\",\"dst_port\":443,\"n\":1,\"octets\":5}");
	cr_assert_stdout_eq_str("DST       DST PORT  N\n10.0.0.2       443  1\n");
}

Test(keys, what_another_says_better_is_left_out, .init = cr_redirect_stdout)
{
	print("{\"proto\":6,\"proto_name\":\"tcp\",\"exporter\":\"\",\"agent\":\"a\",\"host\":\"h\","
	      "\"n\":1}");
	cr_assert_stdout_eq_str("PROTO  EXPORTER  N\ntcp    h         1\n");
}

Test(keys, alone_it_is_shown, .init = cr_redirect_stdout)
{
	print("{\"proto\":\"udp\",\"host\":\"h\",\"n\":1}");
	cr_assert_stdout_eq_str("PROTO  HOST  N\nudp    h     1\n");
}

Test(keys, unknown_and_hostile, .init = cr_redirect_stdout)
{
	print("{\"src\":null,\"process\":\"\\u001b[2J\",\"n\":1}");
	cr_assert_stdout_eq_str("SRC  PROCESS  N\n-    ?[2J     1\n");
}

Test(keys, of_no_row)
{
	cr_assert_eq(keys_count(NULL, "n"), 0);
}
