// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Batches and commits in, rows to sinks and numbers for /metrics out. */
#include "user/agent/outlet.h"

#include <stdio.h>

#include "user/agent/metrics_http.h"
#include "user/lib/clock.h"
#include "user/metrics/metrics_agent.h"
#include "user/metrics/metrics_host.h"
#include "user/metrics/metrics_latency.h"
#include "user/metrics/metrics_ledger.h"
#include "user/sinks/metrics_semantic.h"
#include "user/sinks/sinks.h"
#include "user/wire/batch.h"

/* Where a commit ends, for sinks: sequences are of one set of tables. */
static struct sink_place place_of(uint64_t next_sequence)
{
	return (struct sink_place){ 1, next_sequence };
}

bool outlet_is_wanted(const struct config *c)
{
	return c->metrics || c->sinks.len;
}

int outlet_start(struct outlet *o, const struct config *c, const char *agent,
		 uint64_t next_sequence, bool is_resumed)
{
	/* of tables that are gone nobody knows what was made: what was announced counts as lost */
	struct sink_place stored = { UINT64_MAX, UINT64_MAX };
	char dir[512];

	if (c->metrics)
		metrics_http_start(c->metrics, &o->http);
	o->has_sinks = c->sinks.len;
	if (!o->has_sinks)
		return 0;
	if (is_resumed)
		stored = place_of(next_sequence);
	snprintf(dir, sizeof(dir), "%.250s/%.250s", c->spool_dir, agent);
	sinks_remember(dir, &stored);
	return sinks_start(metrics_semantic(wall_us()));
}

void outlet_stop(struct outlet *o)
{
	if (o->is_open)
		sinks_end_transaction(false);
	o->is_open = false;
	sinks_stop();
	metrics_http_stop(o->http);
	o->http = NULL;
}

void outlet_add(struct outlet *o, const struct batch *b)
{
	struct watched_interface names[GEOMETRY_SLOTS_MAX];
	struct metrics_agent of;
	size_t len;

	if (!o)
		return;
	len = iface_list_watched(o->ifaces, names); /* a batch tells them with its ledger alone */
	of = (struct metrics_agent){ b->head.agent, names, len };
	metrics_ledger_add(&of, b);
	metrics_host_add(&of, b, wall_us());
	metrics_latency_add(&of, b);
	if (!o->has_sinks)
		return;
	if (!o->is_open)
		sinks_begin_transaction();
	o->is_open = true;
	sinks_stage(b, &(struct sink_names){ names, len });
}

void outlet_announce(struct outlet *o, uint64_t next_sequence)
{
	struct sink_place end = place_of(next_sequence);

	if (o && o->is_open)
		sinks_announce(&end);
}

void outlet_give(struct outlet *o)
{
	if (!o || !o->is_open)
		return;
	sinks_end_transaction(true);
	o->is_open = false;
}
