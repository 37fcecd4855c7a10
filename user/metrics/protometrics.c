// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Lines of text in, a message for each family out. */
#include "user/metrics/protometrics.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/prometheus.pb-c.h"
#include "user/lib/cleanup.h"
#include "user/lib/pool.h"

#define HELP "# HELP "
#define TYPE "# TYPE "
#define LABELS_MAX 16
#define BUCKETS_MAX 64
#define VARINT_MAX 10
#define ZERO_THRESHOLD 2.938735877055719e-39 /* 2^-128, as Prometheus has it where nobody says */

#define P(x) Wiretally__Prometheus__##x
#define INIT(x) wiretally__prometheus__##x##__init

struct reading {
	struct pool pool;
	FILE *out;
	P(MetricFamily) family;
	P(Metric) * histogram; /* whose lines are being read; NULL: none */
	size_t cap; /* of family.metric */
};

static bool starts_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static bool is_histogram(const struct reading *r)
{
	return r->family.type == WIRETALLY__PROMETHEUS__METRIC_TYPE__HISTOGRAM;
}

/* ---- messages out --------------------------------------------------------------------------- */

static void put_length(FILE *out, size_t n)
{
	for (; n >= 0x80; n >>= 7)
		fputc((int)(n & 0x7f) | 0x80, out);
	fputc((int)n, out);
}

static void end_family(struct reading *r)
{
	AUTO_FREE uint8_t *bytes = NULL;
	size_t len;

	if (r->family.n_metric && !r->pool.failed) {
		len = wiretally__prometheus__metric_family__get_packed_size(&r->family);
		bytes = malloc(len);
		if (bytes) {
			wiretally__prometheus__metric_family__pack(&r->family, bytes);
			put_length(r->out, len);
			fwrite(bytes, 1, len, r->out);
		}
		r->pool.failed |= !bytes;
	}
	INIT(metric_family)(&r->family);
	r->histogram = NULL;
	r->cap = 0;
}

static P(Metric) * add_metric(struct reading *r)
{
	P(Metric) *m = pool_alloc(&r->pool, sizeof(*m)), **more;

	if (m && r->family.n_metric == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;

		more = pool_alloc(&r->pool, cap * sizeof(void *));
		if (!more)
			return NULL;
		if (r->cap)
			memcpy(more, r->family.metric, r->cap * sizeof(void *));
		r->family.metric = more;
		r->cap = cap;
	}
	if (!m)
		return NULL;
	INIT(metric)(m);
	r->family.metric[r->family.n_metric++] = m;
	return m;
}

/* ---- labels --------------------------------------------------------------------------------- */

/* Behind its closing quote; backslashes taken away. */
static const char *read_value(struct reading *r, const char *at, char **ret)
{
	const char *from = at;
	size_t n = 0;
	char *to;

	while (*at && *at != '"' && *at != '\n')
		at += *at == '\\' && at[1] ? 2 : 1;
	to = pool_text(&r->pool, from, (size_t)(at - from));
	*ret = to;
	for (; to && from < at; from++) {
		if (*from == '\\' && from + 1 < at)
			from++;
		to[n++] = *from == 'n' && from[-1] == '\\' ? '\n' : *from;
	}
	if (to)
		to[n] = '\0';
	return *at == '"' ? at + 1 : at;
}

/* {a="b",le="0.1"}: le apart. Returns what is behind the brace. */
static const char *read_labels(struct reading *r, const char *at, P(LabelPair) * **ret, size_t *len,
			       const char **le)
{
	*ret = pool_alloc(&r->pool, LABELS_MAX * sizeof(void *));
	for (at++; *ret && *at && *at != '}' && *at != '\n' && *len < LABELS_MAX;) {
		P(LabelPair) *pair = pool_alloc(&r->pool, sizeof(*pair));
		size_t name = strcspn(at, "=}\n");

		if (!pair || at[name] != '=' || at[name + 1] != '"')
			break;
		INIT(label_pair)(pair);
		pair->name = pool_text(&r->pool, at, name);
		at = read_value(r, at + name + 2, &pair->value);
		if (pair->name && !strcmp(pair->name, "le"))
			*le = pair->value;
		else
			(*ret)[(*len)++] = pair;
		at += *at == ',';
	}
	at += strcspn(at, "}\n");
	return at + (*at == '}');
}

/* ---- histograms ----------------------------------------------------------------------------- */

static void add_bucket(struct reading *r, const char *le, double count)
{
	P(Histogram) *h = r->histogram->histogram;
	P(Bucket) *b = pool_alloc(&r->pool, sizeof(*b));

	if (!b || !le || h->n_bucket == BUCKETS_MAX)
		return;
	INIT(bucket)(b);
	b->has_cumulative_count = b->has_upper_bound = true;
	b->cumulative_count = (uint64_t)count;
	b->upper_bound = strtod(le, NULL); /* "+Inf", too */
	h->bucket[h->n_bucket++] = b;
}

static int native_index(const P(Histogram) * h, size_t i)
{
	double bound = h->bucket[i]->upper_bound;

	if (isfinite(bound) && bound > 0)
		return (int)lround(log2(bound));
	return i ? native_index(h, i - 1) + 1 : 0;
}

/* One span from the first bucket with samples to the last. */
static void add_native(struct reading *r, P(Histogram) * h)
{
	P(BucketSpan) *span = pool_alloc(&r->pool, sizeof(*span));
	P(BucketSpan) **spans = pool_alloc(&r->pool, sizeof(*spans));
	int64_t *deltas = pool_alloc(&r->pool, BUCKETS_MAX * sizeof(*deltas));
	int64_t before = 0;
	uint64_t sum = 0;

	if (r->pool.failed)
		return;
	INIT(bucket_span)(span);
	span->has_offset = span->has_length = true;
	for (size_t i = 0; i < h->n_bucket; i++) {
		int64_t count = (int64_t)(h->bucket[i]->cumulative_count - sum);

		sum = h->bucket[i]->cumulative_count;
		if (!count && !span->length)
			continue;
		if (!span->length)
			span->offset = native_index(h, i);
		deltas[span->length++] = count - before;
		before = count;
	}
	h->has_schema = h->has_zero_threshold = h->has_zero_count = true;
	h->zero_threshold = ZERO_THRESHOLD;
	*spans = span;
	h->positive_span = spans;
	h->n_positive_span = 1;
	h->positive_delta = deltas;
	h->n_positive_delta = span->length;
}

/* Its first line. */
static void begin_histogram(struct reading *r, P(LabelPair) * *labels, size_t len)
{
	P(Metric) *m = add_metric(r);
	P(Histogram) *h = pool_alloc(&r->pool, sizeof(*h));

	if (!m || !h)
		return;
	INIT(histogram)(h);
	h->bucket = pool_alloc(&r->pool, BUCKETS_MAX * sizeof(void *));
	m->label = labels;
	m->n_label = len;
	m->histogram = h;
	r->histogram = h->bucket ? m : NULL;
}

/* Lines of one stand together: buckets, sum, count, which is the last. */
static void take_histogram(struct reading *r, const char *suffix, P(LabelPair) * *labels,
			   size_t len, const char *le, double value)
{
	P(Histogram) * h;

	if (!r->histogram)
		begin_histogram(r, labels, len);
	if (!r->histogram)
		return;
	h = r->histogram->histogram;
	if (starts_with(suffix, "_bucket")) {
		add_bucket(r, le, value);
	} else if (starts_with(suffix, "_sum")) {
		h->has_sample_sum = true;
		h->sample_sum = value;
	} else {
		h->has_sample_count = true;
		h->sample_count = (uint64_t)value;
		add_native(r, h);
		r->histogram = NULL;
	}
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void take_number(struct reading *r, P(LabelPair) * *labels, size_t len, double value)
{
	P(Metric) *m = add_metric(r);
	P(Number) *n = pool_alloc(&r->pool, sizeof(*n));

	if (!m || !n)
		return;
	INIT(number)(n);
	n->has_value = true;
	n->value = value;
	m->label = labels;
	m->n_label = len;
	if (r->family.type == WIRETALLY__PROMETHEUS__METRIC_TYPE__COUNTER)
		m->counter = n;
	else if (r->family.type == WIRETALLY__PROMETHEUS__METRIC_TYPE__GAUGE)
		m->gauge = n;
	else
		m->untyped = n;
}

static void take_sample(struct reading *r, const char *line)
{
	size_t name = strcspn(line, "{ \n"), len = 0;
	P(LabelPair) **labels = NULL;
	const char *at = line + name, *le = NULL;

	if (!r->family.name || !starts_with(line, r->family.name))
		return;
	if (*at == '{')
		at = read_labels(r, at, &labels, &len, &le);
	if (is_histogram(r))
		take_histogram(r, line + strlen(r->family.name), labels, len, le, strtod(at, NULL));
	else
		take_number(r, labels, len, strtod(at, NULL));
}

/* A family begins with its HELP. */
static void take_help(struct reading *r, const char *line)
{
	const char *name = line + strlen(HELP);
	size_t len = strcspn(name, " \n"), help = strcspn(name + len, "\n");

	end_family(r);
	r->family.name = pool_text(&r->pool, name, len);
	r->family.help = pool_text(&r->pool, name + len + (help > 0), help - (help > 0));
}

static void take_type(struct reading *r, const char *line)
{
	static const struct {
		const char *word;
		P(MetricType) type;
	} types[] = {
		{ " counter", WIRETALLY__PROMETHEUS__METRIC_TYPE__COUNTER },
		{ " gauge", WIRETALLY__PROMETHEUS__METRIC_TYPE__GAUGE },
		{ " histogram", WIRETALLY__PROMETHEUS__METRIC_TYPE__HISTOGRAM },
	};
	const char *word = line + strlen(TYPE);

	word += strcspn(word, " \n");
	r->family.has_type = true;
	r->family.type = WIRETALLY__PROMETHEUS__METRIC_TYPE__UNTYPED;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (starts_with(word, types[i].word))
			r->family.type = types[i].type;
}

char *protometrics_from_text(const char *text, size_t *ret_len)
{
	struct reading r = { .histogram = NULL };
	char *bytes = NULL;
	bool failed;

	r.out = open_memstream(&bytes, ret_len);
	if (!r.out)
		return NULL;
	INIT(metric_family)(&r.family);
	while (*text) {
		if (starts_with(text, HELP))
			take_help(&r, text);
		else if (starts_with(text, TYPE))
			take_type(&r, text);
		else if (*text != '#')
			take_sample(&r, text);
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	end_family(&r);
	failed = r.pool.failed || ferror(r.out);
	pool_done(&r.pool);
	if (fclose(r.out) || failed) {
		free(bytes);
		return NULL;
	}
	return bytes;
}
