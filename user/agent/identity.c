// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* /etc/machine-id, the host name and the boot id in, a record source out. */
#include "user/agent/identity.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static void read_line(const char *path, char *text, size_t len)
{
	AUTO_FILE FILE *f = fopen(path, "re");

	text[0] = '\0';
	if (f && fgets(text, len, f))
		text[strcspn(text, "\n")] = '\0';
}

/* "0f3a…-…" to bytes. */
static void parse_uuid(const char *text, uint8_t ret[16])
{
	int nibbles = 0;

	for (; *text && nibbles < 32; text++) {
		int value = isdigit(*text) ? *text - '0' : tolower(*text) - 'a' + 10;

		if (!isxdigit(*text))
			continue;
		ret[nibbles / 2] |= value << (nibbles % 2 ? 0 : 4);
		nibbles++;
	}
}

/* What a collector takes: [A-Za-z0-9._-]. */
static void sanitise(char *id)
{
	for (; *id; id++)
		if (!isalnum(*id) && !strchr("._-", *id))
			*id = '-';
}

void identity_boot_id(uint8_t ret[16])
{
	char line[128];

	memset(ret, 0, 16);
	read_line("/proc/sys/kernel/random/boot_id", line, sizeof(line));
	parse_uuid(line, ret);
}

void identity_fill(const char *agent_id, const uint8_t instance[16], struct record_source *ret)
{
	char line[128];

	*ret = (struct record_source){ .agent = "" };
	memcpy(ret->instance, instance, sizeof(ret->instance));
	if (gethostname(ret->host, sizeof(ret->host) - 1))
		snprintf(ret->host, sizeof(ret->host), "localhost");
	identity_boot_id(ret->boot_id);
	read_line("/etc/machine-id", line, sizeof(line));
	if (agent_id)
		snprintf(ret->agent, sizeof(ret->agent), "%s", agent_id);
	else
		snprintf(ret->agent, sizeof(ret->agent), "%.64s", line[0] ? line : ret->host);
	sanitise(ret->agent);
}
