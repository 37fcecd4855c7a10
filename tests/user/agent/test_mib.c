// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Texts of /proc/net, whole and broken. */
#include "user/agent/mib.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static char said[1024];

static void note(void *arg, const char *name, uint64_t value)
{
	size_t len = strlen(said);

	snprintf(said + len, sizeof(said) - len, "%s=%lu ", name, (unsigned long)value);
}

struct text {
	const char *name;
	const char *text;
	const char *want;
};

static const struct text pairs[] = {
	{ "two groups",
	  "Tcp: RtoMin MaxConn OutSegs RetransSegs\nTcp: 200 -1 12 3\nUdp: NoPorts\nUdp: 4\n",
	  "tcp/segments_sent=12 tcp/retransmitted_segments=3 udp/no_ports=4 " },
	{ "same field, another group", "Udp: InErrors\nUdp: 1\nUdpLite: InErrors\nUdpLite: 2\n",
	  "udp/bad_datagrams=1 " },
	{ "largest", "Tcp: OutSegs\nTcp: 18446744073709551615\n",
	  "tcp/segments_sent=18446744073709551615 " },
	{ "too large", "Tcp: OutSegs\nTcp: 18446744073709551616\n", "" },
	{ "negative", "Tcp: OutSegs\nTcp: -1\n", "" },
	{ "hexadecimal", "Tcp: OutSegs\nTcp: 0x12\n", "" },
	{ "letters", "Tcp: OutSegs InSegs\nTcp: 12a 5\n", "tcp/segments_received=5 " },
	{ "fewer values", "Tcp: OutSegs RetransSegs\nTcp: 12\n", "tcp/segments_sent=12 " },
	{ "more values", "Tcp: OutSegs\nTcp: 12 13 14\n", "tcp/segments_sent=12 " },
	{ "another group's values", "Tcp: OutSegs\nUdp: 12\n", "" },
	{ "a longer group's values", "Tcp: OutSegs\nTcpExt: 12\n", "" },
	{ "no values", "Tcp: OutSegs\n", "" },
	{ "no end of line", "Tcp: OutSegs\nTcp: 12", "tcp/segments_sent=12 " },
	{ "no colon", "Tcp OutSegs\nTcp 12\n", "" },
	{ "colon alone", ": OutSegs\n: 12\n", "" },
	{ "longer than any number", "Tcp: OutSegs\nTcp: 0000000000000000000000000000001\n", "" },
	{ "empty lines", "\n\n\n", "" },
	{ "empty", "", "" },
};

Test(mib, pairs)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		*said = '\0';
		mib_parse_pairs(pairs[i].text, note, NULL);
		cr_expect_str_eq(said, pairs[i].want, "%s: '%s'", pairs[i].name, said);
	}
}

static const struct text lines[] = {
	{ "two", "Ip6InReceives  7\nUdp6RcvbufErrors                \t5\nIp6InDiscards 1\n",
	  "udp6/receive_buffer_drops=5 ip6/in_discards=1 " },
	{ "a field of snmp", "OutSegs 5\nNoPorts 5\n", "" },
	{ "no value", "Udp6NoPorts\n", "" },
	{ "bad value", "Udp6NoPorts x\n", "" },
	{ "empty", "", "" },
};

Test(mib, lines)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		*said = '\0';
		mib_parse_lines(lines[i].text, note, NULL);
		cr_expect_str_eq(said, lines[i].want, "%s: '%s'", lines[i].name, said);
	}
}

Test(mib, softnet)
{
	static const struct {
		const char *name;
		const char *text;
		size_t len;
		struct softnet want[2];
	} cases[] = {
		{ "with CPU numbers",
		  "1 2 3 0 0 0 0 0 0 0 0 0 00000000 0 0\n1 0000000a ffffffff 0 0 0 0 0 0 0 0 0 00000004 0 0\n",
		  2,
		  { { 0, 2, 3 }, { 4, 10, UINT32_MAX } } },
		{ "before there were any",
		  "1 2 3 0 0 0 0 0 0 0 0\n1 4 5 0 0 0 0 0 0 0 0\n",
		  2,
		  { { 0, 2, 3 }, { 1, 4, 5 } } },
		{ "too short", "1 2\n1 4 5\n", 1, { { 1, 4, 5 } } },
		{ "not numbers", "1 x 3\n", 0, { { 0 } } },
		{ "more than 32 bits", "1 100000000 3\n", 0, { { 0 } } },
		{ "empty", "", 0, { { 0 } } },
		{ "more CPUs than wanted",
		  "1 2 3\n4 5 6\n7 8 9\n",
		  2,
		  { { 0, 2, 3 }, { 1, 5, 6 } } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct softnet got[2] = { 0 };
		size_t len = softnet_parse(cases[i].text, got, 2);

		cr_expect_eq(len, cases[i].len, "%s: %zu", cases[i].name, len);
		cr_expect_arr_eq(got, cases[i].want, len * sizeof(got[0]), "%s", cases[i].name);
	}
}
