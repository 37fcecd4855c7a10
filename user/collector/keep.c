// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The text of --keep in, an age for each tier out. */
#include "user/collector/keep.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/timespec.h"

#define HOUR_US (INT64_C(3600) * 1000000)
#define TEXT_MAX 64 /* of one age */

static const char *const names[STORE_TIERS] = {
	[TIER_RAW] = "raw",
	[TIER_MINUTE] = "minute",
	[TIER_HOUR] = "hour",
};

static int find_tier(const char *name, size_t len)
{
	for (int i = 0; i < STORE_TIERS; i++)
		if (strlen(names[i]) == len && !strncmp(names[i], name, len))
			return i;
	return -1;
}

/* "raw=6h", "6h" */
static int parse_one(const char *text, size_t len, int64_t us[STORE_TIERS], bool given[STORE_TIERS],
		     char why[KEEP_ERROR_MAX])
{
	const char *equals = memchr(text, '=', len);
	int tier = equals ? find_tier(text, (size_t)(equals - text)) : TIER_RAW;
	const char *age = equals ? equals + 1 : text;
	size_t age_len = (size_t)(text + len - age);
	char copy[TEXT_MAX];

	if (tier < 0) {
		snprintf(why, KEEP_ERROR_MAX, "'%.*s' is none of raw, minute, hour",
			 (int)(equals - text), text);
		return -EINVAL;
	}
	if (given[tier]) {
		snprintf(why, KEEP_ERROR_MAX, "%s is given twice", names[tier]);
		return -EINVAL;
	}
	snprintf(copy, sizeof(copy), "%.*s", (int)age_len, age);
	if (age_len >= sizeof(copy) || timespec_parse_duration(copy, &us[tier]) ||
	    us[tier] < HOUR_US) {
		snprintf(why, KEEP_ERROR_MAX, "'%.40s' is no time of an hour or more, as 6h or 7d",
			 copy);
		return -EINVAL;
	}
	given[tier] = true;
	return 0;
}

static int check_order(int64_t us[STORE_TIERS], const bool given[STORE_TIERS],
		       char why[KEEP_ERROR_MAX])
{
	for (int i = 1; i < STORE_TIERS; i++) {
		if (us[i] >= us[i - 1])
			continue;
		if (given[i]) {
			snprintf(why, KEEP_ERROR_MAX, "%s is kept for less than %s", names[i],
				 names[i - 1]);
			return -EINVAL;
		}
		us[i] = us[i - 1];
	}
	return 0;
}

int keep_parse(const char *text, int64_t ret_us[STORE_TIERS], char why[KEEP_ERROR_MAX])
{
	int64_t us[STORE_TIERS] = {
		[TIER_RAW] = 6 * HOUR_US,
		[TIER_MINUTE] = 7 * 24 * HOUR_US,
		[TIER_HOUR] = 400 * 24 * HOUR_US,
	};
	bool given[STORE_TIERS] = { 0 };
	int err = 0;

	while (!err) {
		size_t len = strcspn(text, ",");

		err = parse_one(text, len, us, given, why);
		if (!text[len])
			break;
		text += len + 1;
	}
	if (!err)
		err = check_order(us, given, why);
	if (!err)
		memcpy(ret_us, us, sizeof(us));
	return err;
}
