// SPDX-License-Identifier: GPL-2.0
/*
 * Drops from kprobes on the functions that fire the tracepoint kfree_skb. They are called for every
 * reference that is given up, the tracepoint fires for the last: users says which it is. The place
 * is the return address, as the tracepoint's.
 */
#include "kern/drop.bpf.h"

#include <bpf/bpf_tracing.h>
#include <linux/ptrace.h>

#define DROP_LIST_MAX 1024

static __always_inline bool is_last_reference(__u64 skb)
{
	return skb && skb_read(skb, users.refs.counter) == 1;
}

static __always_inline __u64 return_address(struct pt_regs *regs)
{
	__u64 address = 0;

	BPF_KPROBE_READ_RET_IP(address, regs);
	return address;
}

/*
 * Of its own, with a global function's arguments: the verifier looks at it once, not once for each
 * member of a list, which was more than a million instructions.
 */
__noinline int wt_note_member(__u64 skb, __u64 location, __u32 reason)
{
	return is_last_reference(skb) ? drop_note(skb, location, reason) : 0;
}

static __always_inline int note_one(struct pt_regs *regs, __u64 skb, __u32 reason)
{
	return is_last_reference(skb) ? drop_note(skb, return_address(regs), reason) : 0;
}

SEC("kprobe/kfree_skb") /* until reasons came */
int wt_kfree_skb(struct pt_regs *regs)
{
	return note_one(regs, PT_REGS_PARM1(regs), 0);
}

SEC("kprobe/kfree_skb_reason")
int wt_kfree_skb_reason(struct pt_regs *regs)
{
	return note_one(regs, PT_REGS_PARM1(regs), PT_REGS_PARM2(regs));
}

SEC("kprobe/sk_skb_reason_drop") /* (sk, skb, reason) */
int wt_sk_skb_reason_drop(struct pt_regs *regs)
{
	return note_one(regs, PT_REGS_PARM2(regs), PT_REGS_PARM3(regs));
}

SEC("kprobe/kfree_skb_list_reason") /* where it does not call one of the above for each */
int wt_kfree_skb_list_reason(struct pt_regs *regs)
{
	__u64 skb = PT_REGS_PARM1(regs), location = return_address(regs);
	__u32 reason = PT_REGS_PARM2(regs);

	for (int i = 0; i < DROP_LIST_MAX && skb; i++) {
		wt_note_member(skb, location, reason);
		skb = (__u64)(long)skb_read(skb, next);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
