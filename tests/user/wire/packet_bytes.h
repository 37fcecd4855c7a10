/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Packets for tables, layer by layer, as lists of bytes: { ETH(0x0800), IP4(6, 20), TCP(0x10) }.
 * Addresses: MACs are 02:…, IPv4 10.0.0.1 > 10.0.0.2, IPv6 fd00::1 > fd00::2; ports 1000 > 2000.
 */
#ifndef WT_PACKET_BYTES_H
#define WT_PACKET_BYTES_H

#define B2(x) ((x) >> 8) & 0xff, (x) & 0xff
#define B3(x) ((x) >> 16) & 0xff, B2(x)
#define B4(x) B2((x) >> 16), B2(x)

#define ETH(type) 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, B2(type)
#define TAG(id, type) B2(id), B2(type) /* behind a VLAN ethertype */
#define LABEL(label, bottom) B3((label) << 4 | (bottom)), 64

/* payload: bytes that follow the IPv4 header. IP4X: version/ihl, length and fragment word raw. */
#define IP4(proto, payload) IP4X(0x45, 20 + (payload), 0x4000, proto)
#define IP4X(version_ihl, length, fragment, proto) \
	version_ihl, 0x28, B2(length), 0, 1, B2(fragment), 63, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2
#define IP6(next, payload) IP6X(0x6b, next, payload)
#define IP6X(version_class, next, payload) \
	version_class, 0x80, 0, 0, B2(payload), next, 62, FD00(1), FD00(2)
#define FD00(last) 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last

#define EXT8(next) next, 0, 1, 4, 0, 0, 0, 0 /* options, routing: 8 bytes */
#define EXT16(next) next, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define FRAG(next, offset_flags) next, 0, B2(offset_flags), 0, 0, 0, 9
#define AH(next) next, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
#define JUMBO(next, length) next, 0, 0xc2, 4, B4(length)

#define PORTS B2(1000), B2(2000)
#define TCP(flags) TCPX(0x5000 | (flags))
#define TCPX(offset_flags) PORTS, 0, 0, 0, 1, 0, 0, 0, 2, B2(offset_flags), 1, 0, 0, 0, 0, 0
#define UDP(payload) PORTS, B2(8 + (payload)), 0, 0
#define UDPTO(port, payload) B2(1000), B2(port), B2(8 + (payload)), 0, 0
#define SCTP PORTS, 0, 0, 0, 1, 0, 0, 0, 0
#define ICMP(type, code) type, code, 0, 0, 0, 1, 0, 2

#define GRE(flags, type) B2(flags), B2(type)
#define VXLAN(vni) 0x08, 0, 0, 0, B3(vni), 0
#define GENEVE(words, type, vni) words, 0, B2(type), B3(vni), 0

#endif
