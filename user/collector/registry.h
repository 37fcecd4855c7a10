/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Who reports: agents, their instances and exporters, interfaces and addresses, as the store has
 * them. The committer's own; a failed transaction means loading it again. An instance's high-water
 * mark is the largest of its exporters'.
 */
#ifndef WT_REGISTRY_H
#define WT_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "user/lib/cleanup.h"
#include "user/wire/batch.h"

#define REGISTRY_EXPORTERS_MAX (1u << 20) /* a batch of one more is passed over, and logged */
#define REGISTRY_INTERFACES_MAX 4096 /* an agent */
#define AGENT_LIVE_US (INT64_C(300) * 1000000) /* silent for longer: counts nothing for others */

struct store;
struct registry;

struct agent {
	char name[BATCH_AGENT_MAX];
	char host[BATCH_NAME_MAX];
	int64_t live_us; /* arrival of its last live batch */
	struct watched_interface *interfaces;
	int64_t *stored_us; /* beside each interface: when it was last written to the store */
	size_t interfaces_len;
	uint8_t (*addresses)[16]; /* own, sorted */
	size_t addresses_len;
};

struct exporter {
	struct exporter *next; /* of the same instance */
	uint32_t id;
	struct agent *agent;
	uint8_t instance[16];
	char exporter[BATCH_NAME_MAX];
	uint64_t high_water;
	uint64_t gaps;
	int64_t first_us;
	int64_t last_us;
	bool is_stored;
	bool is_dirty;
};

int registry_load(struct store *s, struct registry **ret);
void registry_free(struct registry *r);
DEFINE_AUTO(registry_free, struct registry *);

/* The largest sequence stored of this agent's instance; 0: none. */
uint64_t registry_high_water(const struct registry *r, const char *agent,
			     const uint8_t instance[16]);

/* Finds or makes the exporter of a batch. -ENOSPC at the limit above. */
int registry_exporter(struct registry *r, const struct batch_head *head, int64_t arrived_us,
		      struct exporter **ret);

/* NULL when it never reported. */
struct agent *registry_find_agent(const struct registry *r, const char *name);

/* Calls fn for every exporter; stops at its first error, which it returns. */
typedef int registry_fn(void *arg, struct exporter *e);
int registry_each(struct registry *r, registry_fn *fn, void *arg);

/* The interfaces a batch lists, in the store when they are new, changed, or a minute old. */
int registry_put_interfaces(struct registry *r, struct store *s, struct agent *a,
			    const struct batch *b, int64_t arrived_us);

/* The agent's own addresses, in the store when they changed. */
int registry_put_addresses(struct registry *r, struct store *s, struct agent *a,
			   const struct batch *b);

/*
 * Clears FLOW_COUNTED of arriving packets whose source address belongs to another live agent,
 * which counts them where they leave, and is not one of `a` itself. Returns how many rows.
 */
size_t registry_count_once(struct registry *r, const struct agent *a, struct batch *b,
			   int64_t arrived_us);

/* "eth0", or "if7" when no name is known, into ret. */
const char *registry_interface_name(const struct agent *a, uint32_t ifindex, uint32_t netns,
				    char ret[32]);

#endif
