// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <errno.h>

#include "user/lib/cleanup.h"
#include "user/lib/units.h"

Test(units, amounts_are_parsed)
{
	static const struct {
		const char *text;
		int err_bytes;
		uint64_t bytes;
		int err_count;
		uint64_t count;
	} rows[] = {
		{ "0", 0, 0, 0, 0 },
		{ "5000", 0, 5000, 0, 5000 },
		{ "64M", 0, 64u << 20, 0, 64000000 },
		{ "64MiB", 0, 64u << 20, -EINVAL, 0 },
		{ "64m", 0, 64u << 20, 0, 64000000 },
		{ "5k", 0, 5120, 0, 5000 },
		{ "1.5G", 0, 1610612736, 0, 1500000000 },
		{ "9223372036854775807", 0, INT64_MAX, 0, INT64_MAX },
		{ "9223372036854775808", -ERANGE, 0, -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0, -ERANGE, 0 },
		{ "8E", -ERANGE, 0, 0, 8000000000000000000 },
		{ "1.5", -EINVAL, 0, -EINVAL, 0 },
		{ "-1", -EINVAL, 0, -EINVAL, 0 },
		{ "", -EINVAL, 0, -EINVAL, 0 },
		{ "M", -EINVAL, 0, -EINVAL, 0 },
		{ "5x", -EINVAL, 0, -EINVAL, 0 },
		{ "5kk", -EINVAL, 0, -EINVAL, 0 },
		{ "0x10", -EINVAL, 0, -EINVAL, 0 },
	};
	uint64_t n;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_assert_eq(units_parse_bytes(rows[i].text, &n), rows[i].err_bytes, "%s",
			     rows[i].text);
		if (!rows[i].err_bytes)
			cr_assert_eq(n, rows[i].bytes, "%s: %llu", rows[i].text,
				     (unsigned long long)n);
		cr_assert_eq(units_parse_count(rows[i].text, &n), rows[i].err_count, "%s",
			     rows[i].text);
		if (!rows[i].err_count)
			cr_assert_eq(n, rows[i].count, "%s: %llu", rows[i].text,
				     (unsigned long long)n);
	}
}

Test(units, amounts_are_shown)
{
	static const struct {
		uint64_t n;
		const char *count, *bytes, *duration;
	} rows[] = {
		{ 0, "0", "0 B", "0 us" },
		{ 999, "999", "999 B", "999 us" },
		{ 1000, "1.0 k", "1000 B", "1 ms" },
		{ 1023, "1.0 k", "1023 B", "1 ms" },
		{ 1024, "1.0 k", "1.0 KiB", "1 ms" },
		{ 999949, "999.9 k", "976.5 KiB", "1000 ms" },
		{ 999951, "1.0 M", "976.5 KiB", "1000 ms" },
		{ 1500000, "1.5 M", "1.4 MiB", "1.5 s" },
		{ 59000000, "59.0 M", "56.3 MiB", "59 s" },
		{ 72000000, "72.0 M", "68.7 MiB", "1m 12s" },
		{ 5400000000, "5.4 G", "5.0 GiB", "1h 30m" },
		{ 180000000000, "180.0 G", "167.6 GiB", "2d 2h" },
		{ UINT64_MAX, "18.4 E", "16.0 EiB", "213503982d 8h" },
	};
	char text[UNITS_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_expect_str_eq(units_format_count(rows[i].n, text), rows[i].count, "%s", text);
		cr_expect_str_eq(units_format_bytes(rows[i].n, text), rows[i].bytes, "%s", text);
		cr_expect_str_eq(units_format_duration(rows[i].n, text), rows[i].duration, "%s",
				 text);
	}
	cr_expect_str_eq(units_format_exact(UINT64_MAX, text), "18446744073709551615");
}
