// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Messages in, one line each on stderr out. */
#include "user/lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const level_names[] = { "error", "warning", "info", "debug" };
static const char *program_name = "wiretally";
static enum log_level log_threshold = LOG_INFO;
static bool log_as_json;

void log_init(const char *program, enum log_level threshold, bool json)
{
	program_name = program;
	log_threshold = threshold;
	log_as_json = json;
}

static void write_json(enum log_level level, const char *message)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	flockfile(stderr);
	fprintf(stderr, "{\"time\":%lld.%03ld,\"program\":\"%s\",\"level\":\"%s\",\"message\":\"",
		(long long)now.tv_sec, now.tv_nsec / 1000000, program_name, level_names[level]);
	for (const char *c = message; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(stderr, "\\%c", *c);
		else if ((unsigned char)*c < 0x20)
			fprintf(stderr, "\\u%04x", *c);
		else
			fputc(*c, stderr);
	}
	fputs("\"}\n", stderr);
	funlockfile(stderr);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	char message[1024];
	va_list ap;

	if (level > log_threshold)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (log_as_json)
		write_json(level, message);
	else
		fprintf(stderr, "%s: %s%s%s\n", program_name,
			level == LOG_INFO ? "" : level_names[level], level == LOG_INFO ? "" : ": ",
			message);
}
