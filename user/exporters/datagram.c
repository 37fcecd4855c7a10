// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Datagrams in, flow sources by sender, protocol and domain out. */
#include "user/exporters/datagram.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct flow_sources {
	void *tree; /* tsearch(), by key */
	struct flow_source *at[FLOW_SOURCES_MAX];
	size_t len;
};

/* What the first bytes tell, as 16 bits; sFlow's version is 32 bits wide. */
static const struct {
	uint16_t version;
	enum export_protocol protocol;
	int (*domain)(struct bytes message, uint32_t *ret);
	int (*read)(struct flow_source *s, struct bytes message, int64_t now_us);
} protocols[] = {
	{ 5, EXPORT_NETFLOW5, netflow5_domain, netflow5_read },
	{ 9, EXPORT_NETFLOW9, netflow9_domain, netflow9_read },
	{ 10, EXPORT_IPFIX, ipfix_domain, ipfix_read },
	{ 0, EXPORT_SFLOW, NULL, sflow_read },
};

struct flow_sources *flow_sources_new(void)
{
	return calloc(1, sizeof(struct flow_sources));
}

static void keep(void *node)
{
}

void flow_sources_free(struct flow_sources *all)
{
	if (!all)
		return;
	tdestroy(all->tree, keep);
	for (size_t i = 0; i < all->len; i++)
		flow_source_free(all->at[i]);
	free(all);
}

size_t flow_sources_len(const struct flow_sources *all)
{
	return all->len;
}

int flow_sources_each(struct flow_sources *all, flow_source_fn *fn, void *arg)
{
	int err = 0;

	for (size_t i = 0; !err && i < all->len; i++)
		err = fn(arg, all->at[i]);
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct flow_source *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

/* One that has been silent for long and owes nothing goes. */
static bool make_room(struct flow_sources *all, int64_t now_us)
{
	for (size_t i = 0; i < all->len; i++) {
		struct flow_source *s = all->at[i];

		if (s->has_news || s->last_us + FLOW_SOURCE_IDLE_US > now_us)
			continue;
		tdelete(s, &all->tree, compare);
		flow_source_free(s);
		all->at[i] = all->at[--all->len];
		return true;
	}
	return false;
}

static int find(struct flow_sources *all, const struct flow_source_key *key, int64_t now_us,
		struct flow_source **ret)
{
	struct flow_source wanted = { .key = *key };
	struct flow_source **found = tfind(&wanted, &all->tree, compare);
	struct flow_source *s;

	if (found) {
		*ret = *found;
		return 0;
	}
	if (all->len == FLOW_SOURCES_MAX && !make_room(all, now_us))
		return -ENOSPC;
	s = flow_source_new(key);
	if (!s || !tsearch(s, &all->tree, compare)) {
		flow_source_free(s);
		return -ENOMEM;
	}
	all->at[all->len++] = s;
	*ret = s;
	return 0;
}

int datagram_read(struct flow_sources *all, const struct datagram *d, struct flow_source **ret)
{
	struct flow_source_key key = { 0 };
	struct bytes rest = d->bytes;
	size_t i = 0;
	uint16_t version;
	int err;

	*ret = NULL;
	if (!bytes_u16(&rest, &version))
		return -EPROTONOSUPPORT;
	while (i < ARRAY_LEN(protocols) && protocols[i].version != version)
		i++;
	if (i == ARRAY_LEN(protocols))
		return -EPROTONOSUPPORT;
	memcpy(key.address, d->address, sizeof(key.address));
	key.protocol = protocols[i].protocol;
	key.port = key.protocol == EXPORT_IPFIX ? d->port : 0;
	err = protocols[i].domain ? protocols[i].domain(d->bytes, &key.domain)
				  : sflow_domain(d->bytes, key.address, &key.domain);
	if (err)
		return -EPROTONOSUPPORT;
	err = find(all, &key, d->arrived_us, ret);
	if (err)
		return err;
	if (!(*ret)->has_news)
		(*ret)->first_us = d->arrived_us;
	(*ret)->last_us = d->arrived_us;
	(*ret)->counts[EXPORT_DATAGRAMS]++;
	(*ret)->has_news = true;
	return protocols[i].read(*ret, d->bytes, d->arrived_us);
}
