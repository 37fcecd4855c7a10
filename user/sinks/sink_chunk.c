// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A batch in, a copy of what is wanted of it out. */
#include "user/sinks/sink_chunk.h"

#include <stdlib.h>
#include <string.h>

/* nfdump counts frames without IP as flows of 0.0.0.0, and it is not alone. */
static bool is_wanted(const struct sink_takes *takes, const struct flow *f)
{
	if (takes->all_flows)
		return true;
	if (takes->ip_only && f->kind == FLOW_RECORD && f->ethertype != 0x0800 &&
	    f->ethertype != 0x86dd)
		return false;
	return (f->flags & (FLOW_COUNTED | FLOW_INNER)) == FLOW_COUNTED;
}

struct sink_share sink_share_of(const struct sink_takes *takes, const struct batch *b)
{
	struct sink_share share = {
		.connections = takes->connections ? b->connections_len : 0,
		.drops = takes->drops ? b->drops_len : 0,
	};

	for (size_t i = 0; takes->flows && i < b->flows_len; i++)
		share.flows += is_wanted(takes, &b->flows[i]);
	return share;
}

static void name_interface(struct sink_chunk *c, const struct sink_names *names, uint32_t ifindex,
			   uint32_t netns)
{
	struct sink_rows *r = &c->rows;

	if (r->interfaces_len == SINK_INTERFACES_MAX || sink_interface_name(r, ifindex, netns))
		return;
	for (size_t i = 0; i < names->len; i++)
		if (names->at[i].index == ifindex && names->at[i].netns == netns)
			c->interfaces[r->interfaces_len++] = names->at[i];
}

static void copy_flows(struct sink_chunk *c, const struct sink_takes *takes, const struct batch *b,
		       const struct sink_names *names)
{
	struct sink_rows *r = &c->rows;

	for (size_t i = 0; i < b->flows_len; i++) {
		if (!is_wanted(takes, &b->flows[i]))
			continue;
		r->flows[r->flows_len++] = b->flows[i];
		name_interface(c, names, b->flows[i].ifindex, b->flows[i].netns);
	}
}

static void copy_drops(struct sink_chunk *c, const struct batch *b, const struct sink_names *names)
{
	struct sink_rows *r = &c->rows;

	for (size_t i = 0; i < b->drops_len; i++) {
		r->drops[r->drops_len++] = b->drops[i];
		name_interface(c, names, b->drops[i].ifindex, b->drops[i].netns);
	}
}

struct sink_chunk *sink_chunk_make(const struct sink_takes *takes, const struct batch *b,
				   const struct sink_names *names, const struct sink_share *share)
{
	size_t flows_bytes = share->flows * sizeof(*b->flows);
	size_t connections_bytes = share->connections * sizeof(*b->connections);
	struct sink_chunk *c = malloc(sizeof(*c) + connections_bytes + flows_bytes +
				      share->drops * sizeof(*b->drops));
	struct sink_rows *r;

	if (!c)
		return NULL;
	*c = (struct sink_chunk){ 0 };
	r = &c->rows;
	r->interfaces = c->interfaces;
	memcpy(r->agent, b->head.agent, sizeof(r->agent));
	memcpy(r->host, b->head.host, sizeof(r->host));
	memcpy(r->exporter, b->head.exporter, sizeof(r->exporter));
	/* all three are aligned to 8 */
	r->connections = (struct connection *)(c + 1);
	r->flows = (struct flow *)(r->connections + share->connections);
	r->drops = (struct drop *)(r->flows + share->flows);
	r->connections_len = share->connections;
	if (share->connections)
		memcpy(r->connections, b->connections, connections_bytes);
	if (share->flows)
		copy_flows(c, takes, b, names);
	if (share->drops)
		copy_drops(c, b, names);
	return c;
}
