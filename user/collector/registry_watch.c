// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What agents say of their hosts: interfaces and own addresses; and who counts a packet. */
#include <errno.h>
#include <string.h>

#include "user/collector/registry_internal.h"
#include "user/collector/store_write.h"
#include "user/lib/addr.h"

#define INTERFACE_REFRESH_US (INT64_C(60) * 1000000) /* last_us in the store is this exact */

static ssize_t find_interface(const struct agent *a, const struct watched_interface *w)
{
	for (size_t i = 0; i < a->interfaces_len; i++)
		if (a->interfaces[i].index == w->index && a->interfaces[i].netns == w->netns)
			return (ssize_t)i;
	return -1;
}

int agent_set_interface(struct agent *a, const struct watched_interface *w, int64_t stored_us)
{
	ssize_t at = find_interface(a, w);

	if (at < 0) {
		size_t len = a->interfaces_len + 1;
		struct watched_interface *more;
		int64_t *times;

		if (len > REGISTRY_INTERFACES_MAX)
			return 0; /* its name will be shown as a number */
		more = reallocarray(a->interfaces, len, sizeof(*more));
		if (!more)
			return -ENOMEM;
		a->interfaces = more;
		times = reallocarray(a->stored_us, len, sizeof(*times));
		if (!times)
			return -ENOMEM;
		a->stored_us = times;
		at = (ssize_t)a->interfaces_len++;
	}
	a->interfaces[at] = *w;
	a->stored_us[at] = stored_us;
	return 0;
}

static bool is_fresh(const struct agent *a, const struct watched_interface *w, int64_t arrived_us)
{
	ssize_t at = find_interface(a, w);

	return at >= 0 && !strcmp(a->interfaces[at].name, w->name) &&
	       !strcmp(a->interfaces[at].hook, w->hook) &&
	       a->stored_us[at] + INTERFACE_REFRESH_US > arrived_us;
}

int registry_put_interfaces(struct registry *r, struct store *s, struct agent *a,
			    const struct batch *b, int64_t arrived_us)
{
	for (size_t i = 0; i < b->interfaces_len; i++) {
		const struct watched_interface *w = &b->interfaces[i];
		int err;

		if (is_fresh(a, w, arrived_us))
			continue;
		err = store_put_interface(s, a->name, w, arrived_us);
		if (!err)
			err = agent_set_interface(a, w, arrived_us);
		if (err)
			return err;
	}
	return 0;
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* 127.0.0.0/8, ::1, 169.254.0.0/16, fe80::/10, 0.0.0.0 and ::, multicast: many hosts have them. */
static bool is_own_of_one_host(const uint8_t a[16])
{
	static const uint8_t unspecified[16], loopback6[16] = { [15] = 1 };

	if (addr_is_v4(a))
		return a[12] != 127 && a[12] != 0 && a[12] < 224 && !(a[12] == 169 && a[13] == 254);
	return memcmp(a, unspecified, 16) != 0 && memcmp(a, loopback6, 16) != 0 && a[0] != 0xff &&
	       !(a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

int agent_set_addresses(struct registry *r, struct agent *a, uint8_t (*addresses)[16], size_t len)
{
	uint8_t(*copy)[16] = calloc(len + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, addresses, len * sizeof(*copy));
	free(a->addresses);
	a->addresses = copy;
	a->addresses_len = len;
	r->owners_are_stale = true;
	return 0;
}

int registry_put_addresses(struct registry *r, struct store *s, struct agent *a,
			   const struct batch *b)
{
	uint8_t own[BATCH_ADDRESSES_MAX][16];
	size_t len = 0;
	int err;

	if (!b->ledger_len || *b->head.exporter)
		return 0; /* says nothing of addresses */
	for (size_t i = 0; i < b->own_addresses_len && len < BATCH_ADDRESSES_MAX; i++)
		if (is_own_of_one_host(b->own_addresses[i]))
			memcpy(own[len++], b->own_addresses[i], 16);
	qsort(own, len, sizeof(own[0]), compare_addresses);
	if (len == a->addresses_len && (!len || !memcmp(own, a->addresses, len * sizeof(own[0]))))
		return 0;
	err = store_replace_addresses(s, a->name, own, len);
	return err ? err : agent_set_addresses(r, a, own, len);
}

struct gather {
	struct registry *r;
	struct owner *owners;
	const struct agent *last;
};

static int gather_owner(void *arg, struct exporter *e)
{
	struct gather *g = arg;
	struct agent *a = e->agent;

	/* an agent has many exporters; its newest live one is enough */
	if (*e->exporter || e->last_us != a->live_us)
		return 0;
	for (size_t i = 0; i < a->addresses_len && g->r->owners_len < REGISTRY_OWNERS_MAX; i++) {
		struct owner *o = &g->owners[g->r->owners_len++];

		memcpy(o->address, a->addresses[i], 16);
		o->agent = a;
	}
	return 0;
}

static int count_addresses(void *arg, struct exporter *e)
{
	*(size_t *)arg += *e->exporter ? 0 : e->agent->addresses_len;
	return 0;
}

static void gather_owners(struct registry *r)
{
	struct gather g = { .r = r };
	size_t most = 0;

	registry_each(r, count_addresses, &most);
	if (most > REGISTRY_OWNERS_MAX)
		most = REGISTRY_OWNERS_MAX;
	g.owners = calloc(most + 1, sizeof(*g.owners));
	if (!g.owners)
		return; /* the old list serves until there is memory */
	free(r->owners);
	r->owners = g.owners;
	r->owners_len = 0;
	r->owners_are_stale = false;
	registry_each(r, gather_owner, &g);
	qsort(r->owners, r->owners_len, sizeof(*r->owners), compare_addresses);
}

static const struct owner *first_owner(const struct registry *r, const uint8_t address[16])
{
	size_t low = 0, high = r->owners_len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(r->owners[middle].address, address, 16) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return r->owners + low;
}

static bool is_counted_elsewhere(const struct registry *r, const struct agent *a,
				 const uint8_t src[16], int64_t now_us)
{
	const struct owner *end = r->owners + r->owners_len;
	bool found = false;

	for (const struct owner *o = first_owner(r, src); o < end && !memcmp(o->address, src, 16);
	     o++) {
		if (o->agent == a)
			return false; /* an address both have says nothing */
		found |= o->agent->live_us + AGENT_LIVE_US > now_us;
	}
	return found;
}

size_t registry_count_once(struct registry *r, const struct agent *a, struct batch *b,
			   int64_t arrived_us)
{
	size_t cleared = 0;

	if (*b->head.exporter || r->agents_len < 2)
		return 0;
	if (r->owners_are_stale)
		gather_owners(r);
	if (!r->owners_len)
		return 0;
	for (size_t i = 0; i < b->flows_len; i++) {
		struct flow *f = &b->flows[i];

		if ((f->flags & (FLOW_COUNTED | FLOW_EGRESS)) != FLOW_COUNTED ||
		    f->kind != FLOW_RECORD || !is_counted_elsewhere(r, a, f->src, arrived_us))
			continue;
		f->flags &= (uint8_t)~FLOW_COUNTED;
		cleared++;
	}
	return cleared;
}
