// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Series and ledgers of /metrics in, values with semantic names out. */
#include "user/sinks/metrics_semantic.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/metrics/metrics_ledger.h"
#include "user/metrics/series.h"

#define VALUE_MAX 256
#define LABELS_MAX 2

/* A family, and which labels are which attributes. */
static const struct semantic {
	enum series_family family;
	const char *name, *unit;
	bool is_level;
	struct {
		const char *label, *attribute;
	} labels[LABELS_MAX];
} semantics[] = {
	{ FAMILY_PLAIN_TCP_CONNECTIONS,
	  "system.network.connection.count",
	  "{connection}",
	  true,
	  { { "state", "network.connection.state" } } },
	{ FAMILY_PLAIN_DROPPED,
	  "system.network.packet.dropped",
	  "{packet}",
	  false,
	  { { "interface", "network.interface.name" } } },
	{ FAMILY_PLAIN_SEGMENTS_SENT,
	  "wiretally.tcp.segments.sent",
	  "{segment}",
	  false,
	  { { 0 } } },
	{ FAMILY_PLAIN_RETRANSMITS, "wiretally.tcp.retransmits", "{segment}", false, { { 0 } } },
	{ FAMILY_DROPPED,
	  "wiretally.kernel.packet.dropped",
	  "{packet}",
	  false,
	  { { "reason", "wiretally.drop.reason" }, { "class", "wiretally.drop.class" } } },
};

struct telling {
	const struct semantic *semantic;
	sink_metric_fn *fn;
	void *arg;
	int64_t since_us;
};

static void add(struct sink_metric *m, const char *name, const char *value)
{
	m->attributes[m->attributes_len++] = (struct sink_attribute){ name, value };
}

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static void tell_series(void *arg, const char *labels, uint64_t value)
{
	const struct telling *t = arg;
	const struct semantic *s = t->semantic;
	char host[VALUE_MAX], values[LABELS_MAX][VALUE_MAX];
	struct sink_metric m = { .name = s->name,
				 .unit = s->unit,
				 .host = host,
				 .is_level = s->is_level,
				 .since_us = t->since_us,
				 .value = value };

	series_label_of(labels, "host", host, sizeof(host));
	for (size_t i = 0; i < LABELS_MAX && s->labels[i].label; i++) {
		series_label_of(labels, s->labels[i].label, values[i], sizeof(values[i]));
		if (s->family == FAMILY_PLAIN_TCP_CONNECTIONS)
			lower(values[i]); /* "syn_recv" is what the conventions have */
		add(&m, s->labels[i].attribute, values[i]);
	}
	if (s->family == FAMILY_PLAIN_TCP_CONNECTIONS)
		add(&m, "network.transport", "tcp");
	t->fn(t->arg, &m);
}

static void tell_point(void *arg, const struct metrics_point *p)
{
	const struct telling *t = arg;
	char netns[16];
	struct sink_metric m = { .name = "system.network.io",
				 .unit = "By",
				 .host = p->host,
				 .since_us = t->since_us,
				 .value = p->octets };

	if (p->is_inner)
		return; /* is in the outer packet */
	snprintf(netns, sizeof(netns), "%u", p->netns);
	add(&m, "network.interface.name", p->interface);
	add(&m, "network.io.direction", p->is_egress ? "transmit" : "receive");
	add(&m, "wiretally.netns", netns);
	add(&m, "wiretally.agent", p->agent);
	t->fn(t->arg, &m);
	m.name = "system.network.packet.count";
	m.unit = "{packet}";
	m.value = p->packets;
	t->fn(t->arg, &m);
}

static int64_t started_us;

static void each(void *source_arg, sink_metric_fn *fn, void *arg)
{
	struct telling t = { .fn = fn, .arg = arg, .since_us = started_us };

	metrics_ledger_each(tell_point, &t);
	for (size_t i = 0; i < ARRAY_LEN(semantics); i++) {
		t.semantic = &semantics[i];
		series_each(semantics[i].family, wall_us(), tell_series, &t);
	}
}

const struct sink_metrics *metrics_semantic(int64_t since_us)
{
	static const struct sink_metrics source = { .each = each };

	started_us = since_us;
	return &source;
}
