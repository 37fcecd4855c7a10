// SPDX-License-Identifier: GPL-2.0
/*
 * TCP by kprobes and kretprobes. A return probe sees no arguments: they wait in wt_frames, a stack
 * per thread, because softirqs run on top of threads that are inside the same functions.
 */
#include "kern/tcp_call.bpf.h"
#include "kern/tcp_event.bpf.h"
#include "kern/tcp_regs.bpf.h"
#include "kern/tcp_retransmit.bpf.h"
#include "kern/tcp_sweep.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define FRAMES_MAX 8 /* two functions in a thread, its softirq; twice, should a return be missed */

enum frame_of { FRAME_RETRANSMIT = 1, FRAME_SYNACK };

struct frame {
	__u64 of;
	__u64 sk;
	__u64 argument; /* skb or request */
};

struct frames {
	__u64 depth;
	struct frame frame[FRAMES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64); /* frames_key() */
	__type(value, struct frames);
} wt_frames SEC(".maps");

static const struct frames frames_blank = {};

/* Each CPU's idle thread has pid 0. */
static __always_inline __u64 frames_key(void)
{
	__u64 thread = bpf_get_current_pid_tgid();

	return thread ? thread : 1ull << 63 | bpf_get_smp_processor_id();
}

static __always_inline void frame_push(enum frame_of of, __u64 sk, __u64 argument)
{
	__u64 key = frames_key(), depth;
	struct frames *f = bpf_map_lookup_elem(&wt_frames, &key);

	if (!f && !bpf_map_update_elem(&wt_frames, &key, &frames_blank, BPF_NOEXIST))
		f = bpf_map_lookup_elem(&wt_frames, &key);
	if (!f) {
		count_loss(CONN_LOST_NO_ROW, 1);
		return;
	}
	depth = f->depth < FRAMES_MAX ? f->depth : 0; /* full: what is below never returned */
	f->frame[depth].of = of;
	f->frame[depth].sk = sk;
	f->frame[depth].argument = argument;
	f->depth = depth + 1;
}

static __always_inline bool frame_pop(enum frame_of of, struct frame *ret)
{
	__u64 key = frames_key(), depth;
	struct frames *f = bpf_map_lookup_elem(&wt_frames, &key);

	if (!f)
		return false;
	depth = f->depth - 1;
	if (depth >= FRAMES_MAX)
		return false;
	*ret = f->frame[depth];
	f->depth = depth;
	if (!depth)
		bpf_map_delete_elem(&wt_frames, &key);
	return ret->of == of;
}

/* void tcp_set_state(struct sock *sk, int state) */
SEC("kprobe")
int wt_state(void *ctx)
{
	__u64 sk = argument(ctx, 0);

	on_state(sk, sock_read(sk, __sk_common.skc_state), argument(ctx, 1));
	return 0;
}

/*
 * int __tcp_retransmit_skb(struct sock *sk, struct sk_buff *skb, int segs), and its caller without
 * underscores
 */
SEC("kprobe")
int wt_retransmit(void *ctx)
{
	frame_push(FRAME_RETRANSMIT, argument(ctx, 0), argument(ctx, 1));
	return 0;
}

SEC("kretprobe")
int wt_retransmit_return(void *ctx)
{
	struct frame f;

	if (frame_pop(FRAME_RETRANSMIT, &f) && !(int)return_value(ctx))
		on_retransmit(f.sk, f.argument);
	return 0;
}

/* int tcp_rtx_synack(const struct sock *sk, struct request_sock *req) */
SEC("kprobe")
int wt_synack(void *ctx)
{
	frame_push(FRAME_SYNACK, argument(ctx, 0), argument(ctx, 1));
	return 0;
}

SEC("kretprobe")
int wt_synack_return(void *ctx)
{
	struct frame f;

	if (frame_pop(FRAME_SYNACK, &f) && !(int)return_value(ctx))
		on_synack_retransmit(f.argument);
	return 0;
}

/* int inet_stream_connect(struct socket *, struct sockaddr *, int addr_len, int flags) */
SEC("kprobe")
int wt_connect(void *ctx)
{
	on_connect_in_kernel(argument(ctx, 0), argument(ctx, 1));
	return 0;
}

SEC("kretprobe")
int wt_connect_return(void *ctx)
{
	on_connect_return(return_value(ctx));
	return 0;
}

/* struct sock *inet_csk_accept(…) */
SEC("kretprobe")
int wt_accept_return(void *ctx)
{
	on_accept(return_value(ctx));
	return 0;
}
