// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* An interface and a wish in, the best hooks there are attached, and why they were chosen. */
#include "user/agent/attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "user/lib/log.h"

static bool prog_name(uint32_t id, char name[BPF_OBJ_NAME_LEN])
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	AUTO_FD int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &len))
		return false;
	snprintf(name, BPF_OBJ_NAME_LEN, "%s", info.name);
	return true;
}

bool attach_is_ours(uint32_t prog_id, const char *name)
{
	char have[BPF_OBJ_NAME_LEN];

	return prog_name(prog_id, have) && !strcmp(have, name);
}

bool attach_uses_map(uint32_t prog_id, int map_fd)
{
	struct bpf_map_info map = { 0 };
	uint32_t ids[64];
	struct bpf_prog_info prog = { .nr_map_ids = ARRAY_LEN(ids), .map_ids = (uintptr_t)ids };
	__u32 map_len = sizeof(map), prog_len = sizeof(prog);
	AUTO_FD int fd = bpf_prog_get_fd_by_id(prog_id);

	if (fd < 0 || bpf_map_get_info_by_fd(map_fd, &map, &map_len) ||
	    bpf_prog_get_info_by_fd(fd, &prog, &prog_len))
		return false;
	for (uint32_t i = 0; i < prog.nr_map_ids && i < ARRAY_LEN(ids); i++)
		if (ids[i] == map.id)
			return true;
	return false;
}

static int attach_direction(const struct kernel *k, const struct pins *pins,
			    enum hook_option option, bool ingress, struct attachment *a)
{
	int err;

	if (option == HOOK_CLSACT)
		return attach_clsact(k, ingress, a);
	err = attach_tcx(k, pins, ingress, a);
	if (!err || option == HOOK_TCX)
		return err;
	/* Before 6.6 the kernel knows no such attach type and says EINVAL. */
	return err == -EINVAL || err == -EOPNOTSUPP ? attach_clsact(k, ingress, a) : err;
}

static void tell(const struct attachment *a, enum hook_option option, struct iface *iface,
		 const char *xdp_why)
{
	const char *tc = a->link_fd[1] >= 0 ? "tcx" : "clsact";
	char before[IFACE_BEFORE_MAX] = "";

	snprintf(iface->hook, sizeof(iface->hook), "%s%s", a->xdp ? "xdp+" : "", tc);
	if (a->xdp)
		snprintf(iface->reason, sizeof(iface->reason),
			 "XDP ingress as asked; the driver may have changed queues and offloads");
	else if (option == HOOK_XDP)
		snprintf(iface->reason, sizeof(iface->reason), "no XDP: %s", xdp_why);
	else if (xdp_is_native_capable(iface->ifindex))
		snprintf(iface->reason, sizeof(iface->reason), "native XDP available, --hook xdp");
	else
		snprintf(iface->reason, sizeof(iface->reason), "the driver has no native XDP");
	if (a->link_fd[1] >= 0)
		describe_tcx(a, before, sizeof(before));
	snprintf(iface->before_us, sizeof(iface->before_us), "%s", before);
	iface->watched = WT_WATCH_INGRESS | WT_WATCH_EGRESS;
}

int attach_interface(const struct kernel *k, const struct pins *pins, enum hook_option option,
		     struct iface *iface, struct attachment *ret)
{
	struct attachment a = { .ifindex = iface->ifindex, .link_fd = { -1, -1 } };
	const char *why = "";
	int err = -ENOTSUP;

	if (option == HOOK_XDP)
		err = attach_xdp(k, &a, &why);
	if (err)
		err = attach_direction(k, pins, option, true, &a);
	if (!err)
		err = attach_direction(k, pins, option, false, &a);
	if (err) {
		snprintf(iface->reason, sizeof(iface->reason), "cannot attach: %s", strerror(-err));
		attach_release(&a, pins, false);
		return err;
	}
	tell(&a, option, iface, why);
	*ret = a;
	return 0;
}

void attach_release(struct attachment *a, const struct pins *pins, bool keep)
{
	release_xdp(a, keep);
	release_tc(a, pins, keep);
	a->ifindex = 0;
}

int attach_clean(uint32_t ifindex)
{
	bool had_any;
	int err = clean_clsact(ifindex, &had_any);
	int xdp_err = clean_xdp(ifindex);

	return err ? err : xdp_err;
}
