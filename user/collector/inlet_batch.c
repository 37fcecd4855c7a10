// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A flow source's rows and counts in, a batch out. */
#include "user/collector/inlet_batch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/lib/addr.h"
#include "user/lib/cleanup.h"
#include "user/wire/batch.h"

/* Agents have no ':' in their names. */
static void name_agent(const char *address, char agent[BATCH_AGENT_MAX])
{
	snprintf(agent, BATCH_AGENT_MAX, FLOW_SOURCE_AGENT "%s", address);
	for (char *c = agent; *c; c++)
		if (*c == ':')
			*c = '-';
}

static void fill_head(struct batch_head *head, const struct flow_source *s,
		      const uint8_t instance[16], uint64_t sequence)
{
	const char *protocol = export_protocol_name((enum export_protocol)s->key.protocol);
	char address[ADDR_TEXT_MAX];

	addr_format(s->key.address, address);
	head->schema = BATCH_SCHEMA;
	name_agent(address, head->agent);
	memcpy(head->instance, instance, sizeof(head->instance));
	head->sequence = sequence;
	head->interval = sequence;
	snprintf(head->host, sizeof(head->host), "%s", address);
	if (s->key.domain)
		snprintf(head->exporter, sizeof(head->exporter), "%s/%s/%u", address, protocol,
			 s->key.domain);
	else
		snprintf(head->exporter, sizeof(head->exporter), "%s/%s", address, protocol);
}

static void add_count(struct ledger_row *row, const char *before, const char *name, uint64_t n)
{
	struct ledger_count *c = &row->counts[row->counts_len];

	if (!n)
		return;
	row->counts_len++;
	snprintf(c->name, sizeof(c->name), "%s%s", before, name);
	c->packets = n;
}
_Static_assert((int)EXPORT_COUNTS + (int)REFUSALS <= LEDGER_COUNTS_MAX, "all names fit");

static void fill_ledger(struct ledger_row *row, const struct flow_source *s, uint64_t interval)
{
	row->interval = interval;
	row->start_us = s->first_us;
	row->end_us = s->last_us < s->first_us ? s->first_us : s->last_us;
	row->point = POINT_RECORDS;
	for (int i = 0; i < EXPORT_COUNTS; i++)
		add_count(row, "", export_count_name((enum export_count)i), s->counts[i]);
	for (int i = 0; i < REFUSALS; i++)
		add_count(row, "unparsed/", refusal_name((enum refusal)i), s->refused[i]);
}

static void *copy_of(const void *from, size_t len, size_t bytes)
{
	void *copy = len ? malloc(len * bytes) : NULL;

	if (copy)
		memcpy(copy, from, len * bytes);
	return copy;
}

int inlet_batch_new(struct flow_source *s, const uint8_t instance[16], uint64_t sequence,
		    struct batch **ret)
{
	AUTO(batch_free) struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->ledger = calloc(1, sizeof(*b->ledger));
	if (!b->ledger)
		return -ENOMEM;
	b->ledger_len = 1;
	if (s->interfaces_are_new) {
		b->interfaces = copy_of(s->interfaces, s->interfaces_len, sizeof(*b->interfaces));
		if (!b->interfaces)
			return -ENOMEM;
		b->interfaces_len = s->interfaces_len;
	}
	fill_head(&b->head, s, instance, sequence);
	fill_ledger(b->ledger, s, sequence);
	b->flows = TAKE(s->rows);
	b->flows_len = s->rows_len;
	b->host_counts = TAKE(s->counters);
	b->host_counts_len = s->counters_len;
	flow_source_clear(s);
	*ret = TAKE(b);
	return 0;
}
