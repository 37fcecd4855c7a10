// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Records of one exporter in, rows and counts that wait out. */
#include "user/exporters/flow_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/lib/cleanup.h"

/* A step in the sequence that is no loss: the exporter was started again. */
#define SEQUENCE_RESTART (1 << 20)
#define SEQUENCE_LATE 1000 /* so far back it is a datagram that another overtook */
#define ROWS_MIN 64

const char *export_protocol_name(enum export_protocol protocol)
{
	static const char *const protocols[EXPORTS] = {
		[EXPORT_NETFLOW5] = "netflow5",
		[EXPORT_NETFLOW9] = "netflow9",
		[EXPORT_IPFIX] = "ipfix",
		[EXPORT_SFLOW] = "sflow",
	};

	return protocols[protocol];
}

const char *export_count_name(enum export_count count)
{
	static const char *const counts[EXPORT_COUNTS] = {
		[EXPORT_SEEN] = "seen",
		[EXPORT_RECORDED] = "recorded",
		[EXPORT_DATAGRAMS] = "export/datagrams",
		[EXPORT_OPTIONS] = "export/options",
		[EXPORT_MISSING_RECORDS] = "export/missing_records",
		[EXPORT_MISSING_DATAGRAMS] = "export/missing_datagrams",
		[EXPORT_OUT_OF_ORDER] = "export/out_of_order",
		[EXPORT_RESTARTS] = "export/restarts",
	};

	return counts[count];
}

struct flow_source *flow_source_new(const struct flow_source_key *key)
{
	struct flow_source *s = calloc(1, sizeof(*s));

	if (s)
		s->key = *key;
	return s;
}

void flow_source_free(struct flow_source *s)
{
	if (!s)
		return;
	templates_done(&s->templates);
	free(s->rows);
	free(s->interfaces);
	free(s->counters);
	free(s->counted);
	free(s);
}

void flow_source_sequence(struct flow_source *s, uint32_t sequence, uint32_t next,
			  enum export_count unit)
{
	int32_t step = s->has_expected ? (int32_t)(sequence - s->expected) : 0;
	uint64_t *missing = &s->counts[unit], late = next - sequence;

	s->has_news = true;
	if (step < 0 && step > -SEQUENCE_LATE) { /* it was counted as missing, lately */
		s->counts[EXPORT_OUT_OF_ORDER]++;
		*missing -= late < *missing ? late : *missing;
		return;
	}
	if (step > 0 && step < SEQUENCE_RESTART)
		*missing += (uint32_t)step;
	else if (step)
		s->counts[EXPORT_RESTARTS]++;
	s->expected = next;
	s->has_expected = true;
}

void flow_source_refuse(struct flow_source *s, enum refusal why)
{
	s->counts[EXPORT_SEEN]++;
	s->refused[why]++;
	s->has_news = true;
}

static bool test_and_set(struct flow_source *s, uint32_t ifindex, bool set)
{
	uint64_t *word = &s->ingress_seen[ifindex % 4096 / 64], bit = UINT64_C(1) << ifindex % 64;
	bool was = *word & bit;

	if (set)
		*word |= bit;
	return was;
}

/*
 * A packet that a router reports where it came in and where it went out is two records; one of
 * them counts. That it came in is known when this exporter reports what comes in there.
 */
static void count_once(struct flow_source *s, struct flow *row)
{
	if (!(row->flags & FLOW_EGRESS))
		test_and_set(s, row->ifindex, true);
	else if (row->peer_ifindex && row->ifindex && row->peer_ifindex != row->ifindex &&
		 test_and_set(s, row->peer_ifindex, false))
		row->flags &= (uint8_t)~FLOW_COUNTED;
}

int flow_source_row(struct flow_source *s, const struct flow *row)
{
	if (s->rows_len == s->rows_max) {
		size_t max = s->rows_max ? s->rows_max * 2 : ROWS_MIN;
		struct flow *rows = realloc(s->rows, max * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		s->rows = rows;
		s->rows_max = max;
	}
	s->rows[s->rows_len] = *row;
	count_once(s, &s->rows[s->rows_len++]);
	s->counts[EXPORT_SEEN]++;
	s->counts[EXPORT_RECORDED]++;
	s->has_news = true;
	return 0;
}

int flow_source_record(struct flow_source *s, const struct record_values *r,
		       const struct record_time *time)
{
	struct record_time with_init = *time;
	struct flow forward, reverse;
	bool has_reverse;
	enum refusal why;
	int err;

	with_init.init_ms = s->init_ms;
	why = record_to_flows(r, &with_init, &forward, &reverse, &has_reverse);
	if (why) {
		flow_source_refuse(s, why);
		return 0;
	}
	forward.sampling = reverse.sampling = sampling_of(&s->sampling, r);
	err = flow_source_row(s, &forward);
	return err || !has_reverse ? err : flow_source_row(s, &reverse);
}

static int name_interface(struct flow_source *s, uint32_t ifindex, const char *name)
{
	struct watched_interface *at;
	size_t i = 0;

	while (i < s->interfaces_len && s->interfaces[i].index != ifindex)
		i++;
	if (i < s->interfaces_len && !strcmp(s->interfaces[i].name, name))
		return 0;
	if (i == s->interfaces_len) {
		if (i == FLOW_SOURCE_INTERFACES_MAX)
			return 0;
		at = realloc(s->interfaces, (i + 1) * sizeof(*at));
		if (!at)
			return -ENOMEM;
		s->interfaces = at;
		s->interfaces_len++;
	}
	at = &s->interfaces[i];
	*at = (struct watched_interface){ .index = ifindex };
	snprintf(at->name, sizeof(at->name), "%s", name);
	snprintf(at->hook, sizeof(at->hook), "%s", export_protocol_name(s->key.protocol));
	s->interfaces_are_new = true;
	return 0;
}

int flow_source_options(struct flow_source *s, const struct record_values *r)
{
	s->counts[EXPORT_OPTIONS]++;
	s->has_news = true;
	sampling_learn(&s->sampling, r);
	if (record_has(r, ELEMENT_INIT_MS))
		s->init_ms = r->number[ELEMENT_INIT_MS];
	if (!record_has(r, ELEMENT_INTERFACE_NAME) || !record_has(r, ELEMENT_IN_INTERFACE))
		return 0;
	return name_interface(s, (uint32_t)r->number[ELEMENT_IN_INTERFACE], r->interface_name);
}

uint64_t *flow_source_counters_of(struct flow_source *s, uint32_t ifindex, bool *is_first)
{
	struct interface_counters *at;

	for (size_t i = 0; i < s->counted_len; i++) {
		if (s->counted[i].ifindex == ifindex) {
			*is_first = false;
			return s->counted[i].at;
		}
	}
	if (s->counted_len == FLOW_SOURCE_INTERFACES_MAX)
		return NULL;
	at = realloc(s->counted, (s->counted_len + 1) * sizeof(*at));
	if (!at)
		return NULL;
	s->counted = at;
	at += s->counted_len++;
	*at = (struct interface_counters){ .ifindex = ifindex };
	*is_first = true;
	return at->at;
}

int flow_source_counter(struct flow_source *s, const char *name, uint64_t value)
{
	struct host_count *c;

	if (s->counters_len == FLOW_SOURCE_COUNTERS_MAX)
		return 0;
	if (s->counters_len % ROWS_MIN == 0) {
		c = realloc(s->counters, (s->counters_len + ROWS_MIN) * sizeof(*c));
		if (!c)
			return -ENOMEM;
		s->counters = c;
	}
	c = &s->counters[s->counters_len++];
	*c = (struct host_count){ .value = value };
	snprintf(c->name, sizeof(c->name), "%s", name);
	s->has_news = true;
	return 0;
}

void flow_source_clear(struct flow_source *s)
{
	s->rows = NULL;
	s->rows_len = s->rows_max = s->rows_counted = 0;
	s->interfaces_are_new = false;
	free(TAKE(s->counters));
	s->counters_len = 0;
	memset(s->counts, 0, sizeof(s->counts));
	memset(s->refused, 0, sizeof(s->refused));
	s->has_news = false;
}
