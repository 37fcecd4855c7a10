// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* One hook at a time: can it be had, attach it, name it. By probing, never by version. */
#include "user/agent/tcp_signal_hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "user/lib/cleanup.h"

static struct btf *kernel_btf(void)
{
	static struct btf *btf; /* some MiB: parsed once, kept for the next look */

	if (!btf)
		btf = btf__load_vmlinux_btf();
	return btf;
}

int tcp_tracepoint_args(const char *name)
{
	const struct btf *btf = kernel_btf();
	const struct btf_type *t;
	char typedef_name[96];
	int id;

	if (!btf)
		return -ENOENT;
	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF);
	t = id < 0 ? NULL : btf__type_by_id(btf, id);
	t = t ? btf__type_by_id(btf, t->type) : NULL; /* pointer */
	t = t && btf_is_ptr(t) ? btf__type_by_id(btf, t->type) : NULL;
	return t && btf_is_func_proto(t) ? btf_vlen(t) - 1 : -ENOENT; /* less void *data */
}

static int function_args(const char *name)
{
	const struct btf *btf = kernel_btf();
	int id = btf ? btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) : -ENOENT;
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, id);

	return t ? btf_vlen(btf__type_by_id(btf, t->type)) : -ENOENT;
}

static int prepare_tracepoint(const struct tcp_hook *h, struct bpf_program *prog, char *why,
			      size_t size)
{
	int args = tcp_tracepoint_args(h->target);

	if (args == -ENOENT) { /* its context is the same array, without types */
		if (h->args)
			return -ENOENT;
		bpf_program__set_type(prog, BPF_PROG_TYPE_RAW_TRACEPOINT);
		bpf_program__set_expected_attach_type(prog, 0);
		snprintf(why, size, "the kernel's BTF does not describe the tracepoint");
		return 0;
	}
	if (h->args && args != h->args)
		return -ENOENT;
	snprintf(why, size, "the kernel's BTF describes the tracepoint");
	return 0;
}

/*
 * Whether a map can be walked by an iterator: hardened kernels refuse those, for they may write to
 * what they walk. Asked once, with a program that does nothing.
 */
static bool maps_have_iterators(void)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static int known = -1;
	int id = libbpf_find_vmlinux_btf_id("bpf_map_elem", BPF_TRACE_ITER);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_ITER,
		    .attach_btf_id = id < 0 ? 0 : (uint32_t)id);

	if (known < 0) {
		AUTO_FD int fd = id < 0 ? id
					: bpf_prog_load(BPF_PROG_TYPE_TRACING, "wt_probe", "GPL",
							nothing, ARRAY_LEN(nothing), &opts);

		known = fd >= 0;
	}
	return known;
}

int tcp_hook_prepare(const struct tcp_hook *h, struct bpf_program *prog, char *why, size_t size)
{
	switch (h->kind) {
	case TCP_HOOK_TRACEPOINT:
		return prepare_tracepoint(h, prog, why, size);
	case TCP_HOOK_FENTRY:
	case TCP_HOOK_FEXIT:
		snprintf(why, size, "no such %s() in the kernel's BTF", h->target);
		if (function_args(h->target) != h->args)
			return -ENOENT;
		break;
	case TCP_HOOK_KPROBE:
	case TCP_HOOK_KRETPROBE: /* a spare one must not make libbpf complain */
		snprintf(why, size, "the kernel has no kprobes");
		if (h->is_spare && access("/sys/bus/event_source/devices/kprobe/type", R_OK))
			return -ENOENT;
		break;
	case TCP_HOOK_ITER:
		snprintf(why, size, "the kernel refuses iterators of maps");
		if (h->target && !maps_have_iterators())
			return -ENOENT;
		break;
	case TCP_HOOK_WALK:
		snprintf(why, size, "iterators do it");
		if (maps_have_iterators())
			return -ENOENT;
		break;
	default:
		break;
	}
	snprintf(why, size, "the kernel has it");
	return 0;
}

/* tracefs without mounting it anywhere: nobody else sees it. */
static int open_tracefs(void)
{
	AUTO_FD int fs = syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
	int mount;

	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	mount = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	return mount < 0 ? -errno : mount;
}

static int read_event_id(int tracefs, const char *event)
{
	char path[128], text[16] = "";
	AUTO_FD int fd = -1;

	snprintf(path, sizeof(path), "events/%s/id", event);
	fd = openat(tracefs, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		return -EIO;
	return atoi(text);
}

static int attach_syscall(const struct tcp_hook *h, struct bpf_program *prog, struct bpf_link **ret)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.wakeup_events = 1,
	};
	AUTO_FD int tracefs = open_tracefs();
	AUTO_FD int perf = -1;
	int id = tracefs < 0 ? tracefs : read_event_id(tracefs, h->target);

	if (id < 0)
		return id;
	attr.config = id;
	/* One event on one CPU: the program runs for the tracepoint, wherever it is hit. */
	perf = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (perf < 0)
		return -errno;
	*ret = bpf_program__attach_perf_event(prog, perf);
	if (!*ret)
		return -errno;
	TAKE_FD(perf);
	return 0;
}

static struct bpf_link *attach_iter(struct bpf_program *prog, const struct bpf_map *map)
{
	LIBBPF_OPTS(bpf_iter_attach_opts, opts);
	union bpf_iter_link_info info = { 0 };

	if (map) {
		info.map.map_fd = bpf_map__fd(map);
		opts.link_info = &info;
		opts.link_info_len = sizeof(info);
	}
	return bpf_program__attach_iter(prog, &opts);
}

int tcp_hook_attach(const struct tcp_hook *h, struct bpf_program *prog, const struct bpf_map *map,
		    struct bpf_link **ret)
{
	struct bpf_link *link = NULL;

	switch (h->kind) {
	case TCP_HOOK_SYSCALL:
		return attach_syscall(h, prog, ret);
	case TCP_HOOK_TRACEPOINT:
		if (bpf_program__type(prog) == BPF_PROG_TYPE_RAW_TRACEPOINT)
			link = bpf_program__attach_raw_tracepoint(prog, h->target);
		else
			link = bpf_program__attach_trace(prog);
		break;
	case TCP_HOOK_KPROBE:
		link = bpf_program__attach_kprobe(prog, false, h->target);
		break;
	case TCP_HOOK_KRETPROBE:
		link = bpf_program__attach_kprobe(prog, true, h->target);
		break;
	case TCP_HOOK_FENTRY:
	case TCP_HOOK_FEXIT:
		link = bpf_program__attach_trace(prog);
		break;
	case TCP_HOOK_ITER:
		link = attach_iter(prog, map);
		break;
	case TCP_HOOK_WALK: /* it runs when it is told to */
		return 0;
	}
	if (!link)
		return -errno;
	*ret = link;
	return 0;
}

/* The end of struct bpf_link_info for links to kprobes, since 6.7; our libbpf's header is older. */
struct kprobe_link_info {
	uint32_t type;
	uint32_t id;
	uint32_t prog_id;
	uint32_t pad0;
	uint32_t perf_type; /* enum bpf_perf_event_type */
	uint32_t pad1;
	uint64_t function_name;
	uint32_t name_len;
	uint32_t offset;
	uint64_t address;
	uint64_t missed;
	uint64_t cookie;
};

#define PERF_TYPE_KPROBE 3 /* and 4 for return probes */

/* A probe that is hit inside another's handler is skipped before any program is asked. */
static uint64_t kprobe_missed(const struct bpf_link *link)
{
	struct kprobe_link_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_link__fd(link);

	if (bpf_obj_get_info_by_fd(fd, (void *)&info, &len) || len < sizeof(info))
		return 0;
	return info.perf_type == PERF_TYPE_KPROBE || info.perf_type == PERF_TYPE_KPROBE + 1
		       ? info.missed
		       : 0;
}

uint64_t tcp_hook_missed(const struct bpf_program *prog, const struct bpf_link *link)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	uint64_t missed = kprobe_missed(link);

	if (prog && !bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		missed += info.recursion_misses;
	return missed;
}

void tcp_hook_name(const struct tcp_hook *h, const struct bpf_program *prog, char *to, size_t size)
{
	static const char *const kinds[] = {
		[TCP_HOOK_TRACEPOINT] = "tp_btf", [TCP_HOOK_SYSCALL] = "tp",
		[TCP_HOOK_KPROBE] = "kprobe",	  [TCP_HOOK_KRETPROBE] = "kretprobe",
		[TCP_HOOK_FENTRY] = "fentry",	  [TCP_HOOK_FEXIT] = "fexit",
		[TCP_HOOK_ITER] = "iter",	  [TCP_HOOK_WALK] = "walk",
	};
	const char *kind = kinds[h->kind];

	if (bpf_program__type(prog) == BPF_PROG_TYPE_RAW_TRACEPOINT)
		kind = "raw_tp";
	if (h->target)
		snprintf(to, size, "%s/%s", kind, h->target);
	else /* "iter/udp" */
		snprintf(to, size, "%s", bpf_program__section_name(prog));
}
