/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Options that may hold for some interfaces only: "VALUE", or "IF=VALUE" with IF a glob. */
#ifndef WT_SCOPE_H
#define WT_SCOPE_H

#include <stdint.h>

#include "user/lib/options.h"

#define SCOPE_SAMPLE_MAX 1000000

/* entry's value when it holds for interface name (NULL: any), else NULL. Points into entry. */
const char *scope_value(const char *entry, const char *name);

/* 1 of N for this interface: the last entry that holds; 1 without any. */
uint32_t scope_sample(const struct option_list *sample, const char *name);

/* 0, or -EINVAL after an error message. */
int scope_check_sample(const struct option_list *sample);

#endif
