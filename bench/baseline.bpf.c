/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * What the tally is measured against, with the same parser and the same key: nothing at all, the
 * parser alone, a per-CPU hash map with a coarse and with a fine clock, and one hash map shared by
 * all CPUs with atomic adds. Each for tc and for XDP.
 */
#include <linux/pkt_cls.h>

#include "kern/abi.h"
#include "kern/bpf.h"
#include "kern/parse.bpf.h"

#define FLOWS (1 << 20)

struct sums {
	__u64 packets;
	__u64 l2_bytes;
	__u64 l3_bytes;
	__u64 first_ns;
	__u64 last_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, FLOWS);
	__type(key, struct wt_flow_key);
	__type(value, struct sums);
} percpu_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS);
	__type(key, struct wt_flow_key);
	__type(value, struct sums);
} shared_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} parsed SEC(".maps");

static __always_inline bool parse(void *data, void *data_end, __u32 ifindex, struct wt_pkt *pkt)
{
	struct wt_view view = { .data = data, .data_end = data_end };

	if (!wt_parse_fast(&view, pkt))
		return false;
	pkt->key.ifindex = ifindex;
	return true;
}

/* The sum of the key's words goes to memory, or the compiler would drop the parser. */
static __always_inline void only_parse(void *data, void *data_end, __u32 ifindex)
{
	struct wt_pkt pkt = {};
	__u32 zero = 0;
	__u64 *sum = bpf_map_lookup_elem(&parsed, &zero);
	const __u64 *words = (const __u64 *)&pkt.key;

	if (!sum || !parse(data, data_end, ifindex, &pkt))
		return;
	for (int i = 0; i < WT_KEY_WORDS; i++)
		*sum += words[i];
}

static __always_inline void add(struct sums *s, __u32 bytes, const struct wt_pkt *pkt, __u64 now)
{
	s->packets++;
	s->l2_bytes += bytes;
	s->l3_bytes += pkt->l3_len;
	s->last_ns = now;
}

static __always_inline void percpu(void *data, void *data_end, __u32 ifindex, __u32 bytes,
				   bool fine)
{
	struct wt_pkt pkt = {};
	struct sums *s, first = {};
	__u64 now;

	if (!parse(data, data_end, ifindex, &pkt))
		return;
	now = fine ? bpf_ktime_get_ns() : bpf_ktime_get_coarse_ns();
	s = bpf_map_lookup_elem(&percpu_flows, &pkt.key);
	if (s) {
		add(s, bytes, &pkt, now);
		return;
	}
	first.first_ns = now;
	add(&first, bytes, &pkt, now);
	bpf_map_update_elem(&percpu_flows, &pkt.key, &first, BPF_NOEXIST);
}

static __always_inline void shared(void *data, void *data_end, __u32 ifindex, __u32 bytes)
{
	struct wt_pkt pkt = {};
	struct sums *s, first = {};
	__u64 now;

	if (!parse(data, data_end, ifindex, &pkt))
		return;
	now = bpf_ktime_get_ns();
	s = bpf_map_lookup_elem(&shared_flows, &pkt.key);
	if (s) {
		__sync_fetch_and_add(&s->packets, 1);
		__sync_fetch_and_add(&s->l2_bytes, bytes);
		__sync_fetch_and_add(&s->l3_bytes, pkt.l3_len);
		s->last_ns = now;
		return;
	}
	first.first_ns = now;
	add(&first, bytes, &pkt, now);
	bpf_map_update_elem(&shared_flows, &pkt.key, &first, BPF_NOEXIST);
}

#define DATA(ctx) (void *)(long)(ctx)->data, (void *)(long)(ctx)->data_end

SEC("tc")
int empty_tc(struct __sk_buff *skb)
{
	return TC_ACT_UNSPEC;
}

SEC("tc")
int parse_tc(struct __sk_buff *skb)
{
	only_parse(DATA(skb), skb->ifindex);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int percpu_tc(struct __sk_buff *skb)
{
	percpu(DATA(skb), skb->ifindex, skb->len, false);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int percpu_fine_tc(struct __sk_buff *skb)
{
	percpu(DATA(skb), skb->ifindex, skb->len, true);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int shared_tc(struct __sk_buff *skb)
{
	shared(DATA(skb), skb->ifindex, skb->len);
	return TC_ACT_UNSPEC;
}

SEC("xdp")
int empty_xdp(struct xdp_md *xdp)
{
	return XDP_PASS;
}

SEC("xdp")
int parse_xdp(struct xdp_md *xdp)
{
	only_parse(DATA(xdp), xdp->ingress_ifindex);
	return XDP_PASS;
}

SEC("xdp")
int percpu_xdp(struct xdp_md *xdp)
{
	percpu(DATA(xdp), xdp->ingress_ifindex, xdp->data_end - xdp->data, false);
	return XDP_PASS;
}

SEC("xdp")
int percpu_fine_xdp(struct xdp_md *xdp)
{
	percpu(DATA(xdp), xdp->ingress_ifindex, xdp->data_end - xdp->data, true);
	return XDP_PASS;
}

SEC("xdp")
int shared_xdp(struct xdp_md *xdp)
{
	shared(DATA(xdp), xdp->ingress_ifindex, xdp->data_end - xdp->data);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
