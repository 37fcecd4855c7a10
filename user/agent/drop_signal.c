// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Options and names in, drop programs on the hooks of one family out. */
#include "user/agent/drop_signal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "skel/drop_kprobe.skel.h"
#include "skel/drop_tracepoint.skel.h"
#include "user/agent/tcp_signal_hooks.h"
#include "user/lib/log.h"

#define PROGS_MAX 4
#define REASONS_MAX 4 /* as in kern/drop.bpf.h */
#define PURGES_MAX 16

struct drop_signal {
	struct bpf_object *object;
	struct drop_tracepoint_bpf *tracepoint; /* one of the two owns the object */
	struct drop_kprobe_bpf *kprobe;
	struct bpf_program *progs[PROGS_MAX]; /* attached */
	struct bpf_link *links[PROGS_MAX];
	int progs_len;
	struct signal_choice choice;
};

/* What skbs are freed with that nobody misses. */
static const char *const no_drops[] = { "NOT_DROPPED_YET", "CONSUMED" };
/* Freed because their socket or queue ended. */
static const char *const purge_reasons[] = { "SOCKET_CLOSE", "QUEUE_PURGE" };
static const char *const purge_functions[] = {
	"skb_queue_purge",	 "skb_queue_purge_reason", "__skb_queue_purge",
	"tcp_write_queue_purge", "sk_stream_kill_queues",  "inet_sock_destruct",
	"skb_rbtree_purge",	 "skb_errqueue_purge",	   "tcp_v4_destroy_sock",
	"udp_destruct_common",	 "udp_destruct_sock",	   "udpv6_destruct_sock",
	"packet_sock_destruct",
};

struct constants {
	uint32_t no_drops[REASONS_MAX];
	uint32_t purge_reasons[REASONS_MAX];
	uint64_t purge_start[PURGES_MAX];
	uint64_t purge_end[PURGES_MAX];
	bool has_reasons;
};

static void find_reasons(const struct drop_names *names, const char *const *wanted, size_t len,
			 uint32_t *values)
{
	for (size_t i = 0; i < REASONS_MAX; i++)
		if (i >= len || !drop_names_value(names, wanted[i], &values[i]))
			values[i] = UINT32_MAX;
}

static struct constants find_constants(const struct drop_names *names)
{
	struct drop_range ranges[PURGES_MAX];
	struct constants c = { 0 };
	uint32_t value;
	int len = 0;

	c.has_reasons = drop_names_value(names, "NOT_SPECIFIED", &value);
	find_reasons(names, no_drops, ARRAY_LEN(no_drops), c.no_drops);
	find_reasons(names, purge_reasons, ARRAY_LEN(purge_reasons), c.purge_reasons);
	for (size_t i = 0; i < ARRAY_LEN(purge_functions) && len < PURGES_MAX; i++)
		len += drop_names_ranges(names, purge_functions[i], ranges + len, PURGES_MAX - len);
	for (int i = 0; i < len; i++) {
		c.purge_start[i] = ranges[i].start;
		c.purge_end[i] = ranges[i].end;
	}
	return c;
}

/* Both skeletons come from one header's maps and constants. */
#define CONFIGURE(skel, o, c)                                                                      \
	do {                                                                                       \
		(skel)->rodata->wt_rows = (o)->rows;                                               \
		(skel)->rodata->wt_set_mask = (o)->sets - 1;                                       \
		(skel)->rodata->wt_lane_mask = (o)->lane_len - 1;                                  \
		memcpy((void *)(skel)->rodata->wt_nh_key, (o)->secret,                             \
		       sizeof((skel)->rodata->wt_nh_key));                                         \
		(skel)->rodata->wt_nh_mul = (o)->secret[(o)->secret_words] | 1;                    \
		(skel)->rodata->wt_has_reasons = (c)->has_reasons;                                 \
		memcpy((void *)(skel)->rodata->wt_no_drops, (c)->no_drops, sizeof((c)->no_drops)); \
		memcpy((void *)(skel)->rodata->wt_purge_reasons, (c)->purge_reasons,               \
		       sizeof((c)->purge_reasons));                                                \
		memcpy((void *)(skel)->rodata->wt_purge_start, (c)->purge_start,                   \
		       sizeof((c)->purge_start));                                                  \
		memcpy((void *)(skel)->rodata->wt_purge_end, (c)->purge_end,                       \
		       sizeof((c)->purge_end));                                                    \
	} while (0)

static int set_maps(struct bpf_object *object, const struct signal_options *o)
{
	struct bpf_map *ledgers = bpf_object__find_map_by_name(object, "wt_signal_ledgers");
	struct bpf_map *controls = bpf_object__find_map_by_name(object, "wt_controls");
	const struct {
		const char *name;
		uint32_t entries;
	} sizes[] = {
		{ "wt_drop_table", o->rows * 2 * o->sets },
		{ "wt_drop_lanes", o->rows * o->lane_len },
		{ "wt_drop_heads", o->cpus },
	};
	int err = 0;

	for (size_t i = 0; i < ARRAY_LEN(sizes) && !err; i++)
		err = bpf_map__set_max_entries(bpf_object__find_map_by_name(object, sizes[i].name),
					       sizes[i].entries);
	if (!err)
		err = bpf_map__reuse_fd(ledgers, o->ledgers_fd);
	return err ? err : bpf_map__reuse_fd(controls, o->controls_fd);
}

static bool function_exists(const struct drop_names *names, const char *name)
{
	struct drop_range range;

	return drop_names_ranges(names, name, &range, 1) > 0;
}

/* Since it frees in bulk, kfree_skb_list_reason() no longer calls the function for one. */
static bool lists_are_freed_in_bulk(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool is_there = btf && btf__find_by_name_kind(btf, "skb_free_array", BTF_KIND_STRUCT) > 0;

	btf__free(btf);
	return is_there;
}

static int open_kprobe(struct drop_signal *s, const struct signal_options *o,
		       const struct constants *c, const struct drop_names *names)
{
	struct drop_kprobe_bpf *skel = drop_kprobe_bpf__open();
	bool has_newest = function_exists(names, "sk_skb_reason_drop");
	bool has_reason = function_exists(names, "kfree_skb_reason");

	if (!skel)
		return -errno;
	s->kprobe = skel;
	s->object = skel->obj;
	CONFIGURE(skel, o, c);
	bpf_program__set_autoload(skel->progs.wt_sk_skb_reason_drop, has_newest);
	bpf_program__set_autoload(skel->progs.wt_kfree_skb_reason, !has_newest && has_reason);
	bpf_program__set_autoload(skel->progs.wt_kfree_skb, !has_newest && !has_reason);
	bpf_program__set_autoload(skel->progs.wt_kfree_skb_list_reason,
				  function_exists(names, "kfree_skb_list_reason") &&
					  lists_are_freed_in_bulk());
	snprintf(s->choice.hook, sizeof(s->choice.hook), "kprobe/%s",
		 has_newest   ? "sk_skb_reason_drop"
		 : has_reason ? "kfree_skb_reason"
			      : "kfree_skb");
	snprintf(s->choice.why, sizeof(s->choice.why),
		 "asked for; not seen: what drivers free in interrupts");
	return 0;
}

static int open_tracepoint(struct drop_signal *s, const struct signal_options *o,
			   const struct constants *c)
{
	int args = tcp_tracepoint_args("kfree_skb");
	struct drop_tracepoint_bpf *skel = drop_tracepoint_bpf__open();

	if (!skel)
		return -errno;
	s->tracepoint = skel;
	s->object = skel->obj;
	if (args < 2)
		return -ENOENT;
	CONFIGURE(skel, o, c);
	bpf_program__set_autoload(skel->progs.wt_drop_reason, args >= 3);
	bpf_program__set_autoload(skel->progs.wt_drop_plain, args < 3);
	snprintf(s->choice.hook, sizeof(s->choice.hook), "tp_btf/kfree_skb");
	snprintf(s->choice.why, sizeof(s->choice.why), "%s%s",
		 o->family == HOOKS_FENTRY ? "fentry does not know the place; " : "",
		 args >= 3 ? "it gives reasons" : "it gives no reasons: places name the drop");
	return 0;
}

static int attach(struct drop_signal *s)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, s->object) {
		struct bpf_link *link;

		if (!bpf_program__autoload(prog))
			continue;
		link = bpf_program__attach(prog);
		if (!link)
			return -errno;
		s->progs[s->progs_len] = prog;
		s->links[s->progs_len++] = link;
	}
	return s->progs_len ? 0 : -ENOENT;
}

int drop_signal_start(const struct signal_options *o, const struct drop_names *names,
		      struct drop_signal **ret)
{
	AUTO(drop_signal_stop) struct drop_signal *s = calloc(1, sizeof(*s));
	struct constants c = find_constants(names);
	int err;

	if (!s)
		return -ENOMEM;
	snprintf(s->choice.signal, sizeof(s->choice.signal), "drops");
	err = o->family == HOOKS_KPROBE ? open_kprobe(s, o, &c, names) : open_tracepoint(s, o, &c);
	if (!err)
		err = set_maps(s->object, o);
	if (!err)
		err = bpf_object__load(s->object);
	if (!err)
		err = attach(s);
	if (err) {
		log_warn("cannot attach %s: %s", s->choice.hook[0] ? s->choice.hook : "to drops",
			 strerror(-err));
		return err;
	}
	*ret = TAKE(s);
	return 0;
}

void drop_signal_stop(struct drop_signal *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->progs_len; i++)
		bpf_link__destroy(s->links[i]);
	drop_tracepoint_bpf__destroy(s->tracepoint);
	drop_kprobe_bpf__destroy(s->kprobe);
	free(s);
}

static int map_fd(const struct drop_signal *s, const char *name)
{
	return bpf_object__find_map_fd_by_name(s->object, name);
}

struct signal_maps drop_signal_maps(const struct drop_signal *s)
{
	return (struct signal_maps){
		.table = map_fd(s, "wt_drop_table"),
		.lanes = map_fd(s, "wt_drop_lanes"),
		.heads = map_fd(s, "wt_drop_heads"),
	};
}

uint64_t drop_signal_missed(const struct drop_signal *s)
{
	uint64_t missed = 0;

	for (int i = 0; i < s->progs_len; i++)
		missed += tcp_hook_missed(s->progs[i], s->links[i]);
	return missed;
}

int drop_signal_choices(const struct drop_signal *s, struct signal_choice *to, int max)
{
	if (max < 1)
		return 0;
	to[0] = s->choice;
	return 1;
}
