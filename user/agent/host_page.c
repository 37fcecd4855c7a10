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

bool host_page_take(const struct host_page *p, uint64_t taken, struct host_snapshot *ret)
{
	uint64_t number = __atomic_load_n(&p->number, __ATOMIC_ACQUIRE);
	const struct host_snapshot *s = &p->slots[number % 2];

	if (!number || number == taken)
		return false;
	if (__atomic_load_n(&s->number, __ATOMIC_ACQUIRE) != number || s->base != taken ||
	    s->len > HOST_PAGE_MAX)
		return false;
	memcpy(ret, s, offsetof(struct host_snapshot, at) + s->len * sizeof(s->at[0]));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&s->number, __ATOMIC_RELAXED) == number && ret->number == number;
}
