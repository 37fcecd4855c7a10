// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The kernel's list of interfaces in, attachments and the programs' interface table out. */
#include "user/agent/watch.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "user/agent/cidr.h"
#include "user/agent/scope.h"
#include "user/lib/log.h"

static bool is_glob(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}

int watch_check(const struct config *config)
{
	struct links links = { 0 };
	int err = links_list(&links);

	for (size_t i = 0; i < config->interfaces.len && !err; i++) {
		const char *pattern = config->interfaces.values[i];
		bool found = is_glob(pattern);

		for (size_t l = 0; l < links.len && !found; l++)
			found = !strcmp(links.at[l].name, pattern);
		if (!found) {
			log_error("there is no interface '%s'", pattern);
			err = -ENODEV;
		}
	}
	links_free(&links);
	return err;
}

static bool is_wanted(const struct config *config, const struct link *link)
{
	if (!link->is_up)
		return false;
	for (size_t i = 0; i < config->interfaces.len; i++)
		if (!fnmatch(config->interfaces.values[i], link->name, 0))
			return true;
	return !config->interfaces.len && !link->is_loopback && !link->peer_elsewhere;
}

static struct iface *find_iface(struct watch *w, uint32_t ifindex)
{
	for (uint32_t slot = 1; slot < w->tables->geometry.slots; slot++)
		if (w->ifaces.at[slot].ifindex == ifindex)
			return &w->ifaces.at[slot];
	return NULL;
}

static bool is_watched(struct watch *w, uint32_t ifindex)
{
	const struct iface *i = ifindex ? find_iface(w, ifindex) : NULL;

	return i && i->watched && !w->gone_at[i->slot];
}

/*
 * What comes up through a bridge, bond or VLAN device came in on a device below, and what goes
 * down leaves there: when those are watched, they do the counting. Loopback's packets leave before
 * they come in.
 */
static uint8_t uncounted_flags(struct watch *w, const struct links *links, const struct link *link)
{
	bool ports = false, all_watched = true;

	if (link->is_loopback)
		return WT_IF_UNCOUNTED_IN;
	if (link->lower && (!strcmp(link->kind, "vlan") || !strcmp(link->kind, "macvlan")))
		return is_watched(w, link->lower) ? WT_IF_UNCOUNTED_IN | WT_IF_UNCOUNTED_OUT : 0;
	for (size_t i = 0; i < links->len; i++) {
		if (links->at[i].master != link->ifindex)
			continue;
		ports = true;
		all_watched &= is_watched(w, links->at[i].ifindex);
	}
	return ports && all_watched ? WT_IF_UNCOUNTED_IN | WT_IF_UNCOUNTED_OUT : 0;
}

/* The programs' table: a bucket free, or this interface's already. */
static struct wt_if *bucket_for(struct tables *t, uint32_t ifindex)
{
	struct wt_if *have = tables_interface(t, ifindex);

	for (uint32_t probe = 0; probe < WT_IF_PROBES && !have; probe++) {
		struct wt_if *b = &t->interfaces[(ifindex + probe) & (WT_IF_BUCKETS - 1)];

		if (!b->ifindex)
			have = b;
	}
	return have;
}

static int publish(struct watch *w, const struct iface *iface)
{
	struct wt_if *b = bucket_for(w->tables, iface->ifindex);

	if (!b)
		return -ENOSPC;
	b->slot = iface->slot;
	b->link = iface->link;
	b->sampling = scope_sample(&w->config->sample, iface->name);
	b->watched = iface->watched;
	b->flags = iface->flags;
	/* Last: a program that finds the number finds all the rest. */
	__atomic_store_n(&b->ifindex, iface->ifindex, __ATOMIC_RELEASE);
	return 0;
}

/* A killed agent's slot for this interface, or a free one; 0 = none. */
static uint16_t choose_slot(struct watch *w, uint32_t ifindex)
{
	const struct wt_if *old = tables_interface(w->tables, ifindex);
	bool taken[GEOMETRY_SLOTS_MAX] = { true };

	if (old && !w->ifaces.at[old->slot].ifindex)
		return old->slot;
	for (uint32_t i = 0; i < WT_IF_BUCKETS; i++)
		if (w->tables->interfaces[i].ifindex)
			taken[w->tables->interfaces[i].slot % GEOMETRY_SLOTS_MAX] = true;
	for (uint32_t slot = 1; slot < w->tables->geometry.slots; slot++)
		if (!taken[slot] && !w->ifaces.at[slot].ifindex)
			return slot;
	return 0;
}

static bool has_failed(const struct watch *w, uint32_t ifindex)
{
	for (uint32_t i = 0; i < w->failed_len; i++)
		if (w->failed[i] == ifindex)
			return true;
	return false;
}

static void note_failed(struct watch *w, uint32_t ifindex)
{
	w->failed[w->failed_len % ARRAY_LEN(w->failed)] = ifindex;
	if (w->failed_len < ARRAY_LEN(w->failed))
		w->failed_len++;
}

static int add(struct watch *w, const struct link *link)
{
	struct iface iface = {
		.ifindex = link->ifindex,
		.link = link->has_ethernet ? WT_LINK_ETHERNET : WT_LINK_RAW_IP,
		.netns = w->kernel->options.netns,
		.slot = choose_slot(w, link->ifindex),
		.watched = WT_WATCH_INGRESS | WT_WATCH_EGRESS,
	};
	int err;

	memcpy(iface.name, link->name, sizeof(iface.name));
	if (!iface.slot) {
		log_warn("%s: not watched: all %u interface slots are taken (--max-interfaces)",
			 iface.name, w->tables->geometry.slots - 1);
		note_failed(w, link->ifindex);
		return -ENOSPC;
	}
	err = cidr_write(w->kernel->maps[MAP_CIDRS], &iface, w->config, &iface.flags);
	if (!err)
		err = publish(w, &iface); /* before the first packet comes */
	if (!err)
		err = attach_interface(w->kernel, w->pins, w->hook, &iface,
				       &w->attachments[iface.slot]);
	if (err) {
		log_error("%s: %s", iface.name, iface.reason[0] ? iface.reason : strerror(-err));
		note_failed(w, link->ifindex);
		return err;
	}
	w->ifaces.at[iface.slot] = iface;
	w->gone_at[iface.slot] = 0;
	log_info("%s: %s in and out; %s", iface.name, iface.hook, iface.reason);
	w->changed(w->arg, &iface);
	return 0;
}

static void mark_gone(struct watch *w, struct iface *iface)
{
	if (w->gone_at[iface->slot])
		return;
	log_info("%s: gone", iface->name);
	attach_release(&w->attachments[iface->slot], w->pins, false);
	w->gone_at[iface->slot] = w->intervals + 1;
	iface->watched = 0;
	publish(w, iface);
	w->changed(w->arg, iface);
}

static const struct link *find_link(const struct links *links, const struct iface *iface)
{
	for (size_t i = 0; i < links->len; i++)
		if (links->at[i].ifindex == iface->ifindex)
			return &links->at[i];
	return NULL;
}

static void update_flags(struct watch *w, const struct links *links)
{
	for (uint32_t slot = 1; slot < w->tables->geometry.slots; slot++) {
		struct iface *iface = &w->ifaces.at[slot];
		const struct link *link;
		uint8_t flags;

		if (!iface->ifindex || w->gone_at[slot])
			continue;
		link = find_link(links, iface);
		flags = iface->flags & (WT_IF_FILTER | WT_IF_ALLOWLIST);
		flags |= link ? uncounted_flags(w, links, link) : 0;
		if (flags != iface->flags || (link && strcmp(link->name, iface->name))) {
			iface->flags = flags;
			if (link)
				memcpy(iface->name, link->name, sizeof(iface->name));
			publish(w, iface);
			w->changed(w->arg, iface);
		}
	}
}

int watch_update(struct watch *w)
{
	struct links links = { 0 };
	int watched = 0, err = links_list(&links);

	if (err)
		return err;
	for (uint32_t slot = 1; slot < w->tables->geometry.slots; slot++)
		if (w->ifaces.at[slot].ifindex && !find_link(&links, &w->ifaces.at[slot]))
			mark_gone(w, &w->ifaces.at[slot]);
	for (size_t i = 0; i < links.len && !err; i++) {
		const struct link *link = &links.at[i];

		if (!is_wanted(w->config, link) || find_iface(w, link->ifindex) ||
		    has_failed(w, link->ifindex))
			continue;
		err = add(w, link);
		if (!w->config->interfaces.len || w->intervals) /* one of many: the others go on */
			err = 0;
	}
	update_flags(w, &links);
	links_free(&links);
	for (uint32_t slot = 1; slot < w->tables->geometry.slots; slot++)
		watched += w->ifaces.at[slot].ifindex && !w->gone_at[slot];
	return err ? err : watched;
}

static void release_slot(struct watch *w, uint32_t slot)
{
	struct wt_if *b = tables_interface(w->tables, w->ifaces.at[slot].ifindex);
	struct iface none = { .slot = slot };

	if (b)
		__atomic_store_n(&b->ifindex, 0, __ATOMIC_RELEASE);
	cidr_erase(w->kernel->maps[MAP_CIDRS], &w->ifaces.at[slot], w->config);
	w->ifaces.at[slot] = none;
	w->gone_at[slot] = 0;
	w->changed(w->arg, &none);
}

void watch_interval(struct watch *w, uint64_t intervals)
{
	w->intervals = intervals;
	for (uint32_t slot = 1; slot < w->tables->geometry.slots; slot++)
		if (w->gone_at[slot] &&
		    w->intervals + 1 >= w->gone_at[slot] + WATCH_LINGER_INTERVALS)
			release_slot(w, slot);
}

void watch_stop(struct watch *w, bool keep)
{
	for (uint32_t slot = 1; slot < w->tables->geometry.slots; slot++)
		if (w->ifaces.at[slot].ifindex && !w->gone_at[slot])
			attach_release(&w->attachments[slot], w->pins, keep);
}
