// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Map descriptors in, pointers into the kernel's arrays out. */
#include "user/agent/tables.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

const char *const table_map_names[MAPS] = {
	[MAP_FLOW_TABLE] = "flow_table", [MAP_FLOW_TAGS] = "flow_tags",
	[MAP_FLOW_LANES] = "flow_lanes", [MAP_FLOW_HEADS] = "flow_heads",
	[MAP_LEDGERS] = "ledgers",	 [MAP_INTERFACES] = "interfaces",
	[MAP_CONTROLS] = "controls",	 [MAP_SPOOL] = "spool",
	[MAP_STATE] = "state",		 [MAP_CIDRS] = "cidrs",
	[MAP_GRACE] = "grace",
};

static size_t map_bytes(const struct geometry *g, enum table_map map)
{
	switch (map) {
	case MAP_FLOW_TABLE:
		return g->table_bytes;
	case MAP_FLOW_TAGS:
		return g->tags_bytes;
	case MAP_FLOW_LANES:
		return g->lanes_bytes;
	case MAP_FLOW_HEADS:
		return g->cpus * sizeof(struct wt_lane_head);
	case MAP_LEDGERS:
		return g->ledgers_bytes;
	case MAP_INTERFACES:
		return WT_IF_BUCKETS * sizeof(struct wt_if);
	case MAP_CONTROLS:
		return sizeof(struct wt_control);
	case MAP_SPOOL:
		return g->spool_bytes;
	default:
		return sizeof(struct state);
	}
}

static int map_one(struct tables *t, int fd, enum table_map map, size_t bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *at;

	bytes = (bytes + page - 1) / page * page;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	t->mapped[map] = at;
	t->mapped_bytes[map] = bytes;
	return 0;
}

static bool state_is_ours(const struct state *s)
{
	return s->magic == STATE_MAGIC && s->abi == WT_ABI_VERSION && s->size == sizeof(*s);
}

int tables_open(const int fds[MAPS], const struct geometry *geometry, struct tables **ret)
{
	AUTO(tables_free) struct tables *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	err = map_one(t, fds[MAP_STATE], MAP_STATE, sizeof(struct state));
	if (err)
		return err == -EINVAL ? -EPROTO : err; /* another ABI's state has another size */
	t->state = t->mapped[MAP_STATE];
	if (!geometry && !state_is_ours(t->state))
		return -EPROTO;
	t->geometry = geometry ? *geometry : t->state->geometry;
	for (int map = 0; map < MAP_STATE; map++) {
		err = map_one(t, fds[map], map, map_bytes(&t->geometry, map));
		if (err)
			return err;
	}
	t->table = t->mapped[MAP_FLOW_TABLE];
	t->tags = t->mapped[MAP_FLOW_TAGS];
	t->lanes = t->mapped[MAP_FLOW_LANES];
	t->heads = t->mapped[MAP_FLOW_HEADS];
	t->ledgers = t->mapped[MAP_LEDGERS];
	t->interfaces = t->mapped[MAP_INTERFACES];
	t->control = t->mapped[MAP_CONTROLS];
	t->spool = t->mapped[MAP_SPOOL];
	*ret = TAKE(t);
	return 0;
}

void tables_free(struct tables *t)
{
	if (!t)
		return;
	for (int map = 0; map < MAPS_MMAPPED; map++)
		if (t->mapped[map])
			munmap(t->mapped[map], t->mapped_bytes[map]);
	free(t);
}

struct wt_flow *tables_set(const struct tables *t, uint32_t row, uint32_t epoch, uint32_t set)
{
	return t->table + (((uint64_t)row * 2 + epoch) * t->geometry.sets + set) * 2;
}

void tables_zero(struct tables *t, uint32_t epoch, uint32_t from, uint32_t to)
{
	for (uint32_t row = 0; row < t->geometry.rows; row++) {
		struct wt_flow *way = tables_set(t, row, epoch, from);

		for (uint32_t i = 0; i < (to - from) * 2; i++)
			if (way[i].packets)
				memset(&way[i], 0, sizeof(way[i]));
		memset(t->tags + ((uint64_t)row * 2 + epoch) * t->geometry.sets + from, 0,
		       (to - from) * sizeof(*t->tags));
	}
}

struct wt_ledger *tables_ledger(const struct tables *t, uint32_t cpu, uint32_t epoch, uint32_t slot,
				uint32_t point)
{
	const struct geometry *g = &t->geometry;

	return t->ledgers + (((uint64_t)cpu * 2 + epoch) * g->slots + slot) * g->points + point;
}

struct wt_if *tables_interface(const struct tables *t, uint32_t ifindex)
{
	for (uint32_t probe = 0; probe < WT_IF_PROBES; probe++) {
		struct wt_if *iface = &t->interfaces[(ifindex + probe) & (WT_IF_BUCKETS - 1)];

		if (ifindex && iface->ifindex == ifindex)
			return iface;
	}
	return NULL;
}
