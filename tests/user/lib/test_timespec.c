// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "user/lib/cleanup.h"
#include "user/lib/timespec.h"

#define SECOND 1000000LL
#define NOON 1769860800LL /* 2026-01-31T12:00:00Z */

static void berlin(void)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
}

Test(timespec, durations)
{
	static const struct {
		const char *text;
		int err;
		int64_t us;
	} rows[] = {
		{ "5s", 0, 5 * SECOND },
		{ "5", 0, 5 * SECOND },
		{ "0", 0, 0 },
		{ "250ms", 0, 250000 },
		{ "10us", 0, 10 },
		{ "1h30m", 0, 5400 * SECOND },
		{ "1.5h", 0, 5400 * SECOND },
		{ "7d", 0, 604800 * SECOND },
		{ "1w", 0, 604800 * SECOND },
		{ "2min", 0, 120 * SECOND },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-5s", -EINVAL, 0 },
		{ "5 s", -EINVAL, 0 },
		{ "5y", -EINVAL, 0 },
		{ "5ss", -EINVAL, 0 },
		{ "inf", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1.2.3s", -EINVAL, 0 },
		{ "99999999999999999w", -ERANGE, 0 },
	};
	int64_t us;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_expect_eq(timespec_parse_duration(rows[i].text, &us), rows[i].err, "%s",
			     rows[i].text);
		if (!rows[i].err)
			cr_expect_eq(us, rows[i].us, "%s: %lld", rows[i].text, (long long)us);
	}
}

Test(timespec, points_in_time, .init = berlin)
{
	static const struct {
		const char *text;
		int err;
		int64_t us;
	} rows[] = {
		{ "now", 0, NOON * SECOND },
		{ "-2h", 0, (NOON - 7200) * SECOND },
		{ "now-2h", 0, (NOON - 7200) * SECOND },
		{ "2026-01-31T12:00:00Z", 0, NOON * SECOND },
		{ "2026-01-31T13:00:00+01:00", 0, NOON * SECOND },
		{ "2026-01-31T06:30:00-05:30", 0, NOON * SECOND },
		{ "2026-01-31 12:00:00.25Z", 0, NOON * SECOND + 250000 },
		{ "2026-01-31 13:00", 0, NOON * SECOND },
		{ "2026-01-31", 0, (NOON - 13 * 3600) * SECOND },
		{ "2026-07-01 14:00", 0, 1782907200LL * SECOND },
		{ "13:00", 0, NOON * SECOND },
		{ "13:00:01", 0, (NOON + 1) * SECOND },
		{ "@5", 0, 5 * SECOND },
		{ "1769860800", 0, NOON * SECOND },
		{ "1769860800000001", 0, NOON * SECOND + 1 },
		{ "", 0, NOON * SECOND },
		{ "999999999999999", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "yesterday", -EINVAL, 0 },
		{ "25:00", -EINVAL, 0 },
		{ "12:60", -EINVAL, 0 },
		{ "2026-02-31", -EINVAL, 0 },
		{ "2026-13-01", -EINVAL, 0 },
		{ "2026-01-31x", -EINVAL, 0 },
		{ "2026-01-31T12:00:00+1", -EINVAL, 0 },
		{ "2026-01-31T12:00:00+99:00", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "now+1h", -EINVAL, 0 },
		{ "@", -EINVAL, 0 },
		{ "5", -EINVAL, 0 },
	};
	int64_t us;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_expect_eq(timespec_parse(rows[i].text, NOON * SECOND, &us), rows[i].err, "%s",
			     rows[i].text);
		if (!rows[i].err)
			cr_expect_eq(us, rows[i].us, "%s: %lld", rows[i].text, (long long)us);
	}
}

Test(timespec, shown_in_local_time, .init = berlin)
{
	char text[TIMESPEC_TEXT_MAX];

	cr_expect_str_eq(timespec_format(NOON * SECOND + 123, text), "2026-01-31 13:00:00.000123");
	cr_expect_str_eq(timespec_format(-1, text), "1970-01-01 00:59:59.999999");
	timespec_format(INT64_MAX, text);
	timespec_format(INT64_MIN, text);
}
