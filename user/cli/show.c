// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Values of the API in, cells for people out. */
#include "user/cli/show.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/command.h"
#include "user/lib/cleanup.h"
#include "user/lib/printable.h"
#include "user/lib/table.h"
#include "user/lib/timespec.h"

void show_init(struct show *show, bool exact)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool is_terminal = isatty(STDOUT_FILENO);

	show->below = NULL;
	show->is_human = is_terminal && !exact;
	show->can_clear = is_terminal && !(term && !strcmp(term, "dumb"));
	/* no-color.org: set and not empty */
	show->is_coloured = show->can_clear && !(no_color && *no_color);
}

const char *show_count(const struct show *show, int64_t n, char text[UNITS_TEXT_MAX])
{
	return show->is_human && n >= 0 ? units_format_count((uint64_t)n, text)
	       : n < 0 ? (snprintf(text, UNITS_TEXT_MAX, "%lld", (long long)n), text)
		       : units_format_exact((uint64_t)n, text);
}

const char *show_bytes(const struct show *show, int64_t n, char text[UNITS_TEXT_MAX])
{
	if (show->is_human && n >= 0)
		return units_format_bytes((uint64_t)n, text);
	return show_count(show, n, text);
}

int64_t show_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

const char *show_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

const char *show_endpoint(const json_t *row, const char *address, const char *port,
			  char text[SHOW_ENDPOINT_MAX])
{
	const char *host = show_text(row, address);
	const json_t *number = json_object_get(row, port);

	if (!*host)
		return "-";
	if (!json_is_integer(number))
		snprintf(text, SHOW_ENDPOINT_MAX, "%s", host);
	else
		snprintf(text, SHOW_ENDPOINT_MAX, strchr(host, ':') ? "[%s]:%lld" : "%s:%lld", host,
			 json_integer_value(number));
	return text;
}

const char *show_time(int64_t us, char text[SHOW_ENDPOINT_MAX])
{
	char time[TIMESPEC_TEXT_MAX];

	if (!us)
		return "-";
	snprintf(text, SHOW_ENDPOINT_MAX, "%.23s", timespec_format(us, time));
	return text;
}

const char *show_duration(const struct show *show, int64_t us, char text[UNITS_TEXT_MAX])
{
	if (show->is_human)
		return units_format_duration(us > 0 ? (uint64_t)us : 0, text);
	snprintf(text, UNITS_TEXT_MAX, "%.3f", (double)us / 1e6);
	return text;
}

const char *show_ms(const json_t *row, const char *name, double per_ms, char text[UNITS_TEXT_MAX])
{
	if (!show_int(row, name))
		return "-";
	snprintf(text, UNITS_TEXT_MAX, "%.3f", (double)show_int(row, name) / per_ms);
	return text;
}

const char *show_exporter(const json_t *row)
{
	static const char *const names[] = { "exporter", "host", "agent" };

	for (size_t i = 0; i < 3; i++) {
		if (*show_text(row, names[i]))
			return show_text(row, names[i]);
	}
	return "-";
}

void show_matched(const struct show *show, const json_t *root, const char *noun)
{
	size_t shown = json_array_size(json_object_get(root, "rows"));
	long long matched = show_int(root, "matched");

	if (show->below)
		return;
	if ((long long)shown < matched)
		printf("%zu of %lld %ss; more with -n\n", shown, matched, noun);
	else
		printf("%zu %s%s\n", shown, noun, shown == 1 ? "" : "s");
}

char *show_join(int argc, char **argv)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	if (!argc)
		return NULL;
	out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	for (int i = 0; i < argc; i++)
		fprintf(out, "%s%s", i ? " " : "", argv[i]);
	fclose(out);
	return text;
}

int show_table(const struct show *show, const struct table *t)
{
	int err = show->below ? table_print_on(t, stdout, show->is_coloured, show->below)
			      : table_print(t, stdout, show->is_coloured);

	if (!err)
		return EXIT_DONE;
	command_error("out of memory");
	return EXIT_FAILED;
}

void show_line(const char *fmt, ...)
{
	AUTO_FREE char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	va_end(ap);
	if (line)
		puts(printable(line));
}

void show_tiers(const json_t *root)
{
	const json_t *tiers = json_object_get(root, "tiers"), *tier;
	const char *separator = "read from ";
	size_t i;

	if (!json_array_size(tiers) ||
	    (json_array_size(tiers) == 1 &&
	     !strcmp(json_string_value(json_array_get(tiers, 0)), "raw")))
		return;
	json_array_foreach(tiers, i, tier) {
		printf("%s%s", separator,
		       !strcmp(json_string_value(tier), "raw") ? "records"
							       : json_string_value(tier));
		if (strcmp(json_string_value(tier), "raw") != 0)
			putchar('s');
		separator = ", ";
	}
	puts(" (--tier; docs/storage.md)");
}
