// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Native XDP through libxdp, whose dispatcher lets several programs share an interface. Where the
 * kernel lacks what the dispatcher needs (freplace), libxdp attaches a single program.
 */
#include "user/agent/attach.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/netdev.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "user/lib/log.h"

#define XDP_SECTION "xdp.frags"

static uint32_t program_id(const struct xdp_program *p)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	return p && !bpf_prog_get_info_by_fd(xdp_program__fd(p), &info, &len) ? info.id : 0;
}

bool xdp_is_native_capable(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	return !bpf_xdp_query(ifindex, 0, &opts) && (opts.feature_flags & NETDEV_XDP_ACT_BASIC);
}

/* The next program of ours on the interface, whichever agent's; NULL = none. */
static struct xdp_program *find_ours(struct xdp_multiprog *mp)
{
	struct xdp_program *p = xdp_multiprog__is_legacy(mp) ? xdp_multiprog__main_prog(mp)
							     : xdp_multiprog__next_prog(NULL, mp);

	while (p && !attach_is_ours(program_id(p), kernel_prog_names[PROG_XDP]))
		p = xdp_multiprog__is_legacy(mp) ? NULL : xdp_multiprog__next_prog(p, mp);
	return p;
}

static int detach_legacy(uint32_t ifindex, const struct xdp_program *p)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = xdp_program__fd(p));

	return bpf_xdp_detach(ifindex, XDP_FLAGS_DRV_MODE, &opts);
}

/* Removes programs of ours that do not feed map_fd. *adopted: one that does is there. */
static int clean_but(uint32_t ifindex, int map_fd, bool *adopted)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *ours;
	int err = 0;

	*adopted = false;
	if (libxdp_get_error(mp))
		return 0;
	ours = find_ours(mp);
	if (ours && map_fd >= 0 && attach_uses_map(program_id(ours), map_fd))
		*adopted = true;
	else if (ours && xdp_multiprog__is_legacy(mp))
		err = detach_legacy(ifindex, ours);
	else if (ours)
		err = xdp_program__detach(ours, ifindex, XDP_MODE_NATIVE, 0);
	xdp_multiprog__close(mp);
	return err;
}

int clean_xdp(uint32_t ifindex)
{
	bool adopted;

	return clean_but(ifindex, -1, &adopted);
}

static const char *explain(int err)
{
	switch (-err) {
	case EOPNOTSUPP:
		return "driver supports generic mode only";
	case EBUSY:
	case EEXIST:
		return "another XDP program is attached, and this kernel cannot share (no freplace)";
	case ERANGE:
	case EINVAL:
		return "the driver refuses XDP at this MTU or with these offloads";
	}
	return strerror(-err);
}

/* What libxdp says it falls back to is in iface->reason and in the return codes. */
static int print_libxdp(enum libxdp_print_level level, const char *fmt, va_list ap)
{
	char line[500];

	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	log_debug("%s", line);
	return 0;
}

int attach_xdp(const struct kernel *k, struct attachment *a, const char **why)
{
	bool adopted;
	int err;

	libxdp_set_print(print_libxdp);
	*why = "needs Linux 5.18 (bpf_xdp_load_bytes)";
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_load_bytes, NULL) != 1)
		return -ENOTSUP;
	*why = "";
	err = clean_but(a->ifindex, k->maps[MAP_FLOW_TABLE], &adopted);
	if (err)
		return err;
	err = kernel_open_xdp(k, &a->xdp_object);
	if (err)
		return err;
	a->xdp = xdp_program__from_bpf_obj(kernel_xdp_object(a->xdp_object), XDP_SECTION);
	err = libxdp_get_error(a->xdp);
	if (err)
		a->xdp = NULL;
	if (adopted && !err)
		return 0; /* the object stays unloaded: release finds the program by its name */
	if (!err)
		err = xdp_program__attach(a->xdp, a->ifindex, XDP_MODE_NATIVE, 0);
	if (!err)
		return 0;
	*why = explain(err);
	xdp_program__close(a->xdp);
	a->xdp = NULL;
	kernel_close_xdp(a->xdp_object);
	a->xdp_object = NULL;
	return err;
}

void release_xdp(struct attachment *a, bool keep)
{
	if (!a->xdp)
		return;
	if (!keep && clean_xdp(a->ifindex))
		log_warn("ifindex %u: cannot detach XDP", a->ifindex);
	xdp_program__close(a->xdp);
	kernel_close_xdp(a->xdp_object);
	a->xdp = NULL;
	a->xdp_object = NULL;
}
