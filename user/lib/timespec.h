/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Durations ("250ms", "1h30m", "7d") and points in time ("2026-01-31T12:00:00Z", "-2h"). */
#ifndef WT_TIMESPEC_H
#define WT_TIMESPEC_H

#include <stdint.h>

#define TIMESPEC_TEXT_MAX 40 /* with NUL */

/*
 * One or more numbers with a unit (us ms s m min h d w); a number alone is seconds.
 * -EINVAL: not a duration; -ERANGE: above 2^63 - 1 µs.
 */
int timespec_parse_duration(const char *text, int64_t *ret_us);

/*
 * "now", "-2h" and "now-2h" (before now), "12:30" (today), "2026-01-31", "2026-01-31 12:30[:15[.5]]",
 * with "T" for the blank and "Z" or "+01:00" behind it; without a zone the local one.
 * "@1769860800" or ten digits and more are seconds since the epoch; 16 digits are µs.
 */
int timespec_parse(const char *text, int64_t now_us, int64_t *ret_us);

/* Local time, "2026-01-31 12:30:15.000123". Writes into text and returns it. */
const char *timespec_format(int64_t us, char text[TIMESPEC_TEXT_MAX]);

#endif
