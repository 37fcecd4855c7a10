// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Pages for sums by key: how many there may be, and some that are kept for the next. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "user/collector/key_sums_internal.h"
#include "user/lib/cleanup.h"

#define LARGE_PAGE (2u << 20)
#define KEPT 2 /* of those that are freed: their pages are there already */
#define KEPT_PART 4 /* of all there may be: larger ones are not kept */

static _Atomic size_t room_of_all; /* bytes */
static size_t room_limit = KEY_SUMS_BYTES_ALL;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what is kept */
static struct key_sums *kept[KEPT];

static struct key_sums *take_kept(void)
{
	struct key_sums *s = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEPT && !s; i++)
		s = TAKE(kept[i]);
	pthread_mutex_unlock(&lock);
	return s;
}

static bool keep(struct key_sums *s)
{
	bool is_kept = false;

	if (!s->index_len || s->room > room_limit / KEPT_PART)
		return false;
	memset(s->pages->index, 0, s->index_len * sizeof(*s->pages->index));
	s->len = 0;
	s->rows = 0;
	s->is_full = false;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < KEPT && !is_kept; i++) {
		is_kept = !kept[i];
		if (is_kept)
			kept[i] = s;
	}
	pthread_mutex_unlock(&lock);
	return is_kept;
}

void key_sums_unreserve(size_t bytes)
{
	atomic_fetch_sub(&room_of_all, bytes);
}

static void release(struct key_sums *s)
{
	key_sums_unreserve(s->room);
	free(s->pages);
	free(s);
}

void key_sums_set_limit(size_t bytes)
{
	room_limit = bytes;
}

void key_sums_free(struct key_sums *s)
{
	while (s) {
		struct key_sums *next = TAKE(s->next);

		free(TAKE(s->told));
		if (!keep(s))
			release(s);
		s = next;
	}
}

static bool reserve(size_t bytes)
{
	if (atomic_fetch_add(&room_of_all, bytes) + bytes <= room_limit)
		return true;
	key_sums_unreserve(bytes);
	return false;
}

static void drop_kept(void)
{
	for (struct key_sums *s; (s = take_kept());)
		release(s);
}

bool key_sums_reserve(size_t bytes)
{
	if (reserve(bytes))
		return true;
	drop_kept();
	return reserve(bytes);
}

int key_sums_take_room(struct key_sums *s, size_t index_len, size_t groups)
{
	size_t room = index_len * sizeof(uint32_t) + groups * s->stride * sizeof(uint64_t);
	size_t more = room > s->room ? room - s->room : 0;

	if (!key_sums_reserve(more))
		return -ENOBUFS;
	s->room += more;
	return 0;
}

void *key_sums_pages(size_t bytes)
{
	size_t whole = (bytes + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
	void *pages = aligned_alloc(LARGE_PAGE, whole); /* mapped: it is that large */

	if (pages)
		madvise(pages, whole, MADV_HUGEPAGE); /* or small ones */
	return pages;
}

struct key_sums *key_sums_take(void)
{
	struct key_sums *s = take_kept();

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->pages = key_sums_pages(sizeof(*s->pages));
	if (s->pages)
		return s;
	free(s);
	return NULL;
}
