// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The user's words in, limits out. */
#include "user/collector/alert_limits.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/options.h"
#include "user/lib/timespec.h"

static struct {
	_Atomic bool is_set;
	_Atomic double limit[ALERT_RULES_MAX];
	_Atomic int64_t for_us[ALERT_RULES_MAX];
} used;

static size_t number_of(const struct alert_rule *rule)
{
	size_t len;

	return (size_t)(rule - alert_rules(&len));
}

double alert_limit(const struct alert_rule *rule)
{
	return used.is_set ? used.limit[number_of(rule)] : rule->limit;
}

int64_t alert_for_us(const struct alert_rule *rule)
{
	return used.is_set ? used.for_us[number_of(rule)] : rule->for_us;
}

void alert_limits_use(const struct alert_limits *limits)
{
	for (size_t i = 0; i < ALERT_RULES_MAX; i++) {
		used.limit[i] = limits->limit[i];
		used.for_us[i] = limits->for_us[i];
	}
	used.is_set = true;
}

/* ---- "NAME=LIMIT" --------------------------------------------------------------------------- */

static const struct alert_rule *find_rule(const char *name, size_t name_len)
{
	size_t len;
	const struct alert_rule *rules = alert_rules(&len);

	for (size_t i = 0; i < len; i++)
		if (strlen(rules[i].name) == name_len && !strncmp(rules[i].name, name, name_len))
			return &rules[i];
	return NULL;
}

static const char *rule_names(void)
{
	static char text[1024];
	size_t len, used_bytes = 0;
	const struct alert_rule *rules = alert_rules(&len);

	for (size_t i = 0; i < len && used_bytes < sizeof(text); i++)
		used_bytes += (size_t)snprintf(text + used_bytes, sizeof(text) - used_bytes, "%s%s",
					       i ? ", " : "", rules[i].name);
	return text;
}

/* "0.05" or "0.05/2m" */
static int parse_limit(const char *text, double *limit, int64_t *for_us)
{
	int64_t time = *for_us;
	char *end;
	double n = strtod(text, &end);

	if (end == text || !isfinite(n) || n < 0)
		return -EINVAL;
	if (*end == '/' && timespec_parse_duration(end + 1, &time))
		return -EINVAL;
	if (*end && *end != '/')
		return -EINVAL;
	*limit = n;
	*for_us = time;
	return 0;
}

static int parse(const char *text, struct alert_limits *to, const char **why)
{
	static char message[1280];
	size_t len = strcspn(text, "="), i;
	const struct alert_rule *rule = find_rule(text, len);

	*why = message;
	if (!rule) {
		snprintf(message, sizeof(message), "there is no such alert; there are: %s",
			 rule_names());
		return -EINVAL;
	}
	i = number_of(rule);
	if (text[len] && !strcmp(text + len + 1, "off")) {
		to->limit[i] = INFINITY;
		return 0;
	}
	if (text[len] && !parse_limit(text + len + 1, &to->limit[i], &to->for_us[i]))
		return 0;
	snprintf(message, sizeof(message),
		 "after %s there is =LIMIT, =LIMIT/TIME (0.05/2m), or =off", rule->name);
	return -EINVAL;
}

int alert_limits_parse(const struct option_list *texts, struct alert_limits *ret,
		       const char **which, const char **why)
{
	size_t len;
	const struct alert_rule *rules = alert_rules(&len);
	int err = 0;

	*ret = (struct alert_limits){ 0 };
	for (size_t i = 0; i < len && i < ALERT_RULES_MAX; i++) {
		ret->limit[i] = rules[i].limit;
		ret->for_us[i] = rules[i].for_us;
	}
	for (size_t i = 0; !err && i < texts->len; i++) {
		*which = texts->values[i];
		err = parse(texts->values[i], ret, why);
	}
	return err;
}
