// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Histogram rows of committed batches in, cumulative buckets in seconds out. */
#include "user/metrics/metrics_latency.h"

#include <inttypes.h>
#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "user/metrics/series.h"
#include "user/metrics/metrics_agent.h"
#include "user/wire/batch.h"

struct histogram {
	uint64_t buckets[LATENCY_BUCKETS];
	uint64_t count;
	double sum_s;
};

struct host {
	char agent[BATCH_AGENT_MAX];
	char host[BATCH_NAME_MAX];
	struct histogram kinds[LATENCY_KINDS];
};

static const struct {
	const char *name;
	const char *help;
} kinds[LATENCY_KINDS] = {
	[LATENCY_CONNECT] = { "wiretally_tcp_connect_seconds",
			      "What connect() waited for: SYN to established, of clients." },
	[LATENCY_RTT] = { "wiretally_tcp_rtt_seconds",
			  "Smoothed round trips: a sample for each connection that did something "
			  "in an interval, and one at its end." },
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *hosts; /* tsearch() tree, by agent */
static size_t hosts_len;
static uint64_t left_out;

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct host *)a)->agent, ((const struct host *)b)->agent);
}

static struct host *find(const char *agent)
{
	struct host key = { .agent = "" }, **found, *h;

	snprintf(key.agent, sizeof(key.agent), "%s", agent);
	found = tfind(&key, &hosts, compare);
	if (found)
		return *found;
	h = hosts_len < METRICS_LATENCY_AGENTS_MAX ? malloc(sizeof(*h)) : NULL;
	if (!h)
		return NULL;
	*h = key;
	if (!tsearch(h, &hosts, compare)) {
		free(h);
		return NULL;
	}
	hosts_len++;
	return h;
}

static void add(struct histogram *to, const struct latency *l)
{
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		to->buckets[i] += l->buckets[i];
	to->count += l->count;
	to->sum_s += (double)l->sum_ns / 1e9;
}

void metrics_latency_add(const struct metrics_agent *a, const struct batch *b)
{
	struct host *h;

	if (*b->head.exporter || !b->latencies_len)
		return; /* a file: history, not this host's */
	pthread_mutex_lock(&lock);
	h = find(a->name);
	if (h)
		snprintf(h->host, sizeof(h->host), "%s", b->head.host);
	for (size_t i = 0; h && i < b->latencies_len; i++)
		add(&h->kinds[b->latencies[i].kind], &b->latencies[i]);
	left_out += h ? 0 : b->latencies_len;
	pthread_mutex_unlock(&lock);
}

struct print {
	FILE *out;
	int kind;
};

static void print_host(const void *node, VISIT visit, void *closure)
{
	const struct host *h = *(struct host *const *)node;
	const struct print *p = closure;
	const struct histogram *of = &h->kinds[p->kind];
	const char *name = kinds[p->kind].name;
	struct series_labels l = { .len = 0 };
	uint64_t sum = 0;

	if ((visit != postorder && visit != leaf) || !of->count)
		return;
	series_label(&l, "agent", h->agent);
	series_label(&l, "host", h->host);
	/* The last bucket has no upper end: it is in +Inf alone. */
	for (int i = 0; i < LATENCY_BUCKETS - 1; i++) {
		sum += of->buckets[i];
		fprintf(p->out, "%s_bucket{%s,le=\"%.12g\"} %" PRIu64 "\n", name, l.text,
			(double)(UINT64_C(1) << (LATENCY_SHIFT + i)) / 1e9, sum);
	}
	fprintf(p->out, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, l.text, of->count);
	fprintf(p->out, "%s_sum{%s} %.9f\n", name, l.text, of->sum_s);
	fprintf(p->out, "%s_count{%s} %" PRIu64 "\n", name, l.text, of->count);
}

void metrics_latency_print(FILE *out)
{
	struct print p = { .out = out };

	pthread_mutex_lock(&lock);
	for (; p.kind < LATENCY_KINDS; p.kind++) {
		fprintf(out, "# HELP %s %s\n# TYPE %s histogram\n", kinds[p.kind].name,
			kinds[p.kind].help, kinds[p.kind].name);
		twalk_r(hosts, print_host, &p);
	}
	fprintf(out,
		"# HELP wiretally_metrics_latencies_left_out_total Histogram rows of agents beyond the number that is kept.\n"
		"# TYPE wiretally_metrics_latencies_left_out_total counter\n"
		"wiretally_metrics_latencies_left_out_total %" PRIu64 "\n",
		left_out);
	pthread_mutex_unlock(&lock);
}
