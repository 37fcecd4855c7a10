// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Numbers in, text with units out, and the way back. */
#include "user/lib/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefixes[] = "kMGTPE";

/* Digits with an optional fraction; *end is the first character after them. */
static int parse_digits(const char *text, const char **end, uint64_t *whole, double *fraction)
{
	char *after;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*whole = strtoull(text, &after, 10);
	if (errno)
		return -ERANGE;
	*fraction = 0;
	if (*after == '.' && isdigit((unsigned char)after[1])) {
		double scale = 0.1;

		for (after++; isdigit((unsigned char)*after); after++, scale /= 10)
			*fraction += (*after - '0') * scale;
	}
	*end = after;
	return 0;
}

static int parse_scaled(const char *text, uint64_t base, const char *tails, uint64_t *ret)
{
	uint64_t whole, scale = 1;
	double fraction;
	const char *c;
	int err = parse_digits(text, &c, &whole, &fraction);

	if (err)
		return err;
	if (*c == ' ')
		c++;
	if (*c) {
		const char *p = strchr(prefixes, *c == 'K'		  ? 'k'
						 : *c == 'm' || *c == 'g' ? *c - 32
									  : *c);

		for (; p && p >= prefixes; p--)
			scale *= base;
		c += scale > 1;
	}
	if (*c && !strstr(tails, c))
		return -EINVAL;
	if (scale == 1 && fraction > 0)
		return -EINVAL;
	if (whole > (uint64_t)INT64_MAX / scale)
		return -ERANGE;
	*ret = whole * scale + (uint64_t)(fraction * (double)scale + 0.5);
	return *ret > INT64_MAX ? -ERANGE : 0;
}

int units_parse_bytes(const char *text, uint64_t *ret)
{
	return parse_scaled(text, 1024, "iB", ret);
}

int units_parse_count(const char *text, uint64_t *ret)
{
	return parse_scaled(text, 1000, "", ret);
}

const char *units_format_exact(uint64_t n, char text[UNITS_TEXT_MAX])
{
	snprintf(text, UNITS_TEXT_MAX, "%" PRIu64, n);
	return text;
}

static const char *format_scaled(uint64_t n, double base, const char *tail, char *text)
{
	double v = (double)n;
	int power = 0;

	/* 999.95 k would print as 1000.0 k */
	while (v >= base - 0.05 * (power > 0) && power < 6) {
		v /= base;
		power++;
	}
	if (!power)
		snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 "%s", n, *tail ? " B" : "");
	else
		snprintf(text, UNITS_TEXT_MAX, "%.1f %c%s", v,
			 *tail && power == 1 ? 'K' : prefixes[power - 1], tail);
	return text;
}

const char *units_format_count(uint64_t n, char text[UNITS_TEXT_MAX])
{
	return format_scaled(n, 1000, "", text);
}

const char *units_format_bytes(uint64_t n, char text[UNITS_TEXT_MAX])
{
	return format_scaled(n, 1024, "iB", text);
}

const char *units_format_duration(uint64_t us, char text[UNITS_TEXT_MAX])
{
	uint64_t s = us / 1000000;

	if (us < 1000)
		snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 " us", us);
	else if (us < 10000000)
		snprintf(text, UNITS_TEXT_MAX, us < 1000000 ? "%.0f ms" : "%.1f s",
			 (double)us / (us < 1000000 ? 1e3 : 1e6));
	else if (s < 60)
		snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 "m %" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 "h %" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 "d %" PRIu64 "h", s / 86400,
			 s / 3600 % 24);
	return text;
}
