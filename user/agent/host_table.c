// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Counters of the kernel in, snapshots of what they grew by out. */
#include "user/agent/host_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/agent/host_page.h"

#define BUCKETS (HOST_TABLE_MAX * 2)

struct counter {
	uint32_t netns;
	uint32_t tag;
	char name[HOST_COUNT_NAME_MAX];
	uint64_t last; /* the kernel's value */
	uint64_t total; /* what was added since it is known */
	uint64_t shipped; /* of total */
	uint64_t told; /* of total, with the newest snapshot */
	uint64_t told_before; /* with the one before */
	uint64_t sweep; /* when it was last there */
};

struct host_table {
	struct host_page *page;
	struct host_snapshot *snapshot; /* being filled */
	uint32_t limit;
	uint64_t base; /* what the newest snapshot counts from */
	uint64_t sweep;
	uint32_t left_out; /* in this sweep */
	uint32_t len;
	struct counter at[HOST_TABLE_MAX];
	uint16_t buckets[BUCKETS]; /* open addressing: index + 1, 0 = free */
};

int host_table_new(struct host_page *page, uint32_t limit, struct host_table **ret)
{
	struct host_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->page = page;
	t->limit = limit;
	*ret = t;
	return 0;
}

void host_table_free(struct host_table *t)
{
	free(t);
}

static uint32_t hash_of(uint32_t netns, const char *name)
{
	uint32_t hash = (2166136261u ^ netns) * 16777619u;

	for (const char *c = name; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	return hash ^ hash >> 15;
}

/* Its bucket: where it is, or where it would go. There is always a free one. */
static uint16_t *bucket_of(struct host_table *t, uint32_t netns, const char *name)
{
	uint32_t i = hash_of(netns, name);

	for (;; i++) {
		uint16_t *b = &t->buckets[i % BUCKETS];
		const struct counter *c = *b ? &t->at[*b - 1] : NULL;

		if (!c || (c->netns == netns && !strcmp(c->name, name)))
			return b;
	}
}

void host_table_begin(struct host_table *t, uint64_t taken)
{
	t->snapshot = host_page_begin(t->page);
	t->sweep++;
	t->left_out = 0;
	for (uint32_t i = 0; taken && i < t->len; i++) {
		if (taken == t->page->number)
			t->at[i].shipped = t->at[i].told;
		else if (taken + 1 == t->page->number) /* while the newest was being made */
			t->at[i].shipped = t->at[i].told_before;
	}
	t->base = taken;
}

bool host_table_is_first(const struct host_table *t)
{
	return t->sweep == 1;
}

static bool tell(struct host_table *t, const struct host_count *count)
{
	struct host_snapshot *s = t->snapshot;

	/* The last place is kept for the count of what found none. */
	if (s->len + 1 >= t->limit && strcmp(count->name, HOST_TABLE_LEFT_OUT)) {
		t->left_out++;
		return false;
	}
	s->at[s->len++] = *count;
	return true;
}

void host_table_gauge(struct host_table *t, uint32_t netns, const char *name, uint64_t value)
{
	struct host_count count = { .value = value, .netns = netns, .is_gauge = true };

	snprintf(count.name, sizeof(count.name), "%s", name);
	if (value)
		tell(t, &count);
}

static struct counter *add_counter(struct host_table *t, uint16_t *bucket, uint32_t netns,
				   const char *name)
{
	struct counter *c = &t->at[t->len];

	if (t->len == HOST_TABLE_MAX) {
		t->left_out++;
		return NULL;
	}
	*c = (struct counter){ .netns = netns };
	snprintf(c->name, sizeof(c->name), "%s", name);
	*bucket = ++t->len;
	return c;
}

void host_table_counter(struct host_table *t, uint32_t netns, uint32_t tag, const char *name,
			uint64_t value, bool from_zero)
{
	char cut[HOST_COUNT_NAME_MAX];
	uint16_t *bucket;
	struct counter *c;

	snprintf(cut, sizeof(cut), "%s", name);
	bucket = bucket_of(t, netns, cut);
	c = *bucket ? &t->at[*bucket - 1] : NULL;
	if (!c) {
		c = value ? add_counter(t, bucket, netns, cut) : NULL;
		if (!c)
			return; /* one that never moved needs no place */
		c->last = from_zero ? 0 : value;
	} else if (c->tag != tag || value < c->last) {
		c->last = 0;
	}
	c->tag = tag;
	c->total += value - c->last;
	c->last = value;
	c->sweep = t->sweep;
}

/* What does not fit stays to be told with a later snapshot. */
static void tell_counter(struct host_table *t, struct counter *c)
{
	struct host_count count = { .value = c->total - c->shipped, .netns = c->netns };

	memcpy(count.name, c->name, sizeof(count.name));
	c->told_before = c->told;
	c->told = c->shipped;
	if (count.value > BATCH_COUNT_MAX)
		count.value = BATCH_COUNT_MAX;
	if (count.value && tell(t, &count))
		c->told += count.value;
}

static void forget_gone(struct host_table *t)
{
	uint32_t len = 0;

	for (uint32_t i = 0; i < t->len; i++)
		if (t->at[i].sweep + HOST_TABLE_LINGER > t->sweep ||
		    t->at[i].total != t->at[i].shipped)
			t->at[len++] = t->at[i];
	if (len == t->len)
		return;
	t->len = len;
	memset(t->buckets, 0, sizeof(t->buckets));
	for (uint32_t i = 0; i < len; i++)
		*bucket_of(t, t->at[i].netns, t->at[i].name) = i + 1;
}

void host_table_end(struct host_table *t)
{
	struct host_count left_out = { .is_gauge = true, .name = HOST_TABLE_LEFT_OUT };

	forget_gone(t);
	for (uint32_t i = 0; i < t->len; i++)
		tell_counter(t, &t->at[i]);
	left_out.value = t->left_out;
	if (t->left_out && t->limit)
		tell(t, &left_out);
	t->snapshot->base = t->base;
	host_page_publish(t->page, t->snapshot);
}
