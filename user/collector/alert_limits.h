/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* From where on rules (alert_rules.h) find something, and for how long: theirs, or the user's. */
#ifndef WT_ALERT_LIMITS_H
#define WT_ALERT_LIMITS_H

#include <stdint.h>

#include "user/collector/alert_rules.h"

/* Of all rules, in their order. */
struct alert_limits {
	double limit[ALERT_RULES_MAX]; /* INFINITY: off */
	int64_t for_us[ALERT_RULES_MAX];
};

struct option_list;

/*
 * The rules' own, changed by texts "NAME=LIMIT", "NAME=LIMIT/TIME" (for how long) and "NAME=off".
 * 0, or -EINVAL with the text and why in a static buffer.
 */
int alert_limits_parse(const struct option_list *texts, struct alert_limits *ret,
		       const char **which, const char **why);

/* From here on, whichever thread asks. Until then the rules' own. */
void alert_limits_use(const struct alert_limits *limits);

double alert_limit(const struct alert_rule *rule);
int64_t alert_for_us(const struct alert_rule *rule);

#endif
