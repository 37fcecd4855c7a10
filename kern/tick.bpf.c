// SPDX-License-Identifier: GPL-2.0
/* Run at start, and only then: what jiffies and CLOCK_MONOTONIC say at one moment. */
#include "kern/bpf.h"

char LICENSE[] SEC("license") = "GPL";

__u64 wt_jiffies;
__u64 wt_now_ns;

SEC("tc")
int wt_tick(struct __sk_buff *skb)
{
	wt_jiffies = bpf_jiffies64();
	wt_now_ns = bpf_ktime_get_ns();
	return 0;
}
