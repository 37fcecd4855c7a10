/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The generator at full speed: run with BPF_F_TEST_XDP_LIVE_FRAMES, it writes the next flow's
 * addresses and ports into the template frame and redirects it into an interface. The frames are
 * recycled as they are left, so every field that varies is written every time.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "tests/tools/flood.h"

const volatile __u32 to_ifindex;
const volatile __u32 flows = 1;
const volatile __u32 samples; /* 0: tuples in order; else a power of two, drawn beforehand */
const volatile __u32 elephants;
const volatile __u32 elephant_every = 1;
const volatile __u32 ip_sum; /* of the IPv4 header without checksum and addresses */
const volatile __u8 is_ipv6;
const volatile __u8 random_source;
const volatile __u8 count_flows;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flood_tuple);
} tuples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} drawn SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOOD_CPUS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct flood_state);
} states SEC(".maps");

/* splitmix64 (Steele, Lea, Flood 2014): the driver can replay it from the seed. */
static __always_inline __u64 next_random(struct flood_state *s)
{
	__u64 z = s->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Which tuple is next: an elephant, whose tuples lie behind the noise's, or noise. */
static __always_inline __u32 choose(struct flood_state *s)
{
	__u32 i = s->next;
	__u64 *sample;

	if (elephants) {
		if (!s->until_elephant) {
			i = flows + s->elephant;
			s->elephant = s->elephant + 1 == elephants ? 0 : s->elephant + 1;
			s->until_elephant = elephant_every - 1;
			return i;
		}
		s->until_elephant--;
	}
	if (samples) {
		s->next = (i + 1) & (samples - 1);
		sample = bpf_map_lookup_elem(&drawn, &i);
		return sample ? (__u32)*sample : 0;
	}
	s->next = i + 1 == flows ? 0 : i + 1;
	return i;
}

static __always_inline int write_ipv4(void *pos, void *end, const struct flood_tuple *t)
{
	struct iphdr *ip = pos;
	__be16 *ports = (void *)(ip + 1);
	__u32 sum;

	if ((void *)(ports + 2) > end)
		return -1;
	ip->saddr = bpf_htonl(t->src);
	ip->daddr = bpf_htonl(t->dst);
	ports[0] = bpf_htons(t->src_port);
	ports[1] = bpf_htons(t->dst_port);
	sum = ip_sum + t->sum;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = bpf_htons(~sum);
	return 0;
}

static __always_inline int write_ipv6(void *pos, void *end, const struct flood_tuple *t)
{
	struct ipv6hdr *ip = pos;
	__be16 *ports = (void *)(ip + 1);

	if ((void *)(ports + 2) > end)
		return -1;
	ip->saddr.in6_u.u6_addr32[3] = bpf_htonl(t->src);
	ip->daddr.in6_u.u6_addr32[3] = bpf_htonl(t->dst);
	ports[0] = bpf_htons(t->src_port);
	ports[1] = bpf_htons(t->dst_port);
	return 0;
}

static __always_inline void randomise(struct flood_state *s, struct flood_tuple *t)
{
	__u64 r = next_random(s);

	t->src = (__u32)r;
	t->src_port = r >> 32;
	t->sum = (t->src >> 16) + (t->src & 0xffff) + (t->dst >> 16) + (t->dst & 0xffff);
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *pos = (void *)(long)ctx->data + sizeof(struct ethhdr);
	void *end = (void *)(long)ctx->data_end;
	__u32 cpu = bpf_get_smp_processor_id(), i;
	struct flood_state *s = bpf_map_lookup_elem(&states, &cpu);
	struct flood_tuple *known, t;
	__u64 *count;

	if (!s)
		return XDP_DROP;
	i = choose(s);
	known = bpf_map_lookup_elem(&tuples, &i);
	if (!known)
		goto refused;
	t = *known;
	if (random_source && i < flows)
		randomise(s, &t);
	if ((is_ipv6 ? write_ipv6(pos, end, &t) : write_ipv4(pos, end, &t)) < 0)
		goto refused;
	count = count_flows || i >= flows ? bpf_map_lookup_elem(&counts, &i) : NULL;
	if (count)
		__sync_fetch_and_add(count, 1);
	s->packets++;
	return bpf_redirect(to_ifindex, 0);
refused:
	s->refused++;
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
