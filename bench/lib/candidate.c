/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* In: a name. Out: a loaded program of its own instance. */
#include "bench/lib/candidate.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/agent/kernel.h"

#define SLOT 1 /* of the interface measured; slot 0 is "other" */

/* The agent's loader, with what the agent turns on by default. */
static int open_ours(struct candidate *c, uint64_t memory_bytes, uint32_t ifindex)
{
	struct kernel_options o = { .netns = kernel_netns(), .with_xdp = true };
	uint32_t cpus = libbpf_num_possible_cpus();
	struct wt_if *iface;
	int err;

	err = geometry_fit(memory_bytes, cpus, cpus, GEOMETRY_SLOTS_DEFAULT, false, &o.geometry);
	if (!err)
		err = kernel_load(&o, &c->kernel);
	if (!err)
		err = tables_open(c->kernel->maps, &o.geometry, &c->tables);
	if (err)
		return err;
	iface = &c->tables->interfaces[ifindex & (WT_IF_BUCKETS - 1)];
	*iface = (struct wt_if){
		.ifindex = ifindex,
		.slot = SLOT,
		.link = WT_LINK_ETHERNET,
		.watched = WT_WATCH_INGRESS | WT_WATCH_EGRESS,
	};
	c->prog_fd = c->kernel->progs[c->xdp ? PROG_XDP : PROG_TC_INGRESS];
	return c->prog_fd < 0 ? -ENOENT : 0;
}

/* Only the one program, and no maps but those it uses. */
static int load_only(struct candidate *c, const char *program)
{
	struct bpf_program *p, *chosen = bpf_object__find_program_by_name(c->obj, program);
	struct bpf_map *map;
	int err;

	if (!chosen)
		return -ENOENT;
	bpf_object__for_each_map(map, c->obj) /* an agent's own affair: nothing stays behind us */
		bpf_map__set_pin_path(map, NULL);
	bpf_object__for_each_program(p, c->obj)
		bpf_program__set_autoload(p, p == chosen);
	if (bpf_program__type(chosen) == BPF_PROG_TYPE_UNSPEC) /* "classifier/…" of old objects */
		bpf_program__set_type(chosen, BPF_PROG_TYPE_SCHED_CLS);
	c->xdp = bpf_program__type(chosen) == BPF_PROG_TYPE_XDP;
	err = bpf_object__load(c->obj);
	c->prog_fd = bpf_program__fd(chosen);
	return err;
}

static int open_object(struct candidate *c, const char *name)
{
	char path[4096];
	const char *colon = strrchr(name, ':');
	ssize_t n;

	if (colon) {
		snprintf(path, sizeof(path), "%.*s", (int)(colon - name), name);
	} else {
		n = readlink("/proc/self/exe", path, sizeof(path) - 32);
		if (n < 0)
			return -errno;
		path[n] = '\0';
		strcpy(strrchr(path, '/') + 1, "baseline.bpf.o");
	}
	c->obj = bpf_object__open_file(path, NULL);
	if (!c->obj)
		return -errno;
	return load_only(c, colon ? colon + 1 : name);
}

int candidate_open(const char *name, uint64_t memory_bytes, uint32_t ifindex,
		   struct candidate **ret)
{
	AUTO(candidate_close) struct candidate *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->name = name;
	c->xdp = !strcmp(name, "ours_xdp");
	if (!strncmp(name, "ours_", 5))
		err = open_ours(c, memory_bytes, ifindex);
	else
		err = open_object(c, name);
	if (err) {
		fprintf(stderr, "bench: load '%s': %s\n", name, strerror(-err));
		return err;
	}
	*ret = TAKE(c);
	return 0;
}

void candidate_close(struct candidate *c)
{
	if (!c)
		return;
	tables_free(c->tables);
	kernel_free(c->kernel);
	bpf_object__close(c->obj);
	free(c);
}
