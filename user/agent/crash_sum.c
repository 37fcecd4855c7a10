// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Batches, ledgers and kernel counters in, packets and octets of one point out. */
#include "user/agent/crash_sum.h"

#include <string.h>

#include "user/agent/crashlog.h"

struct crash_point *crash_find(struct crash_bank *b, uint32_t ifindex, uint32_t netns,
			       uint32_t point)
{
	for (uint32_t i = 0; i < b->points_len; i++)
		if (b->points[i].point == point && b->points[i].ifindex == ifindex &&
		    b->points[i].netns == netns)
			return &b->points[i];
	return NULL;
}

void crash_add(struct crash_count *to, const struct wt_count *more)
{
	to->packets += more->packets;
	to->octets += more->l2_bytes;
}

struct crash_count crash_named(const struct agent_ledger *l)
{
	static const enum agent_count losses[] = {
		COUNT_FILTERED,	       COUNT_SAMPLED_OUT,      COUNT_MISSED_NESTED,
		COUNT_LOST_SPOOL_FULL, COUNT_LOST_REFUSED,     COUNT_LOST_UNENCODABLE,
		COUNT_LOST_LANE_FULL,  COUNT_LOST_AGENT_CRASH, COUNT_LOST_NO_ROW,
	};
	struct crash_count sum = { 0 };

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		crash_add(&sum, &l->counts[losses[i]]);
	for (int i = COUNT_UNPARSED; i < AGENT_COUNTS; i++)
		crash_add(&sum, &l->counts[i]);
	return sum;
}

struct crash_count crash_of_entry(const struct spool_entry *e, const struct crash_point *p)
{
	const struct spool_sum *sums = spool_sums(e);
	const struct agent_ledger *ledgers = spool_ledgers(e);
	struct crash_count all = { 0 };

	for (uint32_t i = 0; i < e->sums_len; i++)
		if (sums[i].point == p->point && sums[i].ifindex == p->ifindex &&
		    sums[i].netns == p->netns)
			crash_add(&all, &sums[i].count);
	for (uint32_t i = 0; i < e->ledgers_len; i++) {
		const struct agent_ledger *l = &ledgers[i];
		struct crash_count named;

		if (l->point != p->point || l->ifindex != p->ifindex || l->netns != p->netns)
			continue;
		named = crash_named(l);
		all.packets += named.packets;
		all.octets += named.octets;
	}
	return all;
}

size_t crash_ledgers_bytes(const struct crash_ledgers *l)
{
	if (!l->record_bytes || l->record_bytes > 1 << 16 || l->cpus > 1 << 16 ||
	    l->slots > 1 << 16 || l->points > 64 || l->offsets_len > CRASH_OFFSETS_MAX)
		return 0;
	for (uint32_t i = 0; i < l->offsets_len; i++)
		if (l->offsets[i] % 8 ||
		    l->offsets[i] + sizeof(struct crash_count) > l->record_bytes)
			return 0;
	return (size_t)l->cpus * 2 * l->slots * l->points * l->record_bytes;
}

struct crash_count crash_sum(const struct crash_ledgers *l, const uint8_t *base, uint32_t epochs,
			     uint32_t slot, uint32_t point)
{
	struct crash_count sum = { 0 };

	if (slot >= l->slots || point >= l->points)
		return sum;
	for (uint32_t i = 0; i < l->cpus * 2; i++) {
		size_t at = ((size_t)i * l->slots + slot) * l->points + point;

		for (uint32_t k = 0; k < l->offsets_len && epochs & 1u << i % 2; k++) {
			struct crash_count count;

			memcpy(&count, base + at * l->record_bytes + l->offsets[k], sizeof(count));
			sum.packets += count.packets;
			sum.octets += count.octets;
		}
	}
	return sum;
}
