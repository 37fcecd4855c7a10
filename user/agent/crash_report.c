// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* What an earlier run left in the crash record in, ledgers that name its losses out. */
#include <string.h>
#include <time.h>

#include "user/agent/crash_sum.h"
#include "user/agent/crashlog.h"

struct waiting {
	const struct crash_point *point;
	uint64_t settled_sequence;
	struct crash_count count;
};

static void add_waiting(void *arg, const struct spool_entry *e)
{
	struct waiting *w = arg;
	struct crash_count more = crash_of_entry(e, w->point);

	if (e->sequence <= w->settled_sequence)
		return; /* arrived; only its place in the spool was not free yet */
	w->count.packets += more.packets;
	w->count.octets += more.octets;
}

/* What adopted pins will still deliver of a point. */
static struct crash_count waiting_of(const struct crash_bank *b, const struct crash_point *p,
				     const struct spool *spool, const struct commit *commit)
{
	struct waiting w = { .point = p, .settled_sequence = b->settled_word >> 1 };

	spool_each(spool, add_waiting, &w);
	for (uint32_t i = 0; i < commit->carry_len; i++) {
		const struct agent_ledger *l = &commit->carry[i];
		struct crash_count named = crash_named(l);

		if (l->point != p->point || l->ifindex != p->ifindex || l->netns != p->netns)
			continue;
		w.count.packets += named.packets;
		w.count.octets += named.octets;
	}
	return w.count;
}

static struct crash_count missing(const struct crash_bank *b, const struct crash_point *p,
				  const struct crash_left *left, const struct crash_count *waiting)
{
	const struct crash_seen *seen = &p->seen[b->seen_word & 1];
	const struct crash_count *settled = &p->settled[b->settled_word & 1];
	struct crash_count open = seen->open, lost = seen->closed;
	size_t bytes = crash_ledgers_bytes(&b->ledgers);

	if (left->ledgers && bytes && bytes <= left->bytes && p->point < WT_SIGNAL_POINT)
		open = crash_sum(&b->ledgers, left->ledgers, b->seen_word >> 1, p->slot, p->point);
	lost.packets += open.packets;
	lost.octets += open.octets;
	if (lost.packets <= settled->packets + waiting->packets)
		return (struct crash_count){ 0 };
	lost.packets -= settled->packets + waiting->packets;
	lost.octets -= settled->octets + waiting->octets;
	return lost;
}

uint64_t crashlog_report(const struct crash_file *f, const uint8_t owner[16], bool adopted,
			 const struct crash_left *left, const struct spool *spool,
			 struct commit *next)
{
	const struct crash_bank *b = &f->banks[f->bank & 1];
	int64_t now_us = time(NULL) * 1000000ll;
	uint64_t packets = 0;

	if (!crashlog_is_valid(f) || !memcmp(b->owner, owner, sizeof(b->owner)) ||
	    !memcmp(b->owner, next->crash_reported, sizeof(b->owner)))
		return 0;
	for (uint32_t i = 0; i < b->points_len; i++) {
		const struct crash_point *p = &b->points[i];
		struct crash_count waiting = { 0 }, count;
		struct agent_ledger lost = {
			.interval = 1,
			.start_us = now_us,
			.end_us = now_us,
			.ifindex = p->ifindex,
			.netns = p->netns,
			.point = p->point,
		};

		if (adopted && p->point < WT_SIGNAL_POINT)
			continue; /* all of it is in the tables */
		if (adopted)
			waiting = waiting_of(b, p, spool, next);
		count = missing(b, p, left, &waiting);
		if (!count.packets)
			continue;
		lost.counts[COUNT_SEEN] = (struct wt_count){ count.packets, count.octets };
		lost.counts[COUNT_LOST_AGENT_CRASH] = lost.counts[COUNT_SEEN];
		carry_add(next, &lost);
		packets += count.packets;
	}
	memcpy(next->crash_reported, b->owner, sizeof(b->owner));
	return packets;
}
