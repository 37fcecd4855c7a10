/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* How long each tier is kept: "raw=6h,minute=7d,hour=400d", or a time alone, of raw. */
#ifndef WT_KEEP_H
#define WT_KEEP_H

#include <stddef.h>
#include <stdint.h>

#include "user/collector/store_schema.h"

#define KEEP_DEFAULT "raw=6h,minute=7d,hour=400d"
#define KEEP_ERROR_MAX 160

/*
 * Ages in µs. What is not named keeps its default, but no coarser tier less than a finer one: with
 * raw=30d alone, minutes are kept 30 days, too. -EINVAL with the reason in `why`.
 */
int keep_parse(const char *text, int64_t ret_us[STORE_TIERS], char why[KEEP_ERROR_MAX]);

#endif
