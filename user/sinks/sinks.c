// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* URLs and stored batches in; rows on their way, and what became of them, out. */
#include "user/sinks/sinks.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "user/lib/cleanup.h"
#include "user/lib/options.h"
#include "user/wire/batch.h"

/*
 * `turn` is held while a transaction is under way and guards `stored`, `lock` while the list is
 * read or changed. Only the thread of sinks_set() changes the list.
 */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list {
	struct sink *at[SINKS_MAX];
	const char *urls[SINKS_MAX];
	size_t len;
} sinks;
static char dir[PATH_MAX]; /* of what outlives the process; "": not known */
static struct sink_place stored; /* up to where transactions were made */
static bool is_started;
static const char *program; /* who speaks */
static const struct sink_kinds *kinds;
static const struct sink_metrics *metrics;
static _Atomic uint64_t lost_removed; /* rows of sinks that were taken out */

static struct sink *find(const struct list *list, const char *url)
{
	for (size_t i = 0; i < list->len; i++)
		if (!strcmp(list->urls[i], url))
			return list->at[i];
	return NULL;
}

/* ---- one more, one less --------------------------------------------------------------------- */

static int begin(struct sink *s)
{
	pthread_mutex_lock(&turn);
	if (dir[0])
		sink_remember(s, dir, &stored);
	pthread_mutex_unlock(&turn);
	return is_started ? sink_start(s, metrics) : 0;
}

/* The sink of a URL: the one there is, or a new one. */
static int add(struct list *to, const char *url)
{
	bool is_twice = find(to, url);
	const char *why = is_twice ? "it is given twice" : "there are too many";
	struct sink *s = find(&sinks, url);
	int err = is_twice || to->len == SINKS_MAX ? -EINVAL : 0;

	if (!err && !s)
		err = sink_new(kinds, url, &s, &why);
	if (err) {
		fprintf(stderr, "%s: --sink '%s': %s\n", program, url, why);
		return err;
	}
	to->urls[to->len] = url;
	to->at[to->len++] = s;
	return 0;
}

/* Those of a that b has not; they end at the same time. */
static void remove_others(const struct list *a, const struct list *b)
{
	for (size_t i = 0; i < a->len; i++)
		if (!find(b, a->urls[i]))
			sink_hurry(a->at[i]);
	for (size_t i = 0; i < a->len; i++)
		if (!find(b, a->urls[i]))
			lost_removed += sink_remove(a->at[i]);
}

static void switch_to(const struct list *next)
{
	pthread_mutex_lock(&turn); /* what a transaction announces it also gives */
	pthread_mutex_lock(&lock);
	sinks = *next;
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&turn);
}

void sinks_init(const char *name, const struct sink_kinds *there_are)
{
	program = name;
	kinds = there_are;
}

int sinks_set(const struct option_list *urls)
{
	struct list next = { .len = 0 }, before = sinks;
	int err = 0;

	for (size_t i = 0; !err && i < urls->len; i++)
		err = add(&next, urls->values[i]);
	for (size_t i = 0; !err && i < next.len; i++)
		if (!find(&before, next.urls[i]))
			err = begin(next.at[i]);
	if (err) {
		remove_others(&next, &before);
		return err;
	}
	switch_to(&next);
	remove_others(&before, &next);
	return 0;
}

void sinks_remember(const char *data, const struct sink_place *place)
{
	snprintf(dir, sizeof(dir), "%s", data);
	stored = *place;
	for (size_t i = 0; i < sinks.len; i++)
		sink_remember(sinks.at[i], dir, &stored);
}

int sinks_start(const struct sink_metrics *source)
{
	int err = 0;

	metrics = source;
	is_started = true;
	for (size_t i = 0; !err && i < sinks.len; i++)
		err = sink_start(sinks.at[i], metrics);
	return err;
}

void sinks_stop(void)
{
	const struct list before = sinks, none = { .len = 0 };

	switch_to(&none);
	for (size_t i = 0; i < before.len; i++)
		sink_hurry(before.at[i]);
	for (size_t i = 0; i < before.len; i++)
		sink_stop(before.at[i]);
}

/* ---- transactions --------------------------------------------------------------------------- */

static struct sink_place announced;

void sinks_begin_transaction(void)
{
	pthread_mutex_lock(&turn);
}

uint64_t sinks_stage(const struct batch *b, const struct sink_names *names)
{
	uint64_t rows = 0;

	for (size_t i = 0; i < sinks.len; i++)
		rows += sink_stage(sinks.at[i], b, names);
	return rows;
}

void sinks_announce(const struct sink_place *end)
{
	announced = *end;
	for (size_t i = 0; i < sinks.len; i++)
		sink_announce(sinks.at[i], end);
}

void sinks_end_transaction(bool is_made)
{
	for (size_t i = 0; is_made && i < sinks.len; i++)
		sink_give(sinks.at[i]);
	for (size_t i = 0; !is_made && i < sinks.len; i++)
		sink_unstage(sinks.at[i]);
	if (is_made)
		stored = announced;
	pthread_mutex_unlock(&turn);
}

/* ---- what is said of them ------------------------------------------------------------------- */

static size_t counts_of_all(struct sink_counts counts[SINKS_MAX])
{
	size_t len;

	pthread_mutex_lock(&lock);
	len = sinks.len;
	for (size_t i = 0; i < len; i++)
		sink_counts(sinks.at[i], &counts[i]);
	pthread_mutex_unlock(&lock);
	return len;
}

struct json_t *sinks_json(void)
{
	struct sink_counts counts[SINKS_MAX];
	size_t len = counts_of_all(counts);
	json_t *list = json_array();

	for (size_t i = 0; i < len; i++) {
		struct sink_counts c = counts[i];

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
	struct sink_counts all[SINKS_MAX];
	size_t len = counts_of_all(all);

	fprintf(out,
		"# HELP " P "removed_lost_rows_total Rows that sinks still had 5 s after they were "
		"taken out of the file of options.\n"
		"# TYPE " P "removed_lost_rows_total counter\n" P "removed_lost_rows_total %" PRIu64
		"\n",
		lost_removed);
	if (!len)
		return;
	fputs("# HELP " P "rows_total Rows given to a sink, by what became of them.\n"
	      "# TYPE " P "rows_total counter\n",
	      out);
	for (size_t i = 0; i < len; i++) {
		for (size_t k = 0; k < ARRAY_LEN(outcomes); k++) {
			fputs(P "rows_total", out);
			print_label(all[i].url, out);
			fprintf(out, ",outcome=\"%s\"} %" PRIu64 "\n", outcomes[k],
				outcome(&all[i], k));
		}
	}
	fputs("# HELP " P "waiting_rows Rows in a sink's queue.\n# TYPE " P "waiting_rows gauge\n",
	      out);
	for (size_t i = 0; i < len; i++) {
		fputs(P "waiting_rows", out);
		print_label(all[i].url, out);
		fprintf(out, "} %" PRIu64 "\n", all[i].waiting);
	}
	fputs("# HELP " P "lag_seconds Age of the oldest row that waits.\n# TYPE " P
	      "lag_seconds gauge\n",
	      out);
	for (size_t i = 0; i < len; i++) {
		fputs(P "lag_seconds", out);
		print_label(all[i].url, out);
		fprintf(out, "} %.6f\n", (double)all[i].lag_us / 1e6);
	}
}
