// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Times as people write them in, microseconds out, and the way back. */
#include "user/lib/timespec.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
	const char *name;
	int64_t us;
} duration_units[] = {
	/* clang-format off */
	{ "us", 1 }, { "ms", 1000 }, { "s", 1000000 }, { "sec", 1000000 },
	{ "m", 60000000 }, { "min", 60000000 }, { "h", 3600000000 },
	{ "d", 86400000000 }, { "w", 604800000000 }, { "", 1000000 },
	/* clang-format on */
};

/* The unit at *text, which moves behind it; 0 when there is none. */
static int64_t take_unit(const char **text)
{
	size_t len = 0;

	while (isalpha((unsigned char)(*text)[len]))
		len++;
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++) {
		const char *name = duration_units[i].name;

		if (strlen(name) == len && !strncmp(*text, name, len)) {
			*text += len;
			return duration_units[i].us;
		}
	}
	return 0;
}

int timespec_parse_duration(const char *text, int64_t *ret_us)
{
	double total = 0;

	do {
		char *after;
		double n;
		int64_t unit;

		/* strtod() alone would take "inf", "0x1p3" and " 5" */
		if (!isdigit((unsigned char)*text) || text[strspn(text, "0123456789.")] == 'e')
			return -EINVAL;
		n = strtod(text, &after);
		if (after != text + strspn(text, "0123456789."))
			return -EINVAL;
		text = after;
		unit = take_unit(&text);
		if (!unit)
			return -EINVAL;
		total += n * (double)unit;
	} while (*text);
	if (total >= 9.2e18)
		return -ERANGE;
	*ret_us = (int64_t)(total + 0.5);
	return 0;
}

/* Seconds since the epoch, or µs when there are 16 digits or more. */
static int parse_epoch(const char *text, int64_t *ret_us)
{
	size_t digits = strspn(text, "0123456789");
	long long n;

	if (digits < 1 || text[digits])
		return -EINVAL;
	errno = 0;
	n = strtoll(text, NULL, 10);
	if (errno || (digits < 16 && n > INT64_MAX / 1000000))
		return -ERANGE;
	*ret_us = digits >= 16 ? n : n * 1000000;
	return 0;
}

static int parse_zone(const char *text, bool *has_zone, int *offset_s)
{
	int hours, minutes, n = 0;

	*has_zone = *text;
	*offset_s = 0;
	if (!*text || !strcmp(text, "Z") || !strcmp(text, "z"))
		return 0;
	if (sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 || text[1 + n] ||
	    (*text != '+' && *text != '-') || hours > 23 || minutes > 59)
		return -EINVAL;
	*offset_s = (hours * 60 + minutes) * (*text == '-' ? -60 : 60);
	return 0;
}

/* "12:30[:15[.5]]" at *text, which moves behind it. */
static int take_clock(const char **text, struct tm *tm, int64_t *fraction_us)
{
	int n = 0;
	int64_t scale = 100000;

	if (sscanf(*text, "%2d:%2d%n", &tm->tm_hour, &tm->tm_min, &n) != 2)
		return -EINVAL;
	*text += n;
	if (**text == ':') {
		if (sscanf(*text, ":%2d%n", &tm->tm_sec, &n) != 1)
			return -EINVAL;
		*text += n;
	}
	if (**text == '.') {
		for ((*text)++; isdigit((unsigned char)**text); (*text)++, scale /= 10)
			*fraction_us += (**text - '0') * scale;
	}
	return tm->tm_hour < 0 || tm->tm_hour > 23 || tm->tm_min < 0 || tm->tm_min > 59 ||
			       tm->tm_sec < 0 || tm->tm_sec > 60
		       ? -EINVAL
		       : 0;
}

/* No 31st of February: the calendar would make it a day in March. */
static bool day_exists(const struct tm *tm)
{
	struct tm day = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday };

	timegm(&day);
	return day.tm_mday == tm->tm_mday && day.tm_mon == tm->tm_mon;
}

/* A date, a time of day or both. */
static int parse_calendar(const char *text, int64_t now_us, int64_t *ret_us)
{
	time_t now = (time_t)(now_us / 1000000);
	int64_t fraction_us = 0, s;
	int n = 0, offset_s, year, month, day;
	struct tm tm;
	bool has_zone;

	localtime_r(&now, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &n) == 3 && n) {
		text += n;
		tm.tm_year = year - 1900;
		tm.tm_mon = month - 1;
		tm.tm_mday = day;
		if (*text == ' ' || *text == 'T' || *text == 't') {
			text++;
			n = 0;
		}
	}
	if (!n && take_clock(&text, &tm, &fraction_us))
		return -EINVAL;
	if (parse_zone(text, &has_zone, &offset_s) || !day_exists(&tm))
		return -EINVAL;
	tm.tm_isdst = -1;
	s = has_zone ? timegm(&tm) : mktime(&tm);
	*ret_us = (s - offset_s) * 1000000 + fraction_us;
	return 0;
}

int timespec_parse(const char *text, int64_t now_us, int64_t *ret_us)
{
	size_t digits = strspn(text, "0123456789");
	int64_t before;

	if (!strncmp(text, "now", 3))
		text += 3;
	if (!*text) {
		*ret_us = now_us;
		return 0;
	}
	if (*text == '-') {
		if (timespec_parse_duration(text + 1, &before))
			return -EINVAL;
		*ret_us = now_us - before;
		return 0;
	}
	if (*text == '@')
		return parse_epoch(text + 1, ret_us);
	if (digits >= 10 && !text[digits])
		return parse_epoch(text, ret_us);
	return parse_calendar(text, now_us, ret_us);
}

const char *timespec_format(int64_t us, char text[TIMESPEC_TEXT_MAX])
{
	int64_t rest = us % 1000000;
	time_t s = (time_t)(us / 1000000);
	struct tm tm;
	size_t n;

	if (rest < 0) {
		rest += 1000000;
		s--;
	}
	if (!localtime_r(&s, &tm) || !(n = strftime(text, 24, "%Y-%m-%d %H:%M:%S", &tm)))
		n = (size_t)snprintf(text, 24, "@%lld", (long long)s);
	snprintf(text + n, TIMESPEC_TEXT_MAX - n, ".%06d", (int)rest);
	return text;
}
