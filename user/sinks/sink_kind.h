/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What a kind of sink is: how it is opened, and how rows are delivered. The queue, the thread and
 * the retries are sink.c's. A new kind is a file with a struct sink_kind, and a line in sink.c.
 */
#ifndef WT_SINK_KIND_H
#define WT_SINK_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/sinks/sink_url.h"
#include "user/wire/batch.h"

struct sink;

#define SINK_INTERFACES_MAX 64 /* names that go along with rows given at once; others have none */

/* Rows that were given at once, and who saw them. */
struct sink_rows {
	char agent[BATCH_AGENT_MAX];
	char host[BATCH_NAME_MAX];
	char exporter[BATCH_NAME_MAX]; /* "" live */
	struct watched_interface *interfaces; /* that flows name */
	size_t interfaces_len;
	struct flow *flows;
	size_t flows_len;
	struct connection *connections; /* where the kind takes_connections */
	size_t connections_len;
	struct drop *drops; /* where the URL says drops=1 */
	size_t drops_len;
};

static inline size_t sink_rows_len(const struct sink_rows *rows)
{
	return rows->flows_len + rows->connections_len + rows->drops_len;
}

/* One of them; the others are NULL. */
struct sink_row {
	const struct flow *flow;
	const struct connection *connection;
	const struct drop *drop;
};

/* Number i: flows before connections, connections before drops. */
static inline struct sink_row sink_row(const struct sink_rows *rows, size_t i)
{
	struct sink_row row = { 0 };

	if (i < rows->flows_len)
		row.flow = &rows->flows[i];
	else if (i - rows->flows_len < rows->connections_len)
		row.connection = &rows->connections[i - rows->flows_len];
	else
		row.drop = &rows->drops[i - rows->flows_len - rows->connections_len];
	return row;
}

/* ---- values of the host, for kinds that tick ---- */

#define SINK_METRIC_ATTRIBUTES_MAX 8

struct sink_metric {
	const char *name, *unit; /* static: "system.network.io", "By" */
	const char *host;
	struct sink_attribute {
		const char *name, *value; /* "": not there */
	} attributes[SINK_METRIC_ATTRIBUTES_MAX];
	size_t attributes_len;
	bool is_level; /* goes up and down; else a sum since_us */
	int64_t since_us; /* wall clock */
	uint64_t value;
};

typedef void sink_metric_fn(void *arg, const struct sink_metric *m);

/* Calls fn for each there is now. */
struct sink_metrics {
	void (*each)(void *source_arg, sink_metric_fn *fn, void *arg);
	void *arg;
};

/* ---- kinds ---- */

struct sink_kind {
	const char *scheme; /* "ipfix:" */
	int flavour; /* where one kind has several */
	bool takes_connections;
	bool has_drops; /* the URL may say drops=1 */
	bool is_ip_only; /* who reads takes other frames for IP */
	/*
	 * The URL behind the scheme, which lives as long. 0 and the kind's own in *ret; -EINVAL
	 * with *why (static, or as it was: the URL is not of the form that sink.h has); -ENOMEM.
	 */
	int (*make)(const struct sink_kind *kind, struct sink *sink, struct sink_url *url,
		    void **ret, const char **why);
	/* Before rows are delivered, and again after an error. 0 or -errno. */
	int (*open)(void *own);
	/*
	 * Rows from number `from` on, as sink_row() counts them: each is confirmed or rejected
	 * (below), in order, before it returns 0. -errno: those that were not come again, after
	 * close and open.
	 */
	int (*deliver)(void *own, const struct sink_rows *rows, size_t from);
	int (*tick)(void *own, const struct sink_metrics *source); /* sink_set_wants(); else NULL */
	const char *tick_does; /* what its error is said to be of: "metrics" */
	void (*close)(void *own);
	void (*free)(void *own); /* closed before */
};

/* sink_ipfix.c */
extern const struct sink_kind sink_ipfix_udp, sink_ipfix_tcp, sink_ipfix_tls, sink_netflow9;
extern const struct sink_kind sink_file; /* sink_file.c */
extern const struct sink_kind sink_parquet; /* sink_parquet.c */
extern const struct sink_kind sink_kafka; /* sink_kafka.c */
extern const struct sink_kind sink_otlp_http, sink_otlp_https; /* sink_otlp.c */

/* From make(): whether it takes connections; as it is: as the kind says. */
void sink_set_takes_connections(struct sink *s, bool takes);

/* What its URL says of drops. */
bool sink_takes_drops(const struct sink *s);

/* From make(): whether it takes rows, and how often it ticks; as it is: rows, and never (0). */
void sink_set_wants(struct sink *s, bool rows, int64_t tick_us);

/* From deliver(): n rows are where they should be, in so many octets. */
void sink_confirm(struct sink *s, uint64_t n, uint64_t octets);
/* n rows were refused for good: lost/rejected. */
void sink_reject(struct sink *s, uint64_t n);
/* What is wrong, for `wiretally status`, while deliver() goes on trying. */
void sink_trouble(struct sink *s, const char *what);
/* The sink is stopping, and its time is up. */
bool sink_is_over(struct sink *s);

/* "eth0", or NULL. */
const char *sink_interface_name(const struct sink_rows *rows, uint32_t ifindex, uint32_t netns);

#endif
