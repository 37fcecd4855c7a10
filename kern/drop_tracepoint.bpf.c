// SPDX-License-Identifier: GPL-2.0
/* Drops from the tracepoint kfree_skb, whose arguments grew over time; one of the two is loaded. */
#define DROP_TYPED_SKB
#include "kern/drop.bpf.h"

SEC("tp_btf/kfree_skb")
int wt_drop_reason(__u64 *args)
{
	return drop_note(args[0], args[1], (__u32)args[2]);
}

SEC("tp_btf/kfree_skb")
int wt_drop_plain(__u64 *args)
{
	return drop_note(args[0], args[1], 0);
}

char LICENSE[] SEC("license") = "GPL";
