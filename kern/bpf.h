/* SPDX-License-Identifier: GPL-2.0 */
/* What every BPF program here includes: the kernel's UAPI, libbpf's helpers, a few words more. */
#ifndef WIRETALLY_BPF_H
#define WIRETALLY_BPF_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))

#endif
