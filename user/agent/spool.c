// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Encoded batches in (drain thread), the oldest out (ship thread), nothing lost without a name. */
#include "user/agent/spool.h"

#include <errno.h>
#include <string.h>

static size_t aligned(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

void spool_init(struct spool *s, struct state *state, void *base, size_t bytes)
{
	s->state = state;
	s->entry_max = bytes / 8 / 8 * 8;
	if (s->entry_max > SPOOL_ENTRY_MAX)
		s->entry_max = SPOOL_ENTRY_MAX;
	s->outbox = base;
	s->ring = s->outbox + s->entry_max;
	s->ring_bytes = (bytes - s->entry_max) / 8 * 8;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->freed, NULL);
}

static struct spool_entry *entry_at(const struct spool *s, uint64_t offset)
{
	return (struct spool_entry *)(s->ring + offset % s->ring_bytes);
}

static size_t left_to_wrap(const struct spool *s, uint64_t offset)
{
	return s->ring_bytes - offset % s->ring_bytes;
}

/* The offset of the first entry at or after `offset`: skips what a wrap left unused. */
static uint64_t skip_wrap(const struct spool *s, uint64_t offset)
{
	size_t left = left_to_wrap(s, offset);

	if (left < sizeof(struct spool_entry) || entry_at(s, offset)->magic == SPOOL_WRAP)
		return offset + left;
	return offset;
}

struct spool_sum *spool_sums(const struct spool_entry *e)
{
	return (struct spool_sum *)(e + 1);
}

struct agent_ledger *spool_ledgers(const struct spool_entry *e)
{
	return (struct agent_ledger *)(spool_sums(e) + e->sums_len);
}

const void *spool_body(const struct spool_entry *e)
{
	return spool_ledgers(e) + e->ledgers_len;
}

static bool same_point(const struct agent_ledger *a, const struct agent_ledger *b)
{
	return a->ifindex == b->ifindex && a->netns == b->netns && a->point == b->point;
}

static void ledger_merge(struct agent_ledger *into, const struct agent_ledger *row)
{
	if (row->start_us && (!into->start_us || row->start_us < into->start_us))
		into->start_us = row->start_us;
	if (row->end_us > into->end_us)
		into->end_us = row->end_us;
	if (row->interval > into->interval)
		into->interval = row->interval;
	for (int i = 0; i < AGENT_COUNTS; i++) {
		into->counts[i].packets += row->counts[i].packets;
		into->counts[i].l2_bytes += row->counts[i].l2_bytes;
	}
}

void carry_add(struct commit *next, const struct agent_ledger *row)
{
	struct agent_ledger *newest = NULL;

	for (uint32_t i = 0; i < next->carry_len; i++) {
		struct agent_ledger *have = &next->carry[i];

		if (!same_point(have, row))
			continue;
		if (have->interval == row->interval) {
			ledger_merge(have, row);
			return;
		}
		if (!newest || have->interval > newest->interval)
			newest = have;
	}
	if (next->carry_len < STATE_CARRY_MAX)
		next->carry[next->carry_len++] = *row;
	else /* another point's row would falsify that point; with no row of its own, the first */
		ledger_merge(newest ? newest : &next->carry[0], row);
}

void carry_batch(struct commit *next, const struct spool_sum *sums, uint32_t sums_len,
		 const struct agent_ledger *ledgers, uint32_t ledgers_len, enum agent_count loss)
{
	for (uint32_t i = 0; i < sums_len; i++) {
		struct agent_ledger lost = {
			.interval = sums[i].interval,
			.ifindex = sums[i].ifindex,
			.netns = sums[i].netns,
			.point = sums[i].point,
		};

		lost.counts[loss] = sums[i].count;
		carry_add(next, &lost);
	}
	for (uint32_t i = 0; i < ledgers_len; i++)
		carry_add(next, &ledgers[i]);
}

static void carry_entry(struct commit *next, const struct spool_entry *e, enum agent_count loss)
{
	carry_batch(next, spool_sums(e), e->sums_len, spool_ledgers(e), e->ledgers_len, loss);
}

static void drop_oldest(struct spool *s, struct commit *next)
{
	const struct spool_entry *e;

	next->spool_dropped = skip_wrap(s, next->spool_dropped);
	e = entry_at(s, next->spool_dropped);
	carry_entry(next, e, COUNT_LOST_SPOOL_FULL);
	next->spool_dropped += e->bytes;
}

bool spool_take_refused(struct spool *s, struct commit *next)
{
	const struct spool_entry *e = (const void *)s->outbox;

	if (!__atomic_load_n(&s->state->outbox_refused, __ATOMIC_ACQUIRE) ||
	    next->refused_sequence == e->sequence)
		return false;
	carry_entry(next, e, COUNT_LOST_REFUSED);
	next->refused_sequence = e->sequence;
	return true;
}

bool spool_reserve(struct spool *s, struct commit *next, size_t bytes)
{
	uint64_t before;

	if (bytes > s->ring_bytes / 2)
		bytes = s->ring_bytes / 2;
	/* What a wrap may leave unused is at most one entry. */
	bytes += s->entry_max;
	pthread_mutex_lock(&s->lock);
	if (next->spool_dropped < s->state->spool_tail)
		next->spool_dropped = s->state->spool_tail;
	before = next->spool_dropped;
	while (next->spool_dropped < next->spool_head &&
	       next->spool_head + bytes - next->spool_dropped > s->ring_bytes)
		drop_oldest(s, next);
	/* The ship thread must not take what is on its way out. */
	s->state->spool_tail = next->spool_dropped;
	pthread_mutex_unlock(&s->lock);
	return next->spool_dropped != before;
}

/* Where an entry of bytes goes: behind *head, or at the ring's start when it does not fit there. */
static int place(struct spool *s, uint64_t *head, size_t bytes)
{
	size_t left = left_to_wrap(s, *head);
	size_t need = left < bytes ? left + bytes : bytes;
	uint64_t tail = __atomic_load_n(&s->state->spool_tail, __ATOMIC_ACQUIRE);

	if (*head + need - tail > s->ring_bytes)
		return -ENOSPC;
	if (left >= bytes)
		return 0;
	if (left >= sizeof(struct spool_entry))
		entry_at(s, *head)->magic = SPOOL_WRAP;
	*head += left;
	return 0;
}

int spool_append(struct spool *s, struct commit *next, const struct spool_entry *head,
		 const struct spool_sum *sums, const struct agent_ledger *ledgers, const void *body)
{
	size_t sums_bytes = head->sums_len * sizeof(*sums);
	size_t ledgers_bytes = head->ledgers_len * sizeof(*ledgers);
	size_t bytes = aligned(sizeof(*head) + sums_bytes + ledgers_bytes + head->body_len);
	struct spool_entry *e;
	int err;

	if (bytes > s->entry_max)
		return -EMSGSIZE;
	err = place(s, &next->spool_head, bytes);
	if (err)
		return err;
	e = entry_at(s, next->spool_head);
	*e = *head;
	e->magic = SPOOL_MAGIC;
	e->bytes = bytes;
	if (sums_bytes)
		memcpy(spool_sums(e), sums, sums_bytes);
	if (ledgers_bytes)
		memcpy(spool_ledgers(e), ledgers, ledgers_bytes);
	memcpy((void *)spool_body(e), body, head->body_len);
	next->spool_head += bytes;
	return 0;
}

void spool_apply(struct spool *s, const struct commit *current)
{
	struct state *st = s->state;
	const struct spool_entry *e = (const void *)s->outbox;

	pthread_mutex_lock(&s->lock);
	if (st->spool_tail < current->spool_dropped)
		st->spool_tail = current->spool_dropped;
	if (st->outbox_refused && current->refused_sequence == e->sequence) {
		st->outbox_len = 0;
		__atomic_store_n(&st->outbox_refused, 0, __ATOMIC_RELEASE);
		pthread_cond_broadcast(&s->freed);
	}
	pthread_mutex_unlock(&s->lock);
}

void spool_refuse(struct spool *s)
{
	pthread_mutex_lock(&s->lock);
	__atomic_store_n(&s->state->outbox_refused, 1, __ATOMIC_RELEASE);
	while (s->state->outbox_refused && !s->closing)
		pthread_cond_wait(&s->freed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

const struct spool_entry *spool_next(struct spool *s)
{
	const struct spool_entry *outbox = (const void *)s->outbox, *e;
	struct state *st = s->state;
	uint64_t head, tail;

	if (st->outbox_len)
		return outbox;
	pthread_mutex_lock(&s->lock);
	head = st->commit[__atomic_load_n(&st->current, __ATOMIC_ACQUIRE)].spool_head;
	tail = st->spool_tail < head ? skip_wrap(s, st->spool_tail) : head;
	if (tail < head) {
		e = entry_at(s, tail);
		memcpy(s->outbox, e, e->bytes);
		/* Killed between these two: sent twice under one sequence, stored once. */
		__atomic_store_n(&st->outbox_len, e->bytes, __ATOMIC_RELEASE);
		__atomic_store_n(&st->spool_tail, tail + e->bytes, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&s->lock);
	return st->outbox_len ? outbox : NULL;
}

void spool_acknowledge(struct spool *s)
{
	__atomic_store_n(&s->state->outbox_len, 0, __ATOMIC_RELEASE);
}

void spool_each(const struct spool *s, void (*visit)(void *arg, const struct spool_entry *e),
		void *arg)
{
	const struct state *st = s->state;
	const struct spool_entry *outbox = (const void *)s->outbox;
	const struct commit *commit = &st->commit[st->current];
	uint64_t at =
		st->spool_tail > commit->spool_dropped ? st->spool_tail : commit->spool_dropped;

	if (st->outbox_len)
		visit(arg, outbox);
	while (at < commit->spool_head) {
		const struct spool_entry *e;

		at = skip_wrap(s, at);
		if (at >= commit->spool_head)
			break;
		e = entry_at(s, at);
		if (!st->outbox_len || e->sequence > outbox->sequence)
			visit(arg, e); /* else a kill left it in both places */
		at += e->bytes;
	}
}

uint64_t spool_used(const struct spool *s)
{
	const struct state *st = s->state;
	uint64_t head = st->commit[__atomic_load_n(&st->current, __ATOMIC_ACQUIRE)].spool_head;

	return st->outbox_len + (head > st->spool_tail ? head - st->spool_tail : 0);
}

void spool_close(struct spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_broadcast(&s->freed);
	pthread_mutex_unlock(&s->lock);
}
