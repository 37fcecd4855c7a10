// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Partial flow records in, one row per flow and epoch out. */
#include "user/agent/merge.h"

#include <errno.h>
#include <string.h>

int merge_new(uint32_t cap, struct merge **ret)
{
	AUTO(merge_free) struct merge *m = calloc(1, sizeof(*m));
	uint32_t slots = 4;

	if (!m)
		return -ENOMEM;
	while (slots < cap * 2)
		slots *= 2;
	m->cap = cap;
	m->index_mask = slots - 1;
	m->rows = malloc(cap * sizeof(*m->rows));
	m->index = calloc(slots, sizeof(*m->index));
	if (!m->rows || !m->index)
		return -ENOMEM;
	*ret = TAKE(m);
	return 0;
}

void merge_free(struct merge *m)
{
	if (!m)
		return;
	free(m->rows);
	free(m->index);
	free(m);
}

void merge_clear(struct merge *m)
{
	if (m->len)
		memset(m->index, 0, (m->index_mask + 1) * sizeof(*m->index));
	m->len = 0;
}

static void add_to(struct wt_flow *row, const struct wt_flow *part)
{
	row->packets += part->packets;
	row->l2_bytes += part->l2_bytes;
	row->l3_bytes += part->l3_bytes;
	row->tcp_flags |= part->tcp_flags;
	if (part->first_ns < row->first_ns) {
		row->first_ns = part->first_ns;
		row->dscp = part->dscp;
	}
	if (part->last_ns > row->last_ns)
		row->last_ns = part->last_ns;
	if (part->ttl_min < row->ttl_min)
		row->ttl_min = part->ttl_min;
	if (part->ttl_max > row->ttl_max)
		row->ttl_max = part->ttl_max;
}

/* Rates differ only across a change of --sample: such parts stay rows of their own. */
static bool is_same_flow(const struct wt_flow *a, const struct wt_flow *b)
{
	return a->hash == b->hash && a->epoch == b->epoch && a->sampling == b->sampling &&
	       !memcmp(&a->key, &b->key, sizeof(a->key));
}

bool merge_add(struct merge *m, const struct wt_flow *flow)
{
	/* The kernel's set index uses the hash's low bits: stir, or the walk clusters. */
	uint32_t slot = (flow->hash * 2654435761u) >> 7;

	for (;; slot++) {
		uint32_t at = m->index[slot & m->index_mask];

		if (!at)
			break;
		if (is_same_flow(&m->rows[at - 1], flow)) {
			add_to(&m->rows[at - 1], flow);
			return true;
		}
	}
	if (m->len == m->cap)
		return false;
	m->rows[m->len++] = *flow;
	m->index[slot & m->index_mask] = m->len;
	return true;
}
