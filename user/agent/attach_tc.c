// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* tcx links and clsact filters. */
#include "user/agent/attach.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/lib/log.h"

#define CLSACT_PRIORITY 1 /* the smallest: what others drop is seen */
#define CLSACT_HANDLE 0x5754

static int prog_fd(const struct kernel *k, bool ingress)
{
	return k->progs[ingress ? PROG_TC_INGRESS : PROG_TC_EGRESS];
}

static const char *prog_of(bool ingress)
{
	return kernel_prog_names[ingress ? PROG_TC_INGRESS : PROG_TC_EGRESS];
}

int attach_tcx(const struct kernel *k, const struct pins *pins, bool ingress, struct attachment *a)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BPF_F_BEFORE);
	enum bpf_attach_type type = ingress ? BPF_TCX_INGRESS : BPF_TCX_EGRESS;
	AUTO_FD int fd = pins_adopt_link(pins, a->ifindex, ingress);
	int err;

	if (fd < 0) {
		fd = bpf_link_create(prog_fd(k, ingress), a->ifindex, type, &opts);
		if (fd < 0)
			return -errno;
		err = pins_save_link(pins, fd, a->ifindex, ingress);
		if (err)
			return err;
	}
	a->link_fd[!ingress] = TAKE_FD(fd);
	return 0;
}

static struct bpf_tc_hook hook_of(uint32_t ifindex, bool ingress)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = ifindex,
		.attach_point = ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS,
	};
}

static bool filter_is_ours(uint32_t ifindex, bool ingress, uint32_t *prog_id)
{
	struct bpf_tc_hook hook = hook_of(ifindex, ingress);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	if (bpf_tc_query(&hook, &opts))
		return false;
	*prog_id = opts.prog_id;
	return attach_is_ours(opts.prog_id, prog_of(ingress));
}

static int remove_filter(uint32_t ifindex, bool ingress)
{
	struct bpf_tc_hook hook = hook_of(ifindex, ingress);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}

int attach_clsact(const struct kernel *k, bool ingress, struct attachment *a)
{
	struct bpf_tc_hook hook = hook_of(a->ifindex, ingress);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
		    .prog_fd = prog_fd(k, ingress));
	uint32_t prog_id;
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	a->made_clsact |= err == 0;
	if (filter_is_ours(a->ifindex, ingress, &prog_id)) {
		if (attach_uses_map(prog_id, k->maps[MAP_STATE]) ||
		    attach_uses_map(prog_id, k->maps[MAP_FLOW_TABLE])) {
			a->clsact[!ingress] = true; /* a killed agent's: adopted */
			return 0;
		}
		remove_filter(a->ifindex, ingress);
	}
	err = bpf_tc_attach(&hook, &opts);
	if (!err)
		a->clsact[!ingress] = true;
	return err;
}

/* Are there filters on the interface's clsact in this direction? Errors count as yes. */
static bool has_filters(uint32_t ifindex, bool ingress)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg tc;
	} ask = {
		.h = { .nlmsg_len = sizeof(ask),
		       .nlmsg_type = RTM_GETTFILTER,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.tc = { .tcm_ifindex = ifindex,
			.tcm_parent = TC_H_MAKE(TC_H_CLSACT,
						ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS) },
	};
	struct timeval patience = { .tv_sec = 1 };
	char buffer[16384];
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t got;

	if (fd < 0 || send(fd, &ask, sizeof(ask), 0) < 0)
		return true;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	got = recv(fd, buffer, sizeof(buffer), 0);
	return got < (ssize_t)sizeof(struct nlmsghdr) ||
	       ((struct nlmsghdr *)buffer)->nlmsg_type != NLMSG_DONE;
}

static void remove_empty_clsact(uint32_t ifindex)
{
	struct bpf_tc_hook hook = hook_of(ifindex, true);

	if (has_filters(ifindex, true) || has_filters(ifindex, false))
		return;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&hook);
}

void release_tc(struct attachment *a, const struct pins *pins, bool keep)
{
	bool had_filter = a->clsact[0] || a->clsact[1];

	for (int egress = 0; egress < 2; egress++) {
		if (a->link_fd[egress] >= 0 && !keep)
			pins_drop_link(pins, a->ifindex, !egress);
		close_fd(a->link_fd[egress]);
		a->link_fd[egress] = -1;
		if (a->clsact[egress] && !keep)
			remove_filter(a->ifindex, !egress);
		a->clsact[egress] = false;
	}
	if (had_filter && a->made_clsact && !keep)
		remove_empty_clsact(a->ifindex);
}

int clean_clsact(uint32_t ifindex, bool *had_any)
{
	uint32_t prog_id;

	*had_any = false;
	for (int egress = 0; egress < 2; egress++) {
		if (!filter_is_ours(ifindex, !egress, &prog_id))
			continue;
		*had_any = true;
		remove_filter(ifindex, !egress);
	}
	/* Whose the qdisc was nobody knows any more; an empty one that had only us is ours. */
	if (*had_any)
		remove_empty_clsact(ifindex);
	return 0;
}

/* Names of the programs in line before ours on one direction, comma-separated. */
static void describe_direction(uint32_t ifindex, bool ingress, char *text, size_t len)
{
	uint32_t ids[64] = { 0 };
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .count = ARRAY_LEN(ids));
	size_t used = strlen(text);

	if (bpf_prog_query_opts(ifindex, ingress ? BPF_TCX_INGRESS : BPF_TCX_EGRESS, &opts))
		return;
	for (uint32_t i = 0; i < opts.count && i < ARRAY_LEN(ids); i++) {
		struct bpf_prog_info info = { 0 };
		__u32 info_len = sizeof(info);
		AUTO_FD int fd = bpf_prog_get_fd_by_id(ids[i]);

		if (attach_is_ours(ids[i], prog_of(ingress)))
			return;
		if (fd >= 0 && !bpf_prog_get_info_by_fd(fd, &info, &info_len) && used < len)
			used += snprintf(text + used, len - used, "%s%s (%s)", used ? ", " : "",
					 info.name, ingress ? "in" : "out");
	}
}

void describe_tcx(const struct attachment *a, char *before, size_t len)
{
	describe_direction(a->ifindex, true, before, len);
	describe_direction(a->ifindex, false, before, len);
}
