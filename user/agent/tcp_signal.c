// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A family's object: sized, given its constants, loaded, attached; swept and stopped. */
#include "user/agent/tcp_signal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "user/agent/netns_walk.h"
#include "user/agent/tcp_signal_hooks.h"
#include "user/lib/log.h"

#define ENDED_SHARE 8 /* of the connections: those that wait for a row */
#define REQUESTS_SHARE 16 /* handshakes whose SYN-ACK was resent */
#define CALLS_SHARE 16 /* threads inside connect() */
#define SHARE_MIN 64
#define FRAMES_MAX 4096 /* threads inside a probed function that has a return probe */

struct tcp_signal {
	const struct tcp_family *family;
	struct bpf_object *obj;
	struct bpf_link *links[TCP_HOOKS_MAX]; /* as the family's hooks; NULL: not had */
	char why[TCP_HOOKS_MAX][96];
	bool wanted[TCP_HOOKS_MAX];
};

/* ---- open: sizes and constants ------------------------------------------------------------- */

static uint32_t share(uint32_t connections, uint32_t of)
{
	return connections / of < SHARE_MIN ? SHARE_MIN : connections / of;
}

static int set_maps(struct bpf_object *obj, const struct signal_options *o)
{
	const struct {
		const char *name;
		uint32_t entries;
	} sizes[] = {
		{ "wt_conn_table", o->rows * 2 * o->sets },
		{ "wt_conn_lanes", o->rows * o->lane_len },
		{ "wt_conn_heads", o->cpus },
		{ "wt_latency_table", o->rows * 2 * o->latency_sets },
		{ "wt_latency_lanes", o->rows * o->latency_lane_len },
		{ "wt_latency_heads", o->cpus },
		{ "wt_conns", o->connections },
		{ "wt_ended", share(o->connections, ENDED_SHARE) },
		{ "wt_requests", share(o->connections, REQUESTS_SHARE) },
		{ "wt_calls", share(o->connections, CALLS_SHARE) },
	};
	struct bpf_map *frames = bpf_object__find_map_by_name(obj, "wt_frames");
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(sizes) && !err; i++)
		err = bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, sizes[i].name),
					       sizes[i].entries);
	if (!err && frames) /* of kprobes alone */
		err = bpf_map__set_max_entries(frames, FRAMES_MAX);
	if (!err)
		err = bpf_map__reuse_fd(bpf_object__find_map_by_name(obj, "wt_signal_ledgers"),
					o->ledgers_fd);
	if (!err)
		err = bpf_map__reuse_fd(bpf_object__find_map_by_name(obj, "wt_controls"),
					o->controls_fd);
	return err;
}

/* The constant's place in .rodata: objects of several families have no common skeleton type. */
static void *constant(struct bpf_object *obj, const char *name, size_t size)
{
	size_t len;
	const struct btf *btf = bpf_object__btf(obj);
	const struct bpf_map *rodata = bpf_object__find_map_by_name(obj, ".rodata");
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT;
	const struct btf_type *section = id < 0 ? NULL : btf__type_by_id(btf, id);
	uint8_t *bytes = rodata ? bpf_map__initial_value(rodata, &len) : NULL;
	const struct btf_var_secinfo *var;

	if (!section || !bytes)
		return NULL;
	var = btf_var_secinfos(section);
	for (int i = 0; i < btf_vlen(section); i++, var++) {
		const struct btf_type *t = btf__type_by_id(btf, var->type);

		if (var->size == size && !strcmp(btf__name_by_offset(btf, t->name_off), name))
			return bytes + var->offset;
	}
	return NULL;
}

static int set_constants(struct bpf_object *obj, const struct signal_options *o)
{
	uint64_t mul = o->secret[o->secret_words] | 1;
	uint32_t set_mask = o->sets - 1, lane_mask = o->lane_len - 1;
	uint32_t latency_set_mask = o->latency_sets - 1;
	uint32_t latency_lane_mask = o->latency_lane_len - 1;
	const struct {
		const char *name;
		const void *value;
		size_t size;
	} constants[] = {
		{ "wt_rows", &o->rows, 4 },
		{ "wt_set_mask", &set_mask, 4 },
		{ "wt_lane_mask", &lane_mask, 4 },
		{ "wt_latency_set_mask", &latency_set_mask, 4 },
		{ "wt_latency_lane_mask", &latency_lane_mask, 4 },
		{ "wt_nh_mul", &mul, 8 },
		{ "wt_nh_key", o->secret, 8 * WT_LATENCY_KEY_WORDS },
		{ "wt_id_key", o->secret + 1, 16 }, /* words of drops' keys: ids do not show them */
	};

	if (o->secret_words < 3)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(constants); i++) {
		void *at = constant(obj, constants[i].name, constants[i].size);

		if (!at)
			return -ENOENT;
		memcpy(at, constants[i].value, constants[i].size);
	}
	return 0;
}

static int set_unswept(struct bpf_object *obj, bool unswept)
{
	bool *at = constant(obj, "wt_unswept", sizeof(bool));

	if (!at)
		return -ENOENT;
	*at = unswept;
	return 0;
}

static int open_object(const struct tcp_family *family, const struct signal_options *o,
		       struct bpf_object **ret)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wt_tcp");
	struct bpf_object *obj;
	const void *bytes;
	size_t size;
	int err;

	bytes = family->elf_bytes(&size);
	obj = bpf_object__open_mem(bytes, size, &opts);
	if (!obj)
		return -errno;
	err = set_maps(obj, o);
	if (!err)
		err = set_constants(obj, o);
	if (err) {
		bpf_object__close(obj);
		return err;
	}
	*ret = obj;
	return 0;
}

/* ---- load and attach ----------------------------------------------------------------------- */

static struct bpf_program *program(const struct tcp_signal *s, int i)
{
	return bpf_object__find_program_by_name(s->obj, s->family->hooks[i].program);
}

static int prepare(struct tcp_signal *s, bool optional)
{
	const struct tcp_hook *hooks = s->family->hooks;

	for (int i = 0; i < TCP_HOOKS_MAX && hooks[i].program; i++) {
		struct bpf_program *prog = program(s, i);
		int err = prog ? tcp_hook_prepare(&hooks[i], prog, s->why[i], sizeof(s->why[i]))
			       : -ENOENT;

		if (err && hooks[i].required)
			return err;
		s->wanted[i] = !err && (optional || hooks[i].required);
		if (prog)
			bpf_program__set_autoload(prog, s->wanted[i]);
	}
	return 0;
}

static int load(struct tcp_signal *s, const struct signal_options *o, bool optional)
{
	int err = open_object(s->family, o, &s->obj);

	if (!err)
		err = prepare(s, optional);
	if (!err && !optional)
		err = set_unswept(s->obj, true);
	if (!err)
		err = bpf_object__load(s->obj);
	if (err) {
		bpf_object__close(s->obj);
		s->obj = NULL;
	}
	return err;
}

static const struct bpf_map *walked_map(const struct tcp_signal *s, const struct tcp_hook *h)
{
	if (h->kind != TCP_HOOK_ITER || !h->target)
		return NULL;
	return bpf_object__find_map_by_name(s->obj, h->target);
}

static int attach(struct tcp_signal *s)
{
	const struct tcp_hook *hooks = s->family->hooks;

	for (int i = 0; i < TCP_HOOKS_MAX && hooks[i].program; i++) {
		int err;

		if (!s->wanted[i])
			continue;
		err = tcp_hook_attach(&hooks[i], program(s, i), walked_map(s, &hooks[i]),
				      &s->links[i]);
		if (!err)
			continue;
		if (hooks[i].required)
			return err;
		log_write(hooks[i].is_spare ? LOG_DEBUG : LOG_WARN, "%s: %s: %s", hooks[i].signal,
			  hooks[i].target ? hooks[i].target : "tcp", strerror(-err));
		snprintf(s->why[i], sizeof(s->why[i]), "the kernel refused: %s", strerror(-err));
	}
	return 0;
}

static int start_family(const struct tcp_family *family, const struct signal_options *o,
			struct tcp_signal **ret)
{
	AUTO(tcp_signal_stop) struct tcp_signal *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->family = family;
	err = load(s, o, true);
	if (err) { /* one program that the verifier does not like must not cost all */
		log_warn("TCP by %s: %s: trying state changes alone", family->name, strerror(-err));
		err = load(s, o, false);
	}
	if (!err)
		err = attach(s);
	if (err)
		return err;
	*ret = TAKE(s);
	return 0;
}

int tcp_signal_start(const struct signal_options *o, struct tcp_signal **ret)
{
	int err = -EOPNOTSUPP;

	for (const struct tcp_family *f = tcp_families; f->name; f++) {
		if (o->family != HOOKS_AUTO && o->family != f->family)
			continue;
		err = start_family(f, o, ret);
		if (!err)
			return 0;
		log_warn("TCP by %s: %s", f->name, strerror(-err));
	}
	return err;
}

/* ---- running ------------------------------------------------------------------------------- */

/* Runs an iterator to its end. */
static int run_iterator(const struct bpf_link *link)
{
	AUTO_FD int fd = bpf_iter_create(bpf_link__fd(link));
	char nothing[64];
	ssize_t len;

	if (fd < 0)
		return -errno;
	do /* EAGAIN: the kernel pauses after a million objects without output */
		len = read(fd, nothing, sizeof(nothing));
	while (len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR)));
	return len < 0 ? -errno : 0;
}

static int run_walk(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	return bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) ? -errno : 0;
}

/*
 * here: iter/tcp and iter/udp, which see the reader's namespace; else the iterators over our own
 * maps. The first one's error, or what stands for none.
 */
static int run_iterators(const struct tcp_signal *s, bool here)
{
	const struct tcp_hook *hooks = s->family->hooks;
	int first = here ? -EOPNOTSUPP : 0, err;

	for (int i = 0; i < TCP_HOOKS_MAX && hooks[i].program; i++) {
		bool is_walk = hooks[i].kind == TCP_HOOK_WALK && s->wanted[i];

		if (!hooks[i].target != here ||
		    !(is_walk || (s->links[i] && hooks[i].kind == TCP_HOOK_ITER)))
			continue;
		err = is_walk ? run_walk(program(s, i)) : run_iterator(s->links[i]);
		if (first == -EOPNOTSUPP || (!here && !first))
			first = err;
	}
	return first;
}

int tcp_signal_sweep_here(struct tcp_signal *s, struct wt_sockets *ret)
{
	static const struct wt_sockets none;
	int fd = bpf_object__find_map_fd_by_name(s->obj, "wt_socket_counts"), err;
	uint32_t zero = 0;

	if (bpf_map_update_elem(fd, &zero, &none, BPF_ANY))
		return -errno;
	err = run_iterators(s, true);
	if (!err && bpf_map_lookup_elem(fd, &zero, ret))
		err = -errno;
	return err;
}

int tcp_signal_sweep_rest(struct tcp_signal *s)
{
	return run_iterators(s, false);
}

static int visit(void *arg, uint32_t netns)
{
	struct wt_sockets unused;
	int err = tcp_signal_sweep_here(arg, &unused);

	return err == -EOPNOTSUPP ? 0 : err;
}

int tcp_signal_sweep(struct tcp_signal *s)
{
	int first = netns_walk(visit, s), err = tcp_signal_sweep_rest(s);

	return first ? first : err;
}

/* Handshakes still open are reported as they are. */
static void sweep_last(struct tcp_signal *s)
{
	const struct bpf_map *bss = bpf_object__find_map_by_name(s->obj, ".bss");
	uint32_t key = 0, final[16] = { 1 };

	if (bss && bpf_map__value_size(bss) <= sizeof(final) &&
	    !bpf_map_update_elem(bpf_map__fd(bss), &key, final, BPF_ANY))
		tcp_signal_sweep(s);
}

static void detach(struct tcp_signal *s, bool iterators)
{
	for (int i = 0; i < TCP_HOOKS_MAX; i++)
		if (s->links[i] && (s->family->hooks[i].kind == TCP_HOOK_ITER) == iterators)
			bpf_link__destroy(TAKE(s->links[i]));
}

void tcp_signal_stop(struct tcp_signal *s)
{
	if (!s)
		return;
	detach(s, false);
	if (s->obj)
		sweep_last(s);
	detach(s, true);
	bpf_object__close(s->obj);
	free(s);
}

struct signal_maps tcp_signal_maps(const struct tcp_signal *s)
{
	return (struct signal_maps){
		.table = bpf_object__find_map_fd_by_name(s->obj, "wt_conn_table"),
		.lanes = bpf_object__find_map_fd_by_name(s->obj, "wt_conn_lanes"),
		.heads = bpf_object__find_map_fd_by_name(s->obj, "wt_conn_heads"),
	};
}

struct signal_maps tcp_signal_latency_maps(const struct tcp_signal *s)
{
	return (struct signal_maps){
		.table = bpf_object__find_map_fd_by_name(s->obj, "wt_latency_table"),
		.lanes = bpf_object__find_map_fd_by_name(s->obj, "wt_latency_lanes"),
		.heads = bpf_object__find_map_fd_by_name(s->obj, "wt_latency_heads"),
	};
}

/* One program may be on several functions: it counts its misses once. */
static bool is_attached_before(const struct tcp_signal *s, int i)
{
	int before = i - 1;

	while (before >= 0 && !(s->links[before] && program(s, before) == program(s, i)))
		before--;
	return before >= 0;
}

static uint64_t misses(const struct tcp_signal *s, int i)
{
	if (!s->links[i])
		return 0;
	return tcp_hook_missed(is_attached_before(s, i) ? NULL : program(s, i), s->links[i]);
}

uint64_t tcp_signal_missed(const struct tcp_signal *s)
{
	uint64_t missed = 0, state = 0, stand_in = UINT64_MAX;

	for (int i = 0; i < TCP_HOOKS_MAX && s->family->hooks[i].program; i++) {
		const char *name = s->family->hooks[i].program;

		if (!strcmp(name, TCP_STATE))
			state = misses(s, i);
		else if (!strcmp(name, TCP_STATE_STAND_IN) && s->links[i])
			stand_in = misses(s, i);
		else
			missed += misses(s, i);
	}
	/* Lost is what both were refused: no more than the lesser. */
	return missed + (state < stand_in ? state : stand_in);
}

/* The line of a signal: a hook that is there, before one that is not. */
static void add_choice(const struct tcp_signal *s, int i, struct signal_choice *to, int max,
		       int *len)
{
	const struct tcp_hook *h = &s->family->hooks[i];
	struct signal_choice *c = to;

	while (c < to + *len && strcmp(c->signal, h->signal))
		c++;
	if (c == to + max || (c < to + *len && (c->hook[0] || !s->links[i])))
		return;
	if (c == to + *len)
		++*len;
	memset(c, 0, sizeof(*c));
	snprintf(c->signal, sizeof(c->signal), "%s", h->signal);
	snprintf(c->why, sizeof(c->why), "%s", s->why[i]);
	if (s->links[i])
		tcp_hook_name(h, program(s, i), c->hook, sizeof(c->hook));
}

int tcp_signal_choices(const struct tcp_signal *s, struct signal_choice *to, int max)
{
	int len = 0;

	for (int i = 0; i < TCP_HOOKS_MAX && s->family->hooks[i].program; i++)
		add_choice(s, i, to, max, &len);
	return len;
}
