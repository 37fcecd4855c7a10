// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sizes and constants in, loaded maps and programs out. Features are probed, never versions. */
#include "user/agent/kernel.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "skel/flow.skel.h"

#include "user/agent/numa.h"
#include "user/agent/tick.h"
#include "user/lib/log.h"

#define PAGE 4096u

const char *const kernel_prog_names[PROGS] = {
	[PROG_TC_INGRESS] = "wt_tc_ingress",
	[PROG_TC_EGRESS] = "wt_tc_egress",
	[PROG_XDP] = "wt_xdp",
};

#define VERIFIER_TAIL 700 /* characters of its log: the last lines say what it minds */

/* The verifier's log is one message of many lines. */
static bool print_verifier(const char *fmt, va_list ap)
{
	AUTO_FREE char *text = NULL;
	size_t len;

	if (!strstr(fmt, "BEGIN PROG LOAD LOG"))
		return false;
	if (vasprintf(&text, fmt, ap) < 0)
		return true;
	len = strlen(text);
	log_write(LOG_WARN, "the kernel refuses the program:\n%s",
		  text + (len > VERIFIER_TAIL ? len - VERIFIER_TAIL : 0));
	return true;
}

static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char line[900];

	if (level == LIBBPF_DEBUG || print_verifier(fmt, ap))
		return 0;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	/* What netlink says when it is only asked whether something is there. */
	if (strstr(line, "Kernel error message"))
		level = LIBBPF_INFO;
	log_write(level == LIBBPF_WARN ? LOG_WARN : LOG_DEBUG, "%s", line);
	return 0;
}

uint32_t kernel_netns(void)
{
	struct stat st;

	return stat("/proc/self/ns/net", &st) ? 0 : st.st_ino;
}

/* On PREEMPT_RT softirqs are threads: runs on one CPU can interrupt each other. */
static bool runs_may_nest(void)
{
	return access("/sys/kernel/realtime", F_OK) == 0;
}

static int set_maps(struct flow_bpf *skel, const struct geometry *g)
{
	int err = bpf_map__set_max_entries(skel->maps.wt_flow_table, g->rows * 2 * g->sets);

	if (!err)
		err = bpf_map__set_max_entries(skel->maps.wt_flow_tags, g->rows * 2 * g->sets);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.wt_flow_lanes, g->rows * g->lane_len);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.wt_flow_heads, g->cpus);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.wt_ledgers,
					       g->cpus * 2 * g->slots * g->points);
	return err;
}

static void set_constants(struct flow_bpf *skel, const struct kernel_options *o)
{
	struct tick tick = tick_get();

	skel->rodata->wt_rows = o->geometry.rows;
	skel->rodata->wt_set_mask = o->geometry.sets - 1;
	skel->rodata->wt_lane_mask = o->geometry.lane_len - 1;
	skel->rodata->wt_slots = o->geometry.slots;
	skel->rodata->wt_points = o->geometry.points;
	skel->rodata->wt_netns = o->netns;
	skel->rodata->wt_inner = o->inner;
	skel->rodata->wt_may_nest = runs_may_nest();
	skel->rodata->wt_tick_ns = tick.tick_ns;
	skel->rodata->wt_tick_base_ns = tick.base_ns;
}

static void set_secrets(const struct kernel *k, struct flow_bpf *skel)
{
	memcpy((void *)skel->rodata->wt_nh_key, k->secret, sizeof(k->secret[0]) * WT_KEY_WORDS);
	skel->rodata->wt_nh_mul = k->secret[WT_KEY_WORDS] | 1;
}

static int make_secrets(struct kernel *k)
{
	if (getrandom(k->secret, sizeof(k->secret), 0) != sizeof(k->secret) ||
	    getrandom(k->instance, sizeof(k->instance), 0) != sizeof(k->instance))
		return -EIO;
	return 0;
}

static int make_array(const char *name, uint32_t value_bytes, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, value_bytes, entries, &opts);

	return fd < 0 ? -errno : fd;
}

/* The map whose update waits until every running program has left (maybe_wait_bpf_programs()). */
static int make_grace(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	AUTO_FD int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wt_grace_inner", 4, 4, 1, NULL);
	int fd;

	if (inner < 0)
		return -errno;
	opts.inner_map_fd = inner;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "wt_grace", 4, 4, 1, &opts);
	return fd < 0 ? -errno : fd;
}

static int make_own_maps(struct kernel *k)
{
	uint32_t state_bytes = (sizeof(struct state) + PAGE - 1) / PAGE * PAGE;

	k->maps[MAP_SPOOL] = make_array("wt_spool", PAGE, k->options.geometry.spool_bytes / PAGE);
	k->maps[MAP_STATE] = make_array("wt_state", state_bytes, 1);
	k->maps[MAP_GRACE] = make_grace();
	for (int map = 0; map < MAPS; map++)
		if (k->maps[map] < 0)
			return k->maps[map];
	return 0;
}

static void take_fds(struct kernel *k)
{
	struct flow_bpf *skel = k->skel;

	k->maps[MAP_FLOW_TABLE] = bpf_map__fd(skel->maps.wt_flow_table);
	k->maps[MAP_FLOW_TAGS] = bpf_map__fd(skel->maps.wt_flow_tags);
	k->maps[MAP_FLOW_LANES] = bpf_map__fd(skel->maps.wt_flow_lanes);
	k->maps[MAP_FLOW_HEADS] = bpf_map__fd(skel->maps.wt_flow_heads);
	k->maps[MAP_LEDGERS] = bpf_map__fd(skel->maps.wt_ledgers);
	k->maps[MAP_INTERFACES] = bpf_map__fd(skel->maps.wt_interfaces);
	k->maps[MAP_CONTROLS] = bpf_map__fd(skel->maps.wt_controls);
	k->maps[MAP_CIDRS] = bpf_map__fd(skel->maps.wt_cidrs);
	k->progs[PROG_TC_INGRESS] = bpf_program__fd(skel->progs.wt_tc_ingress);
	k->progs[PROG_TC_EGRESS] = bpf_program__fd(skel->progs.wt_tc_egress);
	k->progs[PROG_XDP] = k->options.with_xdp ? bpf_program__fd(skel->progs.wt_xdp) : -1;
}

static int write_state(struct kernel *k)
{
	AUTO(tables_free) struct tables *t = NULL;
	int err = tables_open(k->maps, &k->options.geometry, &t);

	if (err)
		return err;
	memcpy(t->state->secret, k->secret, sizeof(k->secret));
	memcpy(t->state->instance, k->instance, sizeof(k->instance));
	t->state->geometry = k->options.geometry;
	t->state->netns = k->options.netns;
	t->state->inner = k->options.inner;
	t->state->abi = WT_ABI_VERSION;
	t->state->size = sizeof(*t->state);
	t->state->magic = STATE_MAGIC;
	return 0;
}

static int open_skel(const struct kernel_options *options, struct flow_bpf **ret)
{
	struct flow_bpf *skel;
	int err;

	libbpf_set_print(print_libbpf);
	skel = flow_bpf__open();
	if (!skel)
		return -errno;
	err = set_maps(skel, &options->geometry);
	if (err) {
		flow_bpf__destroy(skel);
		return err;
	}
	set_constants(skel, options);
	*ret = skel;
	return 0;
}

int kernel_load(const struct kernel_options *options, struct kernel **ret)
{
	AUTO(kernel_free) struct kernel *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->options = *options;
	for (int i = 0; i < MAPS; i++)
		k->maps[i] = -1;
	err = make_secrets(k);
	if (!err)
		err = open_skel(options, &k->skel);
	if (err)
		return err;
	set_secrets(k, k->skel);
	bpf_program__set_autoload(k->skel->progs.wt_xdp, options->with_xdp);
	numa_interleave_begin();
	err = flow_bpf__load(k->skel);
	if (!err) {
		take_fds(k);
		err = make_own_maps(k);
	}
	numa_interleave_end();
	if (!err)
		err = write_state(k);
	if (err)
		return err;
	*ret = TAKE(k);
	return 0;
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	for (int map = 0; map < MAPS; map++)
		if (!k->skel || map == MAP_SPOOL || map == MAP_STATE || map == MAP_GRACE)
			close_fd(k->maps[map]);
	for (int prog = 0; !k->skel && prog < PROGS; prog++)
		close_fd(k->progs[prog]);
	flow_bpf__destroy(k->skel);
	free(k);
}

int kernel_open_xdp(const struct kernel *k, struct flow_bpf **ret)
{
	static const enum table_map shared[] = { MAP_FLOW_TABLE, MAP_FLOW_TAGS, MAP_FLOW_LANES,
						 MAP_FLOW_HEADS, MAP_LEDGERS,	MAP_INTERFACES,
						 MAP_CONTROLS,	 MAP_CIDRS };
	struct flow_bpf *skel;
	int err = open_skel(&k->options, &skel);

	if (err)
		return err;
	struct bpf_map *maps[] = { skel->maps.wt_flow_table, skel->maps.wt_flow_tags,
				   skel->maps.wt_flow_lanes, skel->maps.wt_flow_heads,
				   skel->maps.wt_ledgers,    skel->maps.wt_interfaces,
				   skel->maps.wt_controls,   skel->maps.wt_cidrs };

	set_secrets(k, skel);
	for (size_t i = 0; i < ARRAY_LEN(shared) && !err; i++)
		err = bpf_map__reuse_fd(maps[i], k->maps[shared[i]]);
	if (err) {
		flow_bpf__destroy(skel);
		return err;
	}
	bpf_program__set_autoload(skel->progs.wt_tc_ingress, false);
	bpf_program__set_autoload(skel->progs.wt_tc_egress, false);
	*ret = skel;
	return 0;
}

void kernel_close_xdp(struct flow_bpf *skel)
{
	flow_bpf__destroy(skel);
}

struct bpf_object *kernel_xdp_object(struct flow_bpf *skel)
{
	return skel->obj;
}
