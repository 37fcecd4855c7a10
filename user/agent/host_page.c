// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Snapshots in and out of shared memory, without a lock that a killed process could hold. */
#include "user/agent/host_page.h"

#include <string.h>

#define SPOOL_SHARE 32 /* of the spool, at most, in one batch of host counts */

uint32_t host_page_limit(size_t spool_bytes)
{
	size_t most = spool_bytes / SPOOL_SHARE / HOST_COUNT_BYTES;

	return most < HOST_PAGE_MAX ? most : HOST_PAGE_MAX;
}

struct host_snapshot *host_page_begin(struct host_page *p)
{
	struct host_snapshot *s = &p->slots[(p->number + 1) % 2];

	__atomic_store_n(&s->number, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	s->len = 0;
	return s;
}

void host_page_publish(struct host_page *p, struct host_snapshot *s)
{
	__atomic_store_n(&s->number, p->number + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&p->number, p->number + 1, __ATOMIC_RELEASE);
}

/* The newest snapshot, whole. */
static bool copy_newest(const struct host_page *p, uint64_t number, struct host_snapshot *ret)
{
	const struct host_snapshot *s = &p->slots[number % 2];

	if (__atomic_load_n(&s->number, __ATOMIC_ACQUIRE) != number || s->len > HOST_PAGE_MAX)
		return false;
	memcpy(ret, s, offsetof(struct host_snapshot, at) + s->len * sizeof(s->at[0]));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&s->number, __ATOMIC_RELAXED) == number && ret->number == number;
}

static const struct host_count *find(const struct host_snapshot *s, const struct host_count *like,
				     uint32_t hint)
{
	for (uint32_t i = 0; i < s->len; i++) {
		const struct host_count *c = &s->at[(hint + i) % s->len]; /* mostly in one order */

		if (c->netns == like->netns && !strcmp(c->name, like->name))
			return c;
	}
	return NULL;
}

/* Counters of t->newest less those of t->last, which began at the same base. */
static bool subtract(struct host_taker *t)
{
	for (uint32_t i = 0; i < t->last.len; i++) {
		const struct host_count *c = &t->last.at[i];
		const struct host_count *now = c->is_gauge ? NULL : find(&t->newest, c, i);

		if (!c->is_gauge && (!now || now->value < c->value))
			return false; /* it found no room this time */
	}
	for (uint32_t i = 0; i < t->len; i++) {
		const struct host_count *before =
			t->at[i].is_gauge ? NULL : find(&t->last, &t->at[i], i);

		t->at[i].value -= before ? before->value : 0;
	}
	return true;
}

bool host_page_take(const struct host_page *p, uint64_t taken, struct host_taker *t, uint64_t *ret)
{
	uint64_t number = __atomic_load_n(&p->number, __ATOMIC_ACQUIRE);
	bool goes_on = t->last.number == taken && taken;

	if (!number || number == taken || !copy_newest(p, number, &t->newest))
		return false;
	t->len = t->newest.len;
	memcpy(t->at, t->newest.at, t->len * sizeof(t->at[0]));
	if (t->newest.base != taken && (!goes_on || t->newest.base != t->last.base || !subtract(t)))
		return false;
	memcpy(&t->last, &t->newest,
	       offsetof(struct host_snapshot, at) + t->len * sizeof(t->at[0]));
	*ret = number;
	return true;
}
