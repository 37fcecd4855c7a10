// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Committed batches in, labelled values out: a table says which count becomes which series. */
#include "user/metrics/metrics_host.h"

#include <stdio.h>
#include <string.h>

#include "user/metrics/series.h"
#include "user/lib/cleanup.h"
#include "user/metrics/metrics_agent.h"
#include "user/wire/batch.h"

#define STARS_MAX 2

/* A star is one part of the name, which becomes the label. */
static const struct pattern {
	const char *name;
	enum series_family family;
	const char *stars[STARS_MAX]; /* their labels */
	const char *label, *value; /* one more, or NULL */
} patterns[] = {
	{ "sockets/*/*", FAMILY_TCP_CONNECTIONS, { "family", "state" }, NULL, NULL },
	{ "tcp/listen_queue_sum", FAMILY_TCP_LISTEN_QUEUE, { NULL }, "of", "sum" },
	{ "tcp/listen_queue_max", FAMILY_TCP_LISTEN_QUEUE, { NULL }, "of", "longest" },
	{ "tcp/listen_queue_limit", FAMILY_TCP_LISTEN_QUEUE, { NULL }, "of", "limit" },
	{ "tcp/listen_queues_full", FAMILY_TCP_LISTEN_QUEUE, { NULL }, "of", "full_queues" },
	{ "tcp/segments_sent", FAMILY_TCP_SENT, { NULL }, NULL, NULL },
	{ "tcp/retransmitted_segments", FAMILY_TCP_RETRANSMITTED, { NULL }, NULL, NULL },
	{ "tcp/listen_overflows", FAMILY_TCP_LISTEN_OVERFLOWS, { NULL }, NULL, NULL },
	{ "tcp/listen_drops", FAMILY_TCP_LISTEN_DROPS, { NULL }, NULL, NULL },
	{ "tcp/syncookies_sent", FAMILY_TCP_SYN_COOKIES, { NULL }, NULL, NULL },
	{ "nic/*/rx_dropped", FAMILY_INTERFACE_DROPPED, { "interface" }, "where", "rx_dropped" },
	{ "nic/*/tx_dropped", FAMILY_INTERFACE_DROPPED, { "interface" }, "where", "tx_dropped" },
	{ "nic/*/rx_errors", FAMILY_INTERFACE_DROPPED, { "interface" }, "where", "rx_errors" },
	{ "nic/*/tx_errors", FAMILY_INTERFACE_DROPPED, { "interface" }, "where", "tx_errors" },
	{ "nic/*/rx_missed_errors",
	  FAMILY_INTERFACE_DROPPED,
	  { "interface" },
	  "where",
	  "rx_missed" },
	{ "qdisc/*/drops", FAMILY_INTERFACE_DROPPED, { "interface" }, "where", "qdisc" },
	{ "qdisc/*/ingress_drops",
	  FAMILY_INTERFACE_DROPPED,
	  { "interface" },
	  "where",
	  "qdisc_ingress" },
	{ "softnet/dropped", FAMILY_SOFTNET_DROPPED, { NULL }, NULL, NULL },
	{ "softnet/time_squeeze", FAMILY_SOFTNET_SQUEEZES, { NULL }, NULL, NULL },
};

/*
 * The same counts once more under plain names, summed up over everything but host and one label.
 * What an interface's driver and queueing disciplines count, and not what is dropped after them:
 * most of that they have counted too.
 */
static const struct plain {
	const char *name;
	enum series_family family;
	int star; /* which one is the label; -1: none */
	const char *label;
} plains[] = {
	{ "sockets/*/*", FAMILY_PLAIN_TCP_CONNECTIONS, 1, "state" },
	{ "tcp/segments_sent", FAMILY_PLAIN_SEGMENTS_SENT, -1, NULL },
	{ "tcp/retransmitted_segments", FAMILY_PLAIN_RETRANSMITS, -1, NULL },
	{ "nic/*/rx_dropped", FAMILY_PLAIN_DROPPED, 0, "interface" },
	{ "nic/*/tx_dropped", FAMILY_PLAIN_DROPPED, 0, "interface" },
	{ "nic/*/rx_missed_errors", FAMILY_PLAIN_DROPPED, 0, "interface" },
	{ "qdisc/*/drops", FAMILY_PLAIN_DROPPED, 0, "interface" },
	{ "qdisc/*/ingress_drops", FAMILY_PLAIN_DROPPED, 0, "interface" },
};

/* What the stars of a pattern stand for. */
struct match {
	char stars[STARS_MAX][HOST_COUNT_NAME_MAX];
};

static bool matches(const char *pattern, const char *name, struct match *m)
{
	size_t star = 0, len;

	for (; *pattern; pattern++) {
		if (*pattern != '*') {
			if (*pattern != *name++)
				return false;
			continue;
		}
		len = strcspn(name, "/");
		if (!len || star == STARS_MAX)
			return false;
		snprintf(m->stars[star++], sizeof(m->stars[0]), "%.*s", (int)len, name);
		name += len;
	}
	return !*name;
}

struct source {
	const struct metrics_agent *agent;
	const char *host;
	int64_t now_us;
};

static struct series_labels labels_of(const struct source *src)
{
	struct series_labels l = { .len = 0 };

	series_label(&l, "agent", src->agent->name);
	series_label(&l, "host", src->host);
	return l;
}

static void tell(const struct source *src, enum series_family family,
		 const struct series_labels *labels, const struct host_count *c)
{
	if (c->is_gauge)
		series_set(family, src->agent->name, labels, c->value, src->now_us);
	else
		series_add(family, src->agent->name, labels, c->value, src->now_us);
}

static void add_host_count(const struct source *src, const struct host_count *c)
{
	struct series_labels l = labels_of(src);
	struct match m = { 0 };

	series_label_number(&l, "netns", c->netns);
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		const struct pattern *p = &patterns[i];

		if (!matches(p->name, c->name, &m))
			continue;
		for (size_t star = 0; star < STARS_MAX && p->stars[star]; star++)
			series_label(&l, p->stars[star], m.stars[star]);
		if (p->label)
			series_label(&l, p->label, p->value);
		tell(src, p->family, &l, c);
		return;
	}
	series_label(&l, "name", c->name);
	tell(src, c->is_gauge ? FAMILY_HOST_LEVEL : FAMILY_HOST_EVENTS, &l, c);
}

/* Gauges were set to 0 before: adding makes them sums too. */
static void add_plain(const struct source *src, const struct host_count *c)
{
	struct match m = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(plains); i++) {
		const struct plain *p = &plains[i];
		struct series_labels l = { .len = 0 };

		if (!matches(p->name, c->name, &m))
			continue;
		series_label(&l, "host", src->host);
		if (p->label)
			series_label(&l, p->label, m.stars[p->star]);
		series_add(p->family, src->agent->name, &l, c->value, src->now_us);
		return;
	}
}

/* Names alone: numbers of interfaces go up for ever, and each would be a label. */
static const char *interface_name(const struct metrics_agent *a, const struct drop *d)
{
	for (size_t i = 0; i < a->interfaces_len; i++)
		if (a->interfaces[i].index == d->ifindex &&
		    (!d->netns || a->interfaces[i].netns == d->netns))
			return a->interfaces[i].name;
	return "other";
}

static void add_drop(const struct source *src, const struct drop *d)
{
	struct series_labels by_reason = labels_of(src), by_interface = by_reason;
	char place[DROP_LOCATION_MAX];

	/* 5.10 gives no reason: the function is the name */
	snprintf(place, sizeof(place), "%.*s", (int)strcspn(d->location, "+"), d->location);
	series_label(&by_reason, "reason", *d->reason ? d->reason : *place ? place : "unknown");
	series_label(&by_reason, "class", d->purged ? "purged" : "lost");
	series_add(FAMILY_DROPPED, src->agent->name, &by_reason, d->packets, src->now_us);
	if (d->purged || !d->ifindex)
		return;
	series_label_number(&by_interface, "netns", d->netns);
	series_label(&by_interface, "interface", interface_name(src->agent, d));
	series_label(&by_interface, "where", "stack");
	series_add(FAMILY_INTERFACE_DROPPED, src->agent->name, &by_interface, d->packets,
		   src->now_us);
}

static const char *signal_name(uint32_t point)
{
	static const char *const names[] = {
		[SIGNAL_POINT_TCP - SIGNAL_POINT_TCP] = "tcp",
		[SIGNAL_POINT_DROPS - SIGNAL_POINT_TCP] = "drops",
		[SIGNAL_POINT_LATENCIES - SIGNAL_POINT_TCP] = "latencies",
	};
	uint32_t i = point - SIGNAL_POINT_TCP;

	return i < ARRAY_LEN(names) ? names[i] : "other";
}

static void add_signal_ledger(const struct source *src, const struct ledger_row *row)
{
	struct series_labels l = labels_of(src);

	series_label(&l, "signal", signal_name(row->point));
	for (uint32_t i = 0; i < row->counts_len; i++) {
		const struct ledger_count *c = &row->counts[i];
		struct series_labels with = l;

		if (!strcmp(c->name, "seen")) {
			series_add(FAMILY_SIGNAL_SEEN, src->agent->name, &l, c->packets,
				   src->now_us);
			continue;
		}
		series_label(&with, "outcome", c->name);
		if (c->packets)
			series_add(FAMILY_SIGNAL_EVENTS, src->agent->name, &with, c->packets,
				   src->now_us);
	}
}

void metrics_host_add(const struct metrics_agent *a, const struct batch *b, int64_t now_us)
{
	struct source src = { .agent = a, .host = b->head.host, .now_us = now_us };
	struct series_labels l;

	if (*b->head.exporter)
		return; /* a file: history, not this host's */
	l = labels_of(&src);
	series_set(FAMILY_LAST_BATCH, a->name, &l, (uint64_t)now_us / 1000000, now_us);
	if (b->host_counts_len)
		series_zero_gauges(a->name);
	for (size_t i = 0; i < b->host_counts_len; i++) {
		add_host_count(&src, &b->host_counts[i]);
		add_plain(&src, &b->host_counts[i]);
	}
	for (size_t i = 0; i < b->drops_len; i++)
		add_drop(&src, &b->drops[i]);
	for (size_t i = 0; i < b->ledger_len; i++)
		if (b->ledger[i].point >= SIGNAL_POINT_TCP)
			add_signal_ledger(&src, &b->ledger[i]);
}
