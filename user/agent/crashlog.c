// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sums of what was seen and what has arrived in, the difference after a crash out. */
#include "user/agent/crashlog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "user/agent/identity.h"
#include "user/lib/log.h"

static void path_of(const char *run_dir, char path[256])
{
	snprintf(path, 256, "%.200s/agent.crash", run_dir);
}

static void add(struct wt_count *to, const struct wt_count *from)
{
	to->packets += from->packets;
	to->l2_bytes += from->l2_bytes;
}

int crashlog_open(const char *run_dir, struct crashlog **ret)
{
	char path[256];
	AUTO_FD int fd = -1;
	struct crashlog *c;

	path_of(run_dir, path);
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*c)))
		return -errno;
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c == MAP_FAILED)
		return -errno;
	c->abi = WT_ABI_VERSION;
	c->size = sizeof(*c);
	identity_boot_id(c->boot_id);
	c->magic = CRASHLOG_MAGIC;
	*ret = c;
	return 0;
}

void crashlog_close(struct crashlog *c)
{
	if (c)
		munmap(c, sizeof(*c));
}

void crashlog_remove(const char *run_dir)
{
	char path[256];

	path_of(run_dir, path);
	unlink(path);
}

static struct wt_count missing(const struct crashlog_point *p)
{
	struct wt_count seen = p->closed;

	add(&seen, &p->open);
	if (seen.packets <= p->settled.packets)
		return (struct wt_count){ 0 };
	return (struct wt_count){
		.packets = seen.packets - p->settled.packets,
		.l2_bytes = seen.l2_bytes - p->settled.l2_bytes,
	};
}

static uint64_t report(const struct crashlog *c, struct state *state)
{
	struct commit *commit = &state->commit[state->current];
	int64_t now_us = time(NULL) * 1000000ll;
	uint64_t packets = 0;

	for (size_t i = 0; i < STATE_POINTS; i++) {
		const struct crashlog_point *p = &c->points[i];
		struct agent_ledger lost = {
			.interval = 1,
			.start_us = now_us,
			.end_us = now_us,
			.ifindex = p->ifindex,
			.netns = p->netns,
			.point = p->point,
		};
		struct wt_count count = missing(p);

		if (!count.packets)
			continue;
		lost.counts[COUNT_SEEN] = count;
		lost.counts[COUNT_LOST_AGENT_CRASH] = count;
		carry_add(commit, &lost);
		packets += count.packets;
	}
	return packets;
}

static bool is_valid(const struct crashlog *c)
{
	uint8_t boot_id[16] = { 0 };

	identity_boot_id(boot_id);
	return c->magic == CRASHLOG_MAGIC && c->abi == WT_ABI_VERSION && c->size == sizeof(*c) &&
	       !memcmp(c->boot_id, boot_id, sizeof(boot_id));
}

uint64_t crashlog_report(const char *run_dir, struct state *state)
{
	char path[256];
	AUTO_FREE struct crashlog *c = malloc(sizeof(*c));
	AUTO_FD int fd = -1;
	uint64_t packets = 0;

	path_of(run_dir, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !c)
		return 0;
	if (read(fd, c, sizeof(*c)) == (ssize_t)sizeof(*c) && is_valid(c))
		packets = report(c, state);
	unlink(path);
	return packets;
}

static struct crashlog_point *point_at(struct crashlog *c, uint32_t slot, uint32_t point)
{
	return &c->points[slot * WT_POINTS + point];
}

void crashlog_look(struct crashlog *c, const struct tables *t, const struct iface_list *ifaces)
{
	const struct geometry *g = &t->geometry;

	for (uint32_t slot = 0; slot < g->slots; slot++) {
		for (uint32_t point = 0; point < g->points; point++) {
			struct crashlog_point *p = point_at(c, slot, point);
			struct wt_count open = { 0 };

			for (uint32_t cpu = 0; cpu < g->cpus; cpu++)
				for (uint32_t epoch = 0; epoch < 2; epoch++)
					add(&open,
					    &tables_ledger(t, cpu, epoch, slot, point)->seen);
			if (!open.packets && !p->open.packets)
				continue;
			p->ifindex = ifaces->at[slot].ifindex;
			p->netns = t->state->netns;
			p->point = point;
			p->open = open;
		}
	}
}

void crashlog_closed(struct crashlog *c, const struct agent_ledger *ledger, uint32_t slot)
{
	struct crashlog_point *p = point_at(c, slot, ledger->point);

	p->ifindex = ledger->ifindex;
	p->netns = ledger->netns;
	p->point = ledger->point;
	add(&p->closed, &ledger->counts[COUNT_SEEN]);
	p->open = (struct wt_count){ 0 };
}

static struct crashlog_point *find(struct crashlog *c, uint32_t ifindex, uint32_t netns,
				   uint32_t point)
{
	for (size_t i = 0; i < STATE_POINTS; i++)
		if (c->points[i].point == point && c->points[i].ifindex == ifindex &&
		    c->points[i].netns == netns)
			return &c->points[i];
	return NULL;
}

/* Rows are settled by arriving; what became no row, or was dropped, by the ledger that names it. */
static void settle_ledger(struct crashlog_point *p, const struct agent_ledger *l)
{
	add(&p->settled, &l->counts[COUNT_FILTERED]);
	add(&p->settled, &l->counts[COUNT_SAMPLED_OUT]);
	add(&p->settled, &l->counts[COUNT_MISSED_NESTED]);
	add(&p->settled, &l->counts[COUNT_LOST_SPOOL_FULL]);
	add(&p->settled, &l->counts[COUNT_LOST_REFUSED]);
	for (int i = COUNT_UNPARSED; i < AGENT_COUNTS; i++)
		add(&p->settled, &l->counts[i]);
}

void crashlog_settled(struct crashlog *c, const struct spool_entry *e)
{
	const struct spool_sum *sums = (const struct spool_sum *)(e + 1);
	const struct agent_ledger *ledgers = (const struct agent_ledger *)(sums + e->sums_len);

	for (uint32_t i = 0; i < e->sums_len; i++) {
		struct crashlog_point *p = find(c, sums[i].ifindex, sums[i].netns, sums[i].point);

		if (p)
			add(&p->settled, &sums[i].count);
	}
	for (uint32_t i = 0; i < e->ledgers_len; i++) {
		struct crashlog_point *p =
			find(c, ledgers[i].ifindex, ledgers[i].netns, ledgers[i].point);

		if (p)
			settle_ledger(p, &ledgers[i]);
	}
}
