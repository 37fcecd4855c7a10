// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Texts of /proc/net: nothing is read beyond the end, whatever they say.
 * needs: user/agent/mib.c
 */
#include <stdlib.h>
#include <string.h>

#include "user/agent/mib.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void ignore(void *arg, const char *name, uint64_t value)
{
	if (!*name)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct softnet cpus[4];
	char *text = malloc(len + 1); /* of its own: the sanitizer sees the byte after */

	if (!text)
		return 0;
	memcpy(text, bytes, len);
	text[len] = '\0';
	mib_parse_pairs(text, ignore, NULL);
	mib_parse_lines(text, ignore, NULL);
	if (softnet_parse(text, cpus, 4) > 4)
		abort();
	free(text);
	return 0;
}
