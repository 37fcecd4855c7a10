/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a flow key to its row. flow_put() is what nearly every packet takes: it finds the row and
 * adds, or passes the packet on through the lane. flow_account() does everything else, out of the
 * way: filter, sample, make a row, fold.
 */
#ifndef WIRETALLY_FLOW_TALLY_BPF_H
#define WIRETALLY_FLOW_TALLY_BPF_H

#include "kern/flow_maps.bpf.h"

/*
 * Of a v4-mapped address three words in four say nothing: IPv4 keys are hashed as {src, dst} and
 * the three words behind the addresses, and compared without the words that are always 0.
 */
#define FLOW_WORDS_BEHIND 4 /* the first key word behind the addresses */
#define FLOW_GIVEN_IPV4 (1u << 0 | 1u << 2)

static __always_inline __u32 flow_hash(const struct wt_flow_key *key, bool is_ipv4)
{
	const __u64 *words = (const __u64 *)key;
	__u64 sum;

	if (!is_ipv4)
		return tally_hash(words, WT_KEY_WORDS);
	sum = tally_nh(*(const wt_u32 *)(key->src + 12), *(const wt_u32 *)(key->dst + 12),
		       wt_nh_key[0]);
	for (__u32 i = FLOW_WORDS_BEHIND; i < WT_KEY_WORDS; i++)
		sum += tally_nh(words[i], words[i] >> 32, wt_nh_key[i]);
	return tally_hash_end(sum);
}

/* Jiffies are inlined to one load; a clock helper is a call. Both are as fine as a tick. */
static __always_inline __u64 coarse_now(void)
{
	return wt_tick_ns ? bpf_jiffies64() * wt_tick_ns + wt_tick_base_ns : bpf_ktime_get_ns();
}

static __always_inline void count_add(struct wt_count *count, const struct wt_count *size)
{
	count->packets += size->packets;
	count->l2_bytes += size->l2_bytes;
}

static __always_inline void flow_add(struct wt_flow *flow, const struct wt_count *size,
				     __u64 l3_bytes, __u64 now, __u16 tcp_flags, __u8 ttl)
{
	flow->packets += size->packets;
	flow->l2_bytes += size->l2_bytes;
	flow->l3_bytes += l3_bytes;
	flow->last_ns = now;
	flow->tcp_flags |= tcp_flags;
	if (ttl < flow->ttl_min)
		flow->ttl_min = ttl;
	if (ttl > flow->ttl_max)
		flow->ttl_max = ttl;
}

/*
 * A packet that finds both ways taken by other flows: into the lane, as a record of its own, which
 * user space merges. To move a victim there and take its place costs twice the cache lines, and
 * most of a flood's packets would only be the next victim. Every FLOW_TAKE_OVER-th does it: a
 * flow that goes on has its row soon.
 */
#define FLOW_TAKE_OVER 8

static __always_inline bool flow_pass(const struct wt_pkt *pkt, __u32 cpu, __u32 epoch, __u32 hash,
				      const struct wt_count *size, __u64 l3_bytes, __u64 now)
{
	struct wt_lane_head *head;
	struct wt_flow *record = (void *)tally_lane_slot(&flow_table, cpu, wt_lane_mask, &head);

	if (!record || !(head->head % FLOW_TAKE_OVER))
		return false;
	*record = (struct wt_flow){
		.key = pkt->key,
		.packets = size->packets,
		.l2_bytes = size->l2_bytes,
		.l3_bytes = l3_bytes,
		.first_ns = now,
		.last_ns = now,
		.hash = hash,
		.sampling = 1,
		.tcp_flags = pkt->tcp_flags,
		.dscp = pkt->dscp,
		.ttl_min = pkt->ttl,
		.ttl_max = pkt->ttl,
		.epoch = epoch,
	};
	tally_lane_publish(head);
	return true;
}

/* True when the packet is in a row or on its way. pkt's key is complete. */
static __always_inline bool flow_put(const struct wt_pkt *pkt, bool is_ipv4, __u32 cpu, __u32 epoch,
				     const struct wt_count *size, __u64 l3_bytes)
{
	const __u64 *key = (const __u64 *)&pkt->key;
	__u32 hash = flow_hash(&pkt->key, is_ipv4);
	struct tally_set set;
	struct wt_flow *flow;
	__u64 now;

	if (!tally_at(&flow_table, cpu, epoch, wt_set_mask, hash, &set))
		return false;
	now = coarse_now();
	flow = (void *)tally_find(&flow_table, &set, key, is_ipv4 ? FLOW_GIVEN_IPV4 : 0);
	if (!flow)
		return tally_is_taken(&flow_table, &set, 0) &&
		       tally_is_taken(&flow_table, &set, 1) &&
		       flow_pass(pkt, cpu, epoch, hash, size, l3_bytes, now);
	flow_add(flow, size, l3_bytes, now, pkt->tcp_flags, pkt->ttl);
	return true;
}

/* ---- filter and sample --------------------------------------------------------------------- */

static __always_inline __u32 cidr_verdict(__u32 slot, const __u8 *addr)
{
	struct wt_cidr_key key = { .prefixlen = 32 + 128, .slot = slot };
	__u32 *verdict;

	__builtin_memcpy(key.addr, addr, sizeof(key.addr));
	verdict = bpf_map_lookup_elem(&wt_cidrs, &key);
	return verdict ? *verdict : 0;
}

/* Either end denied refuses; with an allow list one end must be on it. */
static __always_inline bool cidr_refuses(const struct sighting *s, const struct wt_if *iface)
{
	__u32 src, dst;

	if (s->key.ethertype != 0x0800 && s->key.ethertype != 0x86dd)
		return iface->flags & WT_IF_ALLOWLIST;
	src = cidr_verdict(iface->slot, s->key.src);
	dst = cidr_verdict(iface->slot, s->key.dst);
	if (src == WT_CIDR_DENY || dst == WT_CIDR_DENY)
		return true;
	return (iface->flags & WT_IF_ALLOWLIST) && src != WT_CIDR_ALLOW && dst != WT_CIDR_ALLOW;
}

static __always_inline bool sampled_in(__u32 one_of)
{
	return ((__u64)bpf_get_prandom_u32() * one_of) >> 32 == 0;
}

/* ---- everything but a hit ------------------------------------------------------------------- */

static __always_inline enum wt_fold_class fold_class(const struct wt_flow_key *key)
{
	if (key->ethertype != 0x0800 && key->ethertype != 0x86dd)
		return WT_FOLD_NOT_IP;
	switch (key->proto) {
	case 6:
		return WT_FOLD_TCP;
	case 17:
		return WT_FOLD_UDP;
	case 1:
	case 58:
		return WT_FOLD_ICMP;
	}
	return WT_FOLD_OTHER_IP;
}

static __always_inline void flow_fold(const struct sighting *s, struct wt_ledger *ledger,
				      enum tally_miss miss, __u64 now)
{
	bool counted = s->key.mark & WT_MARK_COUNTED;
	struct wt_fold *fold = &ledger->fold[counted][fold_class(&s->key)];

	if (!fold->packets)
		fold->first_ns = now;
	fold->last_ns = now;
	fold->packets += s->size.packets;
	fold->l2_bytes += s->size.l2_bytes;
	fold->l3_bytes += s->l3_bytes;
	count_add(miss == TALLY_NO_ROW ? &ledger->fold_no_row : &ledger->fold_lane_full, &s->size);
}

static __always_inline void flow_start(const struct sighting *s, struct wt_flow *flow, __u32 hash,
				       __u32 one_of, __u64 now)
{
	flow->first_ns = now;
	flow->hash = hash;
	flow->sampling = one_of;
	flow->dscp = s->dscp;
	flow->ttl_min = s->ttl;
	flow->epoch = s->epoch;
}

static __always_inline void flow_tally(const struct sighting *s, __u32 one_of,
				       struct wt_ledger *ledger)
{
	__u32 hash = flow_hash(&s->key, s->key.ethertype == WT_ETH_IPV4);
	__u64 now = coarse_now();
	enum tally_miss miss;
	struct wt_flow *flow;
	bool found;

	flow = tally_row(&flow_table, s->cpu, s->epoch, wt_set_mask, wt_lane_mask,
			 (const __u64 *)&s->key, hash, &found, &miss);
	if (!flow) {
		flow_fold(s, ledger, miss, now);
		return;
	}
	if (!found)
		flow_start(s, flow, hash, one_of, now);
	flow_add(flow, &s->size, s->l3_bytes, now, s->tcp_flags, s->ttl);
}

/*
 * A function of its own: hot code stays together, and the verifier's stack small. Each return has
 * put the packet, which was counted as seen, into exactly one counter or row. What the interface
 * asks for is looked up again, or the fast path would have to carry it.
 */
static __noinline int flow_account(const struct sighting *s, struct wt_ledger *ledger)
{
	const struct wt_if *iface = s->key.ifindex ? interface_find(s->key.ifindex) : NULL;
	__u32 one_of = iface && iface->sampling > 1 ? iface->sampling : 1;

	if (iface && (iface->flags & WT_IF_FILTER) && cidr_refuses(s, iface))
		count_add(&ledger->filtered, &s->size);
	else if (one_of > 1 && !sampled_in(one_of))
		count_add(&ledger->sampled_out, &s->size);
	else
		flow_tally(s, one_of, ledger);
	return 0;
}

#endif
