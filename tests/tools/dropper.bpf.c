/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Somebody else's programs: one for tc and tcx, one for XDP, that drop every n-th packet they see
 * (1: all, 0: none) and count both. Tests put them before or behind ours.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 every;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2); /* seen, dropped */
	__type(key, __u32);
	__type(value, __u64);
} dropper_counts SEC(".maps");

static __always_inline bool must_drop(void)
{
	__u32 seen_at = 0, dropped_at = 1;
	__u64 *seen = bpf_map_lookup_elem(&dropper_counts, &seen_at);
	__u64 *dropped = bpf_map_lookup_elem(&dropper_counts, &dropped_at);
	__u64 n;

	if (!seen || !dropped)
		return false;
	n = __sync_fetch_and_add(seen, 1) + 1;
	if (!every || n % every)
		return false;
	__sync_fetch_and_add(dropped, 1);
	return true;
}

SEC("tc")
int drop_tc(struct __sk_buff *skb)
{
	return must_drop() ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("xdp")
int drop_xdp(struct xdp_md *ctx)
{
	return must_drop() ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
