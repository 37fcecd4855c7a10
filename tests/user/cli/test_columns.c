// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

#include "user/cli/columns.h"
#include "user/cli/command.h"
#include "user/cli/show.h"
#include "user/lib/cleanup.h"

static void print(const char *rows_text, const struct column *columns, size_t len, bool has_keys)
{
	json_t *rows = json_loads(rows_text, 0, NULL);
	struct show show = { false, false };

	cr_assert_not_null(rows);
	cr_assert_eq(columns_print(&show, rows, columns, len, has_keys), EXIT_DONE);
	fflush(stdout);
	json_decref(rows);
}

Test(columns, every_kind_of_cell, .init = cr_redirect_stdout)
{
	static const struct column columns[] = {
		{ "N", "n", CELL_COUNT },
		{ "B", "n", CELL_BYTES },
		{ "NS", "ns", CELL_MS_OF_NS },
		{ "US", "us", CELL_MS_OF_US },
		{ "OF", "part", CELL_SHARE, "n" },
		{ "TEXT", "t", CELL_TEXT },
		{ "END", "a", CELL_ENDPOINT, "p" },
		{ "DUR", "us", CELL_DURATION, "start" },
		{ "OWNER", "comm", CELL_OWNER, "pid" },
	};

	print("[{\"n\":5000,\"ns\":1500000,\"us\":250,\"part\":50,\"t\":\"x\",\"a\":\"::1\",\"p\":80,"
	      "\"start\":1,\"comm\":\"curl\",\"pid\":7},{}]",
	      columns, ARRAY_LEN(columns), false);
	cr_assert_stdout_eq_str("   N     B     NS     US      OF  TEXT  END         DUR  OWNER\n"
				"5000  5000  1.500  0.250  1.00 %  x     [::1]:80  0.000  curl/7\n"
				"   -     0      -      -       -  -     -             -  -\n");
}

Test(columns, owners_are_known_in_part, .init = cr_redirect_stdout)
{
	static const struct column columns[] = { { "OWNER", "comm", CELL_OWNER, "pid" } };

	print("[{\"comm\":\"a\",\"pid\":null},{\"comm\":\"\",\"pid\":9},{\"comm\":\"\\u001b[2J\\n\","
	      "\"pid\":1}]",
	      columns, 1, false);
	cr_assert_stdout_eq_str("OWNER\na\n/9\n?[2J?/1\n");
}

Test(columns, of_flows, .init = cr_redirect_stdout)
{
	static const struct column columns[] = {
		{ "SPAN", "e", CELL_SPAN, "s" },
		{ "PROTO", "proto_name", CELL_PROTOCOL },
		{ "SRC", "src", CELL_ENDPOINT, "src_port" },
		{ "IF", "interface", CELL_INTERFACE },
		{ "BY", "exporter", CELL_EXPORTER },
		{ "OWNER", "process", CELL_OWNER, "pid" },
	};

	print("[{\"s\":1000000,\"e\":3500000,\"proto_name\":\"tcp\",\"src\":\"10.0.0.1\","
	      "\"src_port\":80,\"interface\":\"eth0\",\"direction\":\"egress\",\"exporter\":\"\","
	      "\"host\":\"h\",\"process\":\"a\",\"pid\":1,\"join\":\"ambiguous\"},"
	      "{\"proto_name\":\"icmp\",\"src\":\"10.0.0.1\",\"src_port\":8,\"dst_port\":0,"
	      "\"interface\":\"eth0\",\"direction\":\"ingress\",\"exporter\":\"f.pcap\","
	      "\"process\":null,\"join\":\"none\"},"
	      "{\"ethertype\":\"0x0806\",\"interface\":\"\\u001b\",\"join\":\"ambiguous\"}]",
	      columns, ARRAY_LEN(columns), false);
	cr_assert_stdout_eq_str(" SPAN  PROTO     SRC          IF        BY      OWNER\n"
				"2.500  tcp       10.0.0.1:80  eth0 out  h       a/1?\n"
				"0.000  icmp 8/0  10.0.0.1     eth0 in   f.pcap  -\n"
				"0.000  0x0806    -            ? in      -       -?\n");
}

Test(columns, keys_stand_in_front, .init = cr_redirect_stdout)
{
	static const struct column columns[] = { { "N", "n", CELL_COUNT } };

	print("[{\"dst\":\"10.0.0.1\",\"n\":1},{\"dst\":null,\"n\":22}]", columns, 1, true);
	cr_assert_stdout_eq_str("DST        N\n10.0.0.1   1\n-         22\n");
}
