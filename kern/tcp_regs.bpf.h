/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A probed function's arguments and its result. Which registers hold them is found out when the
 * program is loaded, by the fields that struct pt_regs has: one object for x86-64 and arm64.
 */
#ifndef WIRETALLY_TCP_REGS_BPF_H
#define WIRETALLY_TCP_REGS_BPF_H

#include "kern/bpf.h"

#include <bpf/bpf_core_read.h>

struct pt_regs___x86 {
	unsigned long di;
	unsigned long si;
	unsigned long ax;
} __attribute__((preserve_access_index));

struct pt_regs___arm64 {
	__u64 regs[31];
} __attribute__((preserve_access_index));

static __always_inline __u64 argument(void *ctx, int n)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	if (bpf_core_field_exists(x86->di))
		return n ? BPF_CORE_READ(x86, si) : BPF_CORE_READ(x86, di);
	return n ? BPF_CORE_READ(arm64, regs[1]) : BPF_CORE_READ(arm64, regs[0]);
}

static __always_inline __u64 return_value(void *ctx)
{
	struct pt_regs___x86 *x86 = ctx;
	struct pt_regs___arm64 *arm64 = ctx;

	if (bpf_core_field_exists(x86->ax))
		return BPF_CORE_READ(x86, ax);
	return BPF_CORE_READ(arm64, regs[0]);
}

#endif
