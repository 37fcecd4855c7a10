/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Amounts with units as people write and read them: "64M", "1.2 M", "3.4 GiB", "1m 12s". */
#ifndef WT_UNITS_H
#define WT_UNITS_H

#include <stdint.h>

#define UNITS_TEXT_MAX 32 /* with NUL */

/*
 * Bytes: "4096", "64K", "64M", "1.5G" with or without "iB"; 1024-based, as memory is counted.
 * -EINVAL: not an amount; -ERANGE: above 2^63 - 1.
 */
int units_parse_bytes(const char *text, uint64_t *ret);

/* A count: "5000", "5k", "2.5M"; 1000-based. Errors as above. */
int units_parse_count(const char *text, uint64_t *ret);

/* All write into text and return it. */
const char *units_format_exact(uint64_t n, char text[UNITS_TEXT_MAX]);
const char *units_format_count(uint64_t n, char text[UNITS_TEXT_MAX]); /* 1.2 M */
const char *units_format_bytes(uint64_t n, char text[UNITS_TEXT_MAX]); /* 3.4 GiB */
const char *units_format_duration(uint64_t us, char text[UNITS_TEXT_MAX]); /* 250 ms, 1m 12s */

#endif
