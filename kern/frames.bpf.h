/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A return probe sees no arguments: they wait here, in a stack per thread, because softirqs run on
 * top of threads that are inside the same functions.
 */
#ifndef WIRETALLY_FRAMES_BPF_H
#define WIRETALLY_FRAMES_BPF_H

#include "kern/tcp_report.bpf.h"

#define FRAMES_MAX 8 /* two functions in a thread, its softirq; twice, should a return be missed */

enum frame_of { FRAME_RETRANSMIT = 1, FRAME_SYNACK, FRAME_UDP_PORT };

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

#endif
