/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * One interface's hooks. tcx (6.6+), else clsact, in both directions; or native XDP for ingress
 * when asked. Nothing of other people's is touched: we are first in line and always pass on.
 */
#ifndef WT_ATTACH_H
#define WT_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/agent/iface.h"
#include "user/agent/kernel.h"
#include "user/agent/pins.h"

enum hook_option { HOOK_AUTO, HOOK_XDP, HOOK_TC, HOOK_TCX, HOOK_CLSACT };

struct xdp_program;

struct attachment {
	uint32_t ifindex;
	int link_fd[2]; /* tcx: [0] ingress, [1] egress; -1 = none */
	bool clsact[2]; /* a filter of ours is there */
	bool made_clsact; /* the qdisc is ours: goes with the last filter */
	struct flow_bpf *xdp_object;
	struct xdp_program *xdp; /* NULL = none */
};

/*
 * Attaches (or adopts what a killed agent left on this interface) and fills in iface->watched,
 * ->hook, ->reason, ->before_us. 0 or -errno with the reason in iface->reason and nothing left
 * attached.
 */
int attach_interface(const struct kernel *k, const struct pins *pins, enum hook_option option,
		     struct iface *iface, struct attachment *ret);

/* Takes it all off again; keep: leave everything where it is, for the next agent to adopt. */
void attach_release(struct attachment *a, const struct pins *pins, bool keep);

/* Removes hooks that agents without pins, or of another ABI, left on an interface. */
int attach_clean(uint32_t ifindex);

/* attach_tc.c, attach_xdp.c: the parts. Each 0 or -errno. */
int attach_tcx(const struct kernel *k, const struct pins *pins, bool ingress, struct attachment *a);
int attach_clsact(const struct kernel *k, bool ingress, struct attachment *a);
void release_tc(struct attachment *a, const struct pins *pins, bool keep);
int clean_clsact(uint32_t ifindex, bool *had_any);
/* What runs before and behind our tcx program, as text. */
void describe_tcx(const struct attachment *a, char *before, size_t len);
int attach_xdp(const struct kernel *k, struct attachment *a, const char **why);
void release_xdp(struct attachment *a, bool keep);
int clean_xdp(uint32_t ifindex);
bool xdp_is_native_capable(uint32_t ifindex);

/* Is this program one of ours, by its name? ids may be 0. */
bool attach_is_ours(uint32_t prog_id, const char *name);
/* And does it use this map: is it an instance that feeds these tables? */
bool attach_uses_map(uint32_t prog_id, int map_fd);

#endif
