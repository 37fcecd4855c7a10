/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* In: a spec. Out: the bytes of one frame. */
#include "tests/tools/lib/frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static uint32_t words(uint32_t addr)
{
	return (addr >> 16) + (addr & 0xffff);
}

static uint32_t put_ipv4(const struct frame_spec *spec, size_t bytes, uint8_t *at)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(bytes),
		.ttl = 64,
		.protocol = spec->udp ? IPPROTO_UDP : IPPROTO_TCP,
		.saddr = htonl(spec->src),
		.daddr = htonl(spec->dst),
	};
	uint32_t sum = 0x4500 + bytes + (64 << 8) + ip.protocol;

	ip.check = htons(fold(sum + words(spec->src) + words(spec->dst)));
	memcpy(at, &ip, sizeof(ip));
	return sum;
}

static void put_ipv6(const struct frame_spec *spec, size_t payload, uint8_t *at)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(0x60000000),
		.ip6_plen = htons(payload),
		.ip6_nxt = spec->udp ? IPPROTO_UDP : IPPROTO_TCP,
		.ip6_hlim = 64,
	};
	const uint8_t net[6] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0 };
	uint32_t src = htonl(spec->src), dst = htonl(spec->dst);

	memcpy(&ip.ip6_src, net, sizeof(net));
	memcpy(&ip.ip6_dst, net, sizeof(net));
	ip.ip6_src.s6_addr[5] = 1;
	ip.ip6_dst.s6_addr[5] = 2;
	memcpy(&ip.ip6_src.s6_addr[12], &src, 4);
	memcpy(&ip.ip6_dst.s6_addr[12], &dst, 4);
	memcpy(at, &ip, sizeof(ip));
}

static void put_transport(const struct frame_spec *spec, size_t bytes, uint8_t *at)
{
	struct udphdr udp = {
		.source = htons(spec->src_port),
		.dest = htons(spec->dst_port),
		.len = htons(bytes),
	};
	struct tcphdr tcp = {
		.source = htons(spec->src_port),
		.dest = htons(spec->dst_port),
		.doff = 5,
		.ack = 1,
		.window = htons(1024),
	};

	if (spec->udp)
		memcpy(at, &udp, sizeof(udp));
	else
		memcpy(at, &tcp, sizeof(tcp));
}

static size_t ip_bytes(const struct frame_spec *spec)
{
	return spec->ipv6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
}

size_t frame_headers(const struct frame_spec *spec)
{
	size_t l4 = spec->udp ? sizeof(struct udphdr) : sizeof(struct tcphdr);

	return sizeof(struct ethhdr) + ip_bytes(spec) + l4;
}

size_t frame_build(const struct frame_spec *spec, uint8_t *buf, uint32_t *ret_ip_sum)
{
	struct ethhdr eth = {
		.h_dest = { 2, 0, 0, 0, 0, 2 },
		.h_source = { 2, 0, 0, 0, 0, 1 },
		.h_proto = htons(spec->ipv6 ? ETH_P_IPV6 : ETH_P_IP),
	};
	size_t ip = ip_bytes(spec), bytes = spec->bytes;

	if (bytes < frame_headers(spec))
		bytes = frame_headers(spec);
	if (bytes > FRAME_MAX)
		bytes = FRAME_MAX;
	memset(buf, 0, bytes);
	memcpy(buf, &eth, sizeof(eth));
	*ret_ip_sum = 0;
	if (spec->ipv6)
		put_ipv6(spec, bytes - sizeof(eth) - ip, buf + sizeof(eth));
	else
		*ret_ip_sum = put_ipv4(spec, bytes - sizeof(eth), buf + sizeof(eth));
	put_transport(spec, bytes - sizeof(eth) - ip, buf + sizeof(eth) + ip);
	return bytes;
}
