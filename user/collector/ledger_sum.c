// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Counts in, the audit out. */
#include "user/collector/ledger_sum.h"

#include <errno.h>
#include <jansson.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/wire/flow.h"
#include "user/wire/signal.h"

struct sums {
	int64_t packets;
	int64_t octets;
};

/* How a name is shown and which equation it is in. */
enum term {
	TERM_NONE, /* explains, but is in no equation */
	TERM_SEEN,
	TERM_RECORDED, /* out of the agent's equation, into the store's */
	TERM_LOST_BEFORE, /* never recorded */
	TERM_LOST_AFTER, /* recorded, then lost before it was stored */
	TERM_STORED,
};

static const struct family {
	const char *name; /* with '/' at its end: a prefix, shown as an object */
	const char *key;
	enum term term;
} families[] = {
	{ "seen", "seen", TERM_SEEN },
	{ "recorded", "recorded", TERM_RECORDED },
	{ "folded", "folded", TERM_RECORDED },
	{ "filtered", "filtered", TERM_LOST_BEFORE },
	{ "sampled_out", "sampled_out", TERM_LOST_BEFORE },
	{ "missed_nested", "missed_nested", TERM_LOST_BEFORE },
	{ LEDGER_STORED, "stored", TERM_STORED },
	{ LEDGER_STORED_FOLD, "stored_fold", TERM_STORED },
	{ "unparsed/", "unparsed", TERM_LOST_BEFORE },
	{ LEDGER_LOST_AFTER, "lost", TERM_LOST_AFTER },
	{ "lost/", "lost", TERM_LOST_BEFORE },
	{ "fold_reason/", "fold_reasons", TERM_NONE },
	{ "kernel/", "kernel", TERM_NONE },
	{ "export/", "export", TERM_NONE },
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

struct point {
	struct ledger_key key;
	struct ledger_span span;
	json_t *counts; /* as shown */
	json_t *names; /* agent, host, exporter, instance, interface */
	struct sums agent;
	struct sums store;
};

struct ledger_sum {
	void *tree; /* tsearch() */
	size_t len;
	struct point *points[LEDGER_POINTS_MAX];
	json_t *totals; /* counts as shown, over all points */
};

static int compare_points(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static void keep(void *node)
{
}

static json_t *counts_new(void)
{
	json_t *counts = json_object();

	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *f = &families[i];

		if (json_object_get(counts, f->key))
			continue;
		if (strchr(f->name, '/'))
			json_object_set_new(counts, f->key, json_object());
		else
			json_object_set_new(counts, f->key,
					    json_pack("{s:i, s:i}", "packets", 0, "octets", 0));
	}
	return counts;
}

struct ledger_sum *ledger_sum_new(void)
{
	struct ledger_sum *s = calloc(1, sizeof(*s));

	if (s)
		s->totals = counts_new();
	return s;
}

void ledger_sum_free(struct ledger_sum *s)
{
	if (!s)
		return;
	tdestroy(s->tree, keep);
	for (size_t i = 0; i < s->len; i++) {
		json_decref(s->points[i]->counts);
		json_decref(s->points[i]->names);
		free(s->points[i]);
	}
	json_decref(s->totals);
	free(s);
}

static int find_point(struct ledger_sum *s, const struct ledger_key *key, struct point **ret)
{
	struct point wanted = { .key = *key };
	struct point **found = tfind(&wanted, &s->tree, compare_points);

	if (found) {
		*ret = *found;
		return 0;
	}
	if (s->len == LEDGER_POINTS_MAX)
		return -E2BIG;
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->key = *key;
	(*ret)->counts = counts_new();
	(*ret)->names = json_object();
	s->points[s->len++] = *ret;
	return tsearch(*ret, &s->tree, compare_points) ? 0 : -ENOMEM;
}

static const struct family *find_family(const char *name)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		const struct family *f = &families[i];

		if (strchr(f->name, '/') ? !strncmp(name, f->name, strlen(f->name))
					 : !strcmp(name, f->name))
			return f;
	}
	return NULL;
}

static void sums_add(struct sums *to, int sign, int64_t packets, int64_t octets)
{
	to->packets += sign * packets;
	to->octets += sign * octets;
}

static void balance(struct point *p, enum term term, int64_t packets, int64_t octets)
{
	switch (term) {
	case TERM_SEEN:
		sums_add(&p->agent, 1, packets, octets);
		break;
	case TERM_RECORDED:
		sums_add(&p->agent, -1, packets, octets);
		sums_add(&p->store, 1, packets, octets);
		break;
	case TERM_LOST_BEFORE:
		sums_add(&p->agent, -1, packets, octets);
		break;
	case TERM_LOST_AFTER:
	case TERM_STORED:
		sums_add(&p->store, -1, packets, octets);
		break;
	case TERM_NONE:
		break;
	}
}

/* "bad ihl" of "unparsed/bad ihl"; all of a name we do not know; NULL for the plain ones. */
static const char *name_within(const struct family *f, const char *name)
{
	const char *slash = strchr(name, '/');

	if (!*f->name)
		return name;
	return slash ? slash + 1 : NULL;
}

static void show(json_t *counts, const struct family *f, const char *name, int64_t packets,
		 int64_t octets)
{
	const char *key = name_within(f, name);
	json_t *to = json_object_get(counts, f->key);
	json_t *count = key ? json_object_get(to, key) : to;

	if (!count) {
		json_object_set_new(to, key, json_pack("{s:i, s:i}", "packets", 0, "octets", 0));
		count = json_object_get(to, key);
	}
	packets += json_integer_value(json_object_get(count, "packets"));
	octets += json_integer_value(json_object_get(count, "octets"));
	json_object_set_new(count, "packets", json_integer(packets));
	json_object_set_new(count, "octets", json_integer(octets));
}

static void widen(struct ledger_span *to, const struct ledger_span *span)
{
	if (!span->intervals)
		return;
	if (!to->intervals || span->from_us < to->from_us)
		to->from_us = span->from_us;
	if (span->to_us > to->to_us)
		to->to_us = span->to_us;
	if (span->intervals > to->intervals)
		to->intervals = span->intervals;
}

int ledger_sum_add(struct ledger_sum *s, const struct ledger_key *key, const char *name,
		   int64_t packets, int64_t octets, const struct ledger_span *span)
{
	static const struct family unknown = { "", "other", TERM_NONE };
	const struct family *f = find_family(name);
	struct point *p;
	int err = find_point(s, key, &p);

	if (err)
		return err;
	widen(&p->span, span);
	if (!f) { /* a name of a newer agent: kept and shown, in no equation */
		f = &unknown;
		if (!json_object_get(p->counts, f->key))
			json_object_set_new(p->counts, f->key, json_object());
		if (!json_object_get(s->totals, f->key))
			json_object_set_new(s->totals, f->key, json_object());
	}
	balance(p, f->term, packets, octets);
	show(p->counts, f, name, packets, octets);
	show(s->totals, f, name, packets, octets);
	return 0;
}

void ledger_sum_name(struct ledger_sum *s, uint32_t exporter_id, uint32_t ifindex, uint32_t netns,
		     const char *const text[5])
{
	static const char *const keys[] = { "agent", "host", "exporter", "instance" };

	for (size_t i = 0; i < s->len; i++) {
		struct point *p = s->points[i];

		if (p->key.exporter_id != exporter_id)
			continue;
		for (size_t k = 0; k < 4; k++)
			json_object_set_new(p->names, keys[k], json_string(text[k] ? text[k] : ""));
		if (text[4] && p->key.ifindex == ifindex && p->key.netns == netns)
			json_object_set_new(p->names, "interface", json_string(text[4]));
	}
}

static json_t *sums_json(const struct sums *s)
{
	return json_pack("{s:I, s:I}", "packets", (json_int_t)s->packets, "octets",
			 (json_int_t)s->octets);
}

/* Points that are no interface; user/wire/signal.h has their numbers. NULL: it is one. */
static const char *ledger_point_name(uint32_t point)
{
	switch (point) {
	case SIGNAL_POINT_TCP:
		return "socket events";
	case SIGNAL_POINT_DROPS:
		return "drops";
	case SIGNAL_POINT_LATENCIES:
		return "latencies";
	case POINT_RECORDS:
		return "records";
	default:
		return NULL;
	}
}

static json_t *point_json(const struct point *p)
{
	const char *interface = json_string_value(json_object_get(p->names, "interface"));
	const char *host_point = ledger_point_name(p->key.point);
	char number[16];
	json_t *row;

	snprintf(number, sizeof(number), "if%u", p->key.ifindex);
	if (host_point)
		interface = "host";
	row = json_pack("{s:s, s:I, s:I, s:s?, s:s?, s:I, s:I, s:I, s:o, s:o}", "interface",
			interface ? interface : number, "ifindex", (json_int_t)p->key.ifindex,
			"netns", (json_int_t)p->key.netns, "direction",
			host_point	   ? NULL
			: p->key.point & 1 ? "egress"
					   : "ingress",
			"layer",
			host_point	   ? NULL
			: p->key.point & 2 ? "inner"
					   : "outer",
			"intervals", (json_int_t)p->span.intervals, "from_us",
			(json_int_t)p->span.from_us, "to_us", (json_int_t)p->span.to_us,
			"agent_balance", sums_json(&p->agent), "store_balance",
			sums_json(&p->store));
	json_object_set_new(row, "point", json_string(host_point ? host_point : "packets"));
	json_object_update_missing(row, p->names);
	json_object_update(row, p->counts);
	return row;
}

static bool is_balanced(const struct point *p)
{
	return !p->agent.packets && !p->agent.octets && !p->store.packets && !p->store.octets;
}

static int compare_shown(const void *a, const void *b)
{
	const struct ledger_key *x = &(*(struct point *const *)a)->key;
	const struct ledger_key *y = &(*(struct point *const *)b)->key;

	if (x->exporter_id != y->exporter_id)
		return x->exporter_id < y->exporter_id ? -1 : 1;
	if (x->netns != y->netns)
		return x->netns < y->netns ? -1 : 1;
	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return (x->point > y->point) - (x->point < y->point);
}

json_t *ledger_sum_json(const struct ledger_sum *s, int64_t from_us, int64_t to_us,
			int64_t expired_intervals)
{
	AUTO_FREE struct point **sorted = calloc(s->len + 1, sizeof(struct point *));
	json_t *rows = json_array();
	bool balanced = true;

	if (!sorted)
		return NULL;
	memcpy(sorted, s->points, s->len * sizeof(*sorted));
	qsort(sorted, s->len, sizeof(*sorted), compare_shown);
	for (size_t i = 0; i < s->len; i++) {
		json_array_append_new(rows, point_json(sorted[i]));
		balanced = balanced && is_balanced(sorted[i]);
	}
	return json_pack("{s:I, s:I, s:b, s:I, s:o, s:O}", "from_us", (json_int_t)from_us, "to_us",
			 (json_int_t)to_us, "balanced", balanced, "expired_intervals",
			 (json_int_t)expired_intervals, "rows", rows, "stages", s->totals);
}
