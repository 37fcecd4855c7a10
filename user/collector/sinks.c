// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* URLs and stored batches in; rows on their way, and what became of them, out. */
#include "user/collector/sinks.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "user/collector/metrics_semantic.h"
#include "user/lib/cleanup.h"
#include "user/lib/options.h"
#include "user/wire/batch.h"

static struct sink *sinks[SINKS_MAX];
static size_t len;

static bool is_given(const struct option_list *urls, size_t before, const char *url)
{
	for (size_t i = 0; i < before; i++)
		if (!strcmp(urls->values[i], url))
			return true;
	return false;
}

int sinks_open(const struct option_list *urls)
{
	for (size_t i = 0; i < urls->len; i++) {
		bool is_twice = is_given(urls, i, urls->values[i]);
		const char *why = is_twice ? "it is given twice" : "there are too many";
		int err = -EINVAL;

		if (!is_twice && len < SINKS_MAX)
			err = sink_new(urls->values[i], &sinks[len], &why);

		if (err) {
			fprintf(stderr, "wiretally-collector: --sink '%s': %s\n", urls->values[i],
				why);
			return err;
		}
		len++;
	}
	return 0;
}

void sinks_remember(const char *dir, const struct sink_place *stored)
{
	for (size_t i = 0; i < len; i++)
		sink_remember(sinks[i], dir, stored);
}

static uint64_t announced[SINKS_MAX];

void sinks_announce_begin(void)
{
	memset(announced, 0, sizeof(announced));
}

void sinks_announce_add(const struct batch *b)
{
	for (size_t i = 0; i < len; i++)
		announced[i] += sink_wants(sinks[i], b);
}

void sinks_announce_end(const struct sink_place *end)
{
	for (size_t i = 0; i < len; i++)
		sink_announce(sinks[i], announced[i], end);
}

int sinks_start(void)
{
	int err = 0;

	for (size_t i = 0; !err && i < len; i++)
		err = sink_start(sinks[i], &metrics_semantic);
	return err;
}

void sinks_stop(void)
{
	while (len)
		sink_stop(sinks[--len]);
}

void sinks_give(const struct batch *b, const struct sink_names *names)
{
	for (size_t i = 0; i < len; i++)
		sink_give(sinks[i], b, names);
}

size_t sinks_len(void)
{
	return len;
}

void sinks_counts(size_t i, struct sink_counts *ret)
{
	sink_counts(sinks[i], ret);
}

struct json_t *sinks_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < len; i++) {
		struct sink_counts c;

		sink_counts(sinks[i], &c);
		json_array_append_new(
			list,
			json_pack(
				"{s:s, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:s}",
				"url", c.url, "given", (json_int_t)c.given, "waiting",
				(json_int_t)c.waiting, "delivered", (json_int_t)c.delivered, "lost",
				"queue_full", (json_int_t)c.lost_queue_full, "rejected",
				(json_int_t)c.lost_rejected, "not_sent",
				(json_int_t)c.lost_not_sent, "lag_us", (json_int_t)c.lag_us,
				"messages", (json_int_t)c.messages, "octets", (json_int_t)c.octets,
				"retries", (json_int_t)c.retries, "error", c.error));
	}
	return list;
}

/* ---- /metrics ------------------------------------------------------------------------------- */

#define P "wiretally_sink_"

static uint64_t outcome(const struct sink_counts *c, size_t which)
{
	const uint64_t all[] = { c->delivered, c->lost_queue_full, c->lost_rejected,
				 c->lost_not_sent };

	return all[which];
}

/* A URL is the user's: what a label must not hold is left out. */
static void print_label(const char *url, FILE *out)
{
	fputs("{sink=\"", out);
	for (; *url; url++)
		if (*url > ' ' && *url < 0x7f && *url != '"' && *url != '\\')
			fputc(*url, out);
	fputc('"', out);
}

void metrics_sinks_print(FILE *out)
{
	static const char *const outcomes[] = { "delivered", "lost/queue_full", "lost/rejected",
						"lost/not_sent" };
	struct sink_counts c;

	if (!len)
		return;
	fputs("# HELP " P "rows_total Rows given to a sink, by what became of them.\n"
	      "# TYPE " P "rows_total counter\n",
	      out);
	for (size_t i = 0; i < len; i++) {
		sink_counts(sinks[i], &c);
		for (size_t k = 0; k < ARRAY_LEN(outcomes); k++) {
			fputs(P "rows_total", out);
			print_label(c.url, out);
			fprintf(out, ",outcome=\"%s\"} %" PRIu64 "\n", outcomes[k], outcome(&c, k));
		}
	}
	fputs("# HELP " P "waiting_rows Rows in a sink's queue.\n# TYPE " P "waiting_rows gauge\n",
	      out);
	for (size_t i = 0; i < len; i++) {
		sink_counts(sinks[i], &c);
		fputs(P "waiting_rows", out);
		print_label(c.url, out);
		fprintf(out, "} %" PRIu64 "\n", c.waiting);
	}
	fputs("# HELP " P "lag_seconds Age of the oldest row that waits.\n# TYPE " P
	      "lag_seconds gauge\n",
	      out);
	for (size_t i = 0; i < len; i++) {
		sink_counts(sinks[i], &c);
		fputs(P "lag_seconds", out);
		print_label(c.url, out);
		fprintf(out, "} %.6f\n", (double)c.lag_us / 1e6);
	}
}
