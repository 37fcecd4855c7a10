// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Any bytes as a config file: options are set within their bounds, or it is refused with a place
 * and a reason.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct settings {
	const char *text, *word;
	struct option_list list;
	uint64_t number;
	int64_t time_us;
	bool flag;
};

#define AT(field) offsetof(struct settings, field)
static const struct option_row rows[] = {
	{ "text", 0, OPTION_TEXT, AT(text), "T" },
	{ "word", 0, OPTION_CHOICE, AT(word), "W", "a", .choices = "a|b" },
	{ "list", 0, OPTION_LIST, AT(list), "T" },
	{ "number", 0, OPTION_NUMBER, AT(number), "N", "1", .max = 1000 },
	{ "time", 0, OPTION_DURATION, AT(time_us), "T", "1s", .max = 1000000 },
	{ "flag", 0, OPTION_FLAG, AT(flag) },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct option_error error = { "" };
	struct settings s = { 0 };
	FILE *f = len ? fmemopen((void *)bytes, len, "r") : NULL;
	int err;

	if (!f)
		return 0;
	options_init(rows, ROWS, &s);
	err = config_file_read(f, "f", rows, ROWS, &s, &error);
	fclose(f);
	if (err && (err != -EINVAL || strncmp(error.message, "f:", 2) != 0))
		abort();
	if (s.number > 1000 || s.time_us > 1000000 || s.list.len > OPTION_LIST_MAX ||
	    (strcmp(s.word, "a") != 0 && strcmp(s.word, "b") != 0))
		abort();
	return 0;
}
