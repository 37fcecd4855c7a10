// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Exporters and agents as the store has them; batches in, marks and ids out. */
#include "user/collector/registry.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "user/collector/registry_internal.h"
#include "user/collector/store_write.h"
#include "user/lib/log.h"

static int compare_agents(const void *a, const void *b)
{
	return strcmp(((const struct agent *)a)->name, ((const struct agent *)b)->name);
}

static int compare_instances(const void *a, const void *b)
{
	const struct instance *x = a, *y = b;
	int order = memcmp(x->instance, y->instance, sizeof(x->instance));

	return order ? order : strcmp(x->agent_name, y->agent_name);
}

static void agent_free(void *p)
{
	struct agent *a = p;

	free(a->interfaces);
	free(a->stored_us);
	free(a->addresses);
	free(a);
}

static void instance_free(void *p)
{
	struct instance *i = p;

	while (i->exporters) {
		struct exporter *next = i->exporters->next;

		free(i->exporters);
		i->exporters = next;
	}
	free(i);
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	tdestroy(r->instances, instance_free);
	tdestroy(r->agents, agent_free);
	free(r->owners);
	free(r);
}

struct agent *registry_agent(struct registry *r, const char *name)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct agent **found;

	if (!a)
		return NULL;
	snprintf(a->name, sizeof(a->name), "%s", name);
	found = tsearch(a, &r->agents, compare_agents);
	if (!found || *found != a)
		free(a);
	else
		r->agents_len++;
	return found ? *found : NULL;
}

struct agent *registry_find_agent(const struct registry *r, const char *name)
{
	struct agent key = {};
	struct agent **found;

	snprintf(key.name, sizeof(key.name), "%s", name);
	found = tfind(&key, &r->agents, compare_agents);
	return found ? *found : NULL;
}

static struct instance *find_instance(const struct registry *r, const char *agent,
				      const uint8_t id[16])
{
	struct instance key = {};
	struct instance **found;

	memcpy(key.instance, id, sizeof(key.instance));
	snprintf(key.agent_name, sizeof(key.agent_name), "%s", agent);
	found = tfind(&key, &r->instances, compare_instances);
	return found ? *found : NULL;
}

static struct instance *make_instance(struct registry *r, const char *agent, const uint8_t id[16])
{
	struct instance *i = find_instance(r, agent, id);

	if (i)
		return i;
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	memcpy(i->instance, id, sizeof(i->instance));
	snprintf(i->agent_name, sizeof(i->agent_name), "%s", agent);
	i->agent = registry_agent(r, agent);
	if (!i->agent || !tsearch(i, &r->instances, compare_instances)) {
		free(i);
		return NULL;
	}
	return i;
}

uint64_t registry_high_water(const struct registry *r, const char *agent,
			     const uint8_t instance[16])
{
	const struct instance *i = find_instance(r, agent, instance);
	uint64_t high_water = 0;

	for (const struct exporter *e = i ? i->exporters : NULL; e; e = e->next)
		if (e->high_water > high_water)
			high_water = e->high_water;
	return high_water;
}

int registry_add_exporter(struct registry *r, const char *agent, const uint8_t instance[16],
			  const char *name, struct exporter **ret)
{
	struct instance *i = make_instance(r, agent, instance);
	struct exporter *e = i ? calloc(1, sizeof(*e)) : NULL;

	if (!e)
		return -ENOMEM;
	e->agent = i->agent;
	memcpy(e->instance, instance, sizeof(e->instance));
	snprintf(e->exporter, sizeof(e->exporter), "%s", name);
	e->next = i->exporters;
	i->exporters = e;
	r->exporters_len++;
	*ret = e;
	return 0;
}

int registry_exporter(struct registry *r, const struct batch_head *head, int64_t arrived_us,
		      struct exporter **ret)
{
	const struct instance *i = find_instance(r, head->agent, head->instance);
	int err;

	for (struct exporter *e = i ? i->exporters : NULL; e; e = e->next) {
		if (!strcmp(e->exporter, head->exporter)) {
			*ret = e;
			return 0;
		}
	}
	if (r->exporters_len >= REGISTRY_EXPORTERS_MAX)
		return -ENOSPC;
	err = registry_add_exporter(r, head->agent, head->instance, head->exporter, ret);
	if (err)
		return err;
	(*ret)->id = ++r->last_id;
	(*ret)->first_us = arrived_us;
	return 0;
}

struct walk {
	registry_fn *fn;
	void *arg;
	int err;
};

static void walk_instance(const void *node, VISIT visit, void *closure)
{
	struct instance *i = *(struct instance *const *)node;
	struct walk *w = closure;

	if (visit != postorder && visit != leaf)
		return;
	for (struct exporter *e = i->exporters; e && !w->err; e = e->next)
		w->err = w->fn(w->arg, e);
}

int registry_each(struct registry *r, registry_fn *fn, void *arg)
{
	struct walk w = { fn, arg, 0 };

	twalk_r(r->instances, walk_instance, &w);
	return w.err;
}

const char *registry_interface_name(const struct agent *a, uint32_t ifindex, uint32_t netns,
				    char ret[32])
{
	for (size_t i = 0; i < a->interfaces_len; i++) {
		if (a->interfaces[i].index == ifindex && a->interfaces[i].netns == netns) {
			snprintf(ret, 32, "%s", a->interfaces[i].name);
			return ret;
		}
	}
	snprintf(ret, 32, "if%u", ifindex);
	return ret;
}
