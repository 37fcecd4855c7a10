// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Counts in a mapped file; each change is written beside the last and made valid by one store. */
#include "user/sinks/sink_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "user/lib/cleanup.h"

#define MAGIC UINT64_C(0x314b4e4953545457) /* "WTTSINK1" */

struct slot {
	uint64_t waiting;
	uint64_t announced;
	struct sink_place end; /* of the transaction they were announced for */
};

struct page {
	_Atomic uint64_t magic;
	_Atomic uint64_t active; /* which slot holds */
	struct slot slots[2];
};

struct sink_state {
	struct page *page;
};

static int open_file(const char *dir, const char *url)
{
	AUTO_FREE char *path = NULL;
	unsigned int hash = (unsigned int)crc32(0, (const Bytef *)url, (uInt)strlen(url));
	int fd;

	if (asprintf(&path, "%s/sinks", dir) < 0)
		return -ENOMEM;
	if (mkdir(path, 0750) && errno != EEXIST)
		return -errno;
	free(TAKE(path));
	if (asprintf(&path, "%s/sinks/%08x", dir, hash) < 0)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	return fd < 0 ? -errno : fd;
}

static struct slot *now(const struct sink_state *s)
{
	return &s->page->slots[s->page->active & 1];
}

static bool is_before(const struct sink_place *a, const struct sink_place *b)
{
	return a->segment < b->segment || (a->segment == b->segment && a->bytes < b->bytes);
}

/* From here on nothing is left of what was. */
static uint64_t take_left(struct sink_state *s, const struct sink_place *stored)
{
	const struct slot *slot = now(s);
	uint64_t left = 0;

	if (s->page->magic == MAGIC) {
		left = slot->waiting;
		if (slot->announced && !is_before(stored, &slot->end))
			left += slot->announced;
	}
	s->page->magic = 0;
	memset(s->page->slots, 0, sizeof(s->page->slots));
	s->page->active = 0;
	s->page->magic = MAGIC;
	return left;
}

int sink_state_open(const char *dir, const char *url, const struct sink_place *stored,
		    struct sink_state **ret, uint64_t *ret_left)
{
	AUTO_FREE struct sink_state *s = calloc(1, sizeof(*s));
	AUTO_FD int fd = open_file(dir, url);
	int err;

	if (!s)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	err = posix_fallocate(fd, 0, sizeof(struct page)); /* a hole on a full disk would kill us */
	if (err)
		return -err;
	s->page = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (s->page == MAP_FAILED)
		return -errno;
	*ret_left = take_left(s, stored);
	*ret = TAKE(s);
	return 0;
}

void sink_state_close(struct sink_state *s)
{
	if (!s)
		return;
	munmap(s->page, sizeof(struct page));
	free(s);
}

static void put(struct sink_state *s, const struct slot *slot)
{
	uint64_t next = (s->page->active & 1) ^ 1;

	s->page->slots[next] = *slot;
	s->page->active = next; /* in order after the slot: sequentially consistent */
}

void sink_state_announce(struct sink_state *s, uint64_t rows, const struct sink_place *end)
{
	struct slot slot;

	if (!s)
		return;
	slot = *now(s);
	slot.announced = rows;
	slot.end = *end;
	put(s, &slot);
}

void sink_state_give(struct sink_state *s, uint64_t announced, uint64_t waiting)
{
	struct slot slot;

	if (!s)
		return;
	slot = *now(s);
	slot.announced -= announced < slot.announced ? announced : slot.announced;
	slot.waiting = waiting;
	put(s, &slot);
}

void sink_state_wait(struct sink_state *s, uint64_t waiting)
{
	sink_state_give(s, 0, waiting);
}
