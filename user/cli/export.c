// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* `wiretally export`: /v1/export into a file, or on. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/ask.h"
#include "user/cli/show.h"

struct settings {
	struct ask_options ask;
	const char *format, *output, *exporter, *tier;
	bool all;
};

#define AT(member) offsetof(struct settings, member)

static const struct option_row rows[] = {
	{ "format", 0, OPTION_CHOICE, AT(format), NULL, "csv", .choices = "parquet|csv|json",
	  .help = "kind of file; json is one object a line" },
	{ "output", 'o', OPTION_TEXT, AT(output), "FILE", "-",
	  .help = "write to FILE, which appears when it is complete; - is standard output" },
	RANGE_ROWS(struct settings, ask.range),
	{ "all", 'a', OPTION_FLAG, AT(all),
	  .help = "every observation, even of one packet at several interfaces" },
	{ "tier", 0, OPTION_CHOICE, AT(tier), NULL, "raw", .choices = "auto|raw|minute|hour",
	  .help = "read records, or what was rolled up: docs/storage.md" },
	{ "exporter", 'e', OPTION_TEXT, AT(exporter), "NAME", NULL,
	  .help = "only what this agent, host or file has reported" },
	{ "url", 'u', OPTION_TEXT, AT(ask.client.url), "URL", NULL,
	  .help = "ask the collector at URL (default $WIRETALLY_URL, else " CLIENT_URL ")" },
	{ "help", 'h', OPTION_FLAG, AT(ask.client.help), .help = "print this" },
};

static const struct command_text text = {
	.usage = "wiretally export [OPTION]… [FILTER…]",
	.about =
		"Writes all flow records that match, oldest first, as Parquet, CSV or lines of JSON. FILTER is in\n"
		"nfdump's words: docs/filters.md.",
	.examples = "  wiretally export --last 1d -o day.csv\n"
		    "  wiretally export --format parquet -o dns.parquet --last all port 53\n"
		    "  wiretally export --format json tcp | jq -c '[.src, .octets]'\n",
};

static void add_args(const void *settings, struct client_query *q)
{
	const struct settings *s = settings;

	client_query_arg(q, "format", s->format);
	client_query_arg(q, "all", s->all ? "1" : NULL);
	client_query_arg(q, "tier", s->tier);
	client_query_arg(q, "exporter", s->exporter);
}

static const struct ask ask = {
	.text = &text,
	.rows = rows,
	.rows_len = ARRAY_LEN(rows),
	.path = "/v1/export",
	.add_args = add_args,
};

static int download(const struct settings *s, struct client_query *q, FILE *out, const char *name)
{
	int status = client_download(&s->ask.client, q, out);

	if (!fflush(out) || status != EXIT_DONE)
		return status;
	command_error("write %s: %s", name, strerror(errno));
	return EXIT_FAILED;
}

/* Under another name until it is complete: a half file never has the name that was asked for. */
static int to_file(const struct settings *s, struct client_query *q)
{
	AUTO_FREE char *part = NULL;
	AUTO_FILE FILE *out = NULL;
	int status;

	if (asprintf(&part, "%s.part", s->output) < 0)
		return EXIT_FAILED;
	out = fopen(part, "we");
	if (!out) {
		command_error("write %s: %s", part, strerror(errno));
		return EXIT_FAILED;
	}
	status = download(s, q, out, part);
	if (status == EXIT_DONE && (fsync(fileno(out)) || rename(part, s->output))) {
		command_error("write %s: %s", s->output, strerror(errno));
		status = EXIT_FAILED;
	}
	if (status != EXIT_DONE)
		unlink(part);
	return status;
}

int cmd_export(int argc, char **argv)
{
	AUTO(client_query_done) struct client_query q = { 0 };
	AUTO_FREE char *filter = NULL;
	struct settings s = { 0 };
	int status = ask_options(&ask, &s, argc, argv, &filter);

	if (status == COMMAND_GO_ON)
		status = ask_query(&ask, &s, filter, &q);
	if (status != COMMAND_GO_ON)
		return status;
	if (strcmp(s.output, "-") != 0)
		return to_file(&s, &q);
	if (!strcmp(s.format, "parquet") && isatty(STDOUT_FILENO)) {
		command_error("export: Parquet is not for a terminal: -o FILE");
		return EXIT_USAGE;
	}
	return download(&s, &q, stdout, "standard output");
}
