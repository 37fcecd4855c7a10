// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* An option's entry and an interface in, the value that holds for it out. */
#include "user/agent/scope.h"

#include <errno.h>
#include <fnmatch.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/log.h"
#include "user/lib/units.h"

const char *scope_value(const char *entry, const char *name)
{
	const char *equals = strchr(entry, '=');
	char glob[IF_NAMESIZE * 2];

	if (!equals)
		return entry;
	if (!name)
		return equals + 1;
	if ((size_t)(equals - entry) >= sizeof(glob))
		return NULL;
	snprintf(glob, sizeof(glob), "%.*s", (int)(equals - entry), entry);
	return fnmatch(glob, name, 0) ? NULL : equals + 1;
}

static int parse_sample(const char *text, uint64_t *ret)
{
	return units_parse_count(text, ret) || *ret < 1 || *ret > SCOPE_SAMPLE_MAX ? -EINVAL : 0;
}

uint32_t scope_sample(const struct option_list *sample, const char *name)
{
	uint64_t n = 1;

	for (size_t i = 0; i < sample->len; i++) {
		const char *value = scope_value(sample->values[i], name);

		if (value)
			parse_sample(value, &n);
	}
	return n;
}

int scope_check_sample(const struct option_list *sample)
{
	uint64_t n;

	for (size_t i = 0; i < sample->len; i++) {
		if (!parse_sample(scope_value(sample->values[i], NULL), &n))
			continue;
		log_error("--sample '%s': N or IF=N, N from 1 to %d", sample->values[i],
			  SCOPE_SAMPLE_MAX);
		return -EINVAL;
	}
	return 0;
}
