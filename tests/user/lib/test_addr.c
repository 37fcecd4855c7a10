// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "user/lib/addr.h"
#include "user/lib/cleanup.h"

Test(addr, text_goes_both_ways)
{
	static const char *const rows[] = {
		"0.0.0.0", "10.0.0.1",	  "255.255.255.255", "::",
		"::1",	   "2001:db8::5", "fe80::1:2:3:4",
	};
	static const char *const bad[] = {
		"",	      "10.0.0",	     "10.0.0.256", "10.0.0.1 ",		"1.2.3.4.5",
		":::",	      "2001:db8::g", "eth0",	   "1:2:3:4:5:6:7:8:9", "010.0.0.1x",
		"10.0.0.1/8",
	};
	char text[ADDR_TEXT_MAX];
	uint8_t a[16], b[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_assert_eq(addr_parse(rows[i], a), 0, "%s", rows[i]);
		cr_assert_str_eq(addr_format(a, text), rows[i]);
		addr_from_halves(addr_hi(a), addr_lo(a), b);
		cr_assert_eq(memcmp(a, b, 16), 0, "%s", rows[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_assert_eq(addr_parse(bad[i], a), -EINVAL, "'%s' was taken", bad[i]);
}

Test(addr, v4_is_v4_mapped)
{
	uint8_t a[16];

	cr_assert_eq(addr_parse("10.0.0.1", a), 0);
	cr_assert(addr_is_v4(a));
	cr_assert_eq(addr_hi(a), 0);
	cr_assert_eq(addr_lo(a), 0xffff0a000001ULL);
	cr_assert_eq(addr_parse("::10.0.0.1", a), 0);
	cr_assert_not(addr_is_v4(a));
}

Test(addr, networks_are_ranges)
{
	static const struct {
		const char *text, *first, *last;
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0", "10.255.255.255" },
		{ "10.1.2.3/8", "10.0.0.0", "10.255.255.255" },
		{ "10.1.2.3/31", "10.1.2.2", "10.1.2.3" },
		{ "10.1.2.3/32", "10.1.2.3", "10.1.2.3" },
		{ "10.1.2.3", "10.1.2.3", "10.1.2.3" },
		{ "0.0.0.0/0", "0.0.0.0", "255.255.255.255" },
		{ "172.16/12", "172.16.0.0", "172.31.255.255" },
		{ "10/8", "10.0.0.0", "10.255.255.255" },
		{ "192.168.7/24", "192.168.7.0", "192.168.7.255" },
		{ "2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "2001:db8::1/65", "2001:db8::", "2001:db8::7fff:ffff:ffff:ffff" },
		{ "::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "::ffff:10.0.0.0/104", "10.0.0.0", "10.255.255.255" },
	};
	char text[ADDR_TEXT_MAX];
	uint8_t first[16], last[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_assert_eq(addr_net_parse(rows[i].text, first, last), 0, "%s", rows[i].text);
		cr_assert_str_eq(addr_format(first, text), rows[i].first, "%s: %s", rows[i].text,
				 text);
		cr_assert_str_eq(addr_format(last, text), rows[i].last, "%s: %s", rows[i].text,
				 text);
	}
}

Test(addr, networks_refused)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "10.0.0.0/33", -ERANGE },
		{ "::/129", -ERANGE },
		{ "10.0.0.0/", -EINVAL },
		{ "10.0.0.0/-1", -EINVAL },
		{ "10.0.0.0/8x", -EINVAL },
		{ "/8", -EINVAL },
		{ "10.0.0.0/ 8", -EINVAL },
		{ "10.0.0.0.0/8", -EINVAL },
		{ "", -EINVAL },
		{ "10..0/8", -EINVAL },
		{ "10", -EINVAL },
		{ "999/8", -EINVAL },
		{ "eth0/8", -EINVAL },
		{ "10.0.0.0/8/8", -EINVAL },
		{ "1.2/99999999999", -ERANGE },
		{ "0000000000000000000000000000000000000000000000000000/8", -EINVAL },
	};
	uint8_t first[16], last[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_assert_eq(addr_net_parse(rows[i].text, first, last), rows[i].want, "%s",
			     rows[i].text);
}

Test(addr, masks)
{
	static const struct {
		const char *addr, *mask;
		int want;
		const char *first, *last;
	} rows[] = {
		{ "10.1.2.3", "255.0.0.0", 0, "10.0.0.0", "10.255.255.255" },
		{ "10.1.2.3", "255.255.255.255", 0, "10.1.2.3", "10.1.2.3" },
		{ "10.1.2.3", "0.0.0.0", 0, "0.0.0.0", "255.255.255.255" },
		{ "10.1.2.3", "255.0.255.0", -EDOM, NULL, NULL },
		{ "10.1.2.3", "0.0.0.255", -EDOM, NULL, NULL },
		{ "10.1.2.3", "8", -EINVAL, NULL, NULL },
		{ "2001:db8::1", "255.0.0.0", -EINVAL, NULL, NULL },
	};
	char text[ADDR_TEXT_MAX];
	uint8_t first[16], last[16];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_assert_eq(addr_mask_parse(rows[i].addr, rows[i].mask, first, last), rows[i].want,
			     "%s %s", rows[i].addr, rows[i].mask);
		if (rows[i].want)
			continue;
		cr_assert_str_eq(addr_format(first, text), rows[i].first, "%s", rows[i].mask);
		cr_assert_str_eq(addr_format(last, text), rows[i].last, "%s", rows[i].mask);
	}
}
