/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the registry's own files share: nobody else includes this. */
#ifndef WT_REGISTRY_INTERNAL_H
#define WT_REGISTRY_INTERNAL_H

#include "user/collector/registry.h"

#define REGISTRY_OWNERS_MAX (1u << 20) /* addresses of all agents; more are not looked at */

struct instance {
	char agent_name[BATCH_AGENT_MAX];
	uint8_t instance[16];
	struct agent *agent;
	struct exporter *exporters;
};

/* An own address and whose it is. */
struct owner {
	uint8_t address[16];
	const struct agent *agent;
};

struct registry {
	void *agents; /* tsearch() trees */
	void *instances;
	size_t agents_len;
	size_t exporters_len;
	uint32_t last_id;
	struct owner *owners; /* sorted by address; made anew when an agent's list changes */
	size_t owners_len;
	bool owners_are_stale;
};

/* Finds or makes; NULL: no memory. */
struct agent *registry_agent(struct registry *r, const char *name);

int registry_add_exporter(struct registry *r, const char *agent, const uint8_t instance[16],
			  const char *name, struct exporter **ret);

/* registry_watch.c: takes what the store had, without writing it again. */
int agent_set_interface(struct agent *a, const struct watched_interface *w, int64_t stored_us);
int agent_set_addresses(struct registry *r, struct agent *a, uint8_t (*addresses)[16], size_t len);

#endif
