// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Paths in, endpoints out; and the page that lists them. */
#include "user/collector/routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct route routes[] = {
	{ "/", api_page, false, "the page, for browsers; for others this list" },
	{ "/app.js", api_page_js, false, "of the page" },
	{ "/app.css", api_page_css, false, "of the page" },
	{ "/icon.svg", api_page_icon, false, "of the page" },
	{ "/healthz", api_health, false, "\"ok\" while requests are answered" },
	{ "/metrics", api_metrics, false,
	  "the collector's and the ledgers' counters for Prometheus" },
	{ "/v1/batches", NULL, false, "batches of agents, over the Unix socket" },
	{ "/v1/flows", api_flows, true, "flow records: filter=, last= or from= and to=, limit=" },
	{ "/v1/top", api_top, true, "who talks most: by=, order=, n=, filter=, last=" },
	{ "/v1/export", api_export, true,
	  "all records that match, as a file: format=parquet|csv|json, filter=, last=", true },
	{ "/v1/series", api_series, true, "sums over time: step=60, by=, n=5, filter=, last=" },
	{ "/v1/topology", api_topology, true,
	  "who talks to whom, as D3 takes it: group=host, n=, filter=, last=" },
	{ "/v1/connections", api_connections, true,
	  "TCP connections: failed=1, slow=100ms, filter=, order=, limit=" },
	{ "/v1/tcp", api_tcp, true, "TCP health: by=dst, order=, n=, filter=" },
	{ "/v1/drops", api_drops, true, "lost packets: by=reason, filter=, n=" },
	{ "/v1/latencies", api_latencies, true,
	  "histograms of connect latency and RTT: by=remote, kind=, order=p99, filter=, step=60" },
	{ "/v1/hostcounts", api_hostcounts, true,
	  "what hosts count themselves: name=tcp/, netns=, series=1" },
	{ "/v1/exporters", api_exporters, true,
	  "flow exporters: what came of each, and what is missing" },
	{ "/v1/ledger", api_ledger, true, "what happened to every packet: last= or from= and to=" },
	{ "/v1/alerts", api_alerts, false, "what the collector finds wrong by its own rules" },
	{ "/v1/filter", api_filter, false,
	  "whether a filter is one, and the words there are: filter=, scope=flows" },
	{ "/v1/live", api_index, false, "server-sent events: how far the store is", false, true },
	{ "/v1/status", api_status, true, "the store, the log, agents and their interfaces" },
};

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

const struct route *route_find(const char *path)
{
	for (size_t i = 0; i < ROUTES; i++)
		if (!strcmp(routes[i].path, path))
			return &routes[i];
	return NULL;
}

const char *route_methods(const struct route *r)
{
	return r->get ? "GET, HEAD" : "POST";
}

static void print_index(FILE *out)
{
	fputs("wiretally-collector " WT_VERSION "\n\n", out);
	for (size_t i = 0; i < ROUTES; i++)
		fprintf(out, "%-4s  %-16s  %s\n", routes[i].get ? "GET" : "POST", routes[i].path,
			routes[i].help);
	fputs("\nTimes: last=1h (or all), or from= and to= as RFC 3339 or microseconds.\n"
	      "fresh=1 answers when all that was acknowledged before is in the store.\n",
	      out);
}

int api_index(const struct api_request *req, struct api_reply *reply)
{
	FILE *out = open_memstream(&reply->body, &reply->body_len);

	if (!out)
		return -ENOMEM;
	print_index(out);
	if (fclose(out)) {
		free(reply->body);
		reply->body = NULL;
		return -ENOMEM;
	}
	reply->status = 200;
	reply->content_type = "text/plain; charset=utf-8";
	return 0;
}
