/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Rows of test_packet.c: tunnels, outer and inner. */
/* clang-format off */
#define IN_TCP .has_inner = true, .inner_proto = 6, .inner_src_port = 1000, .inner_dst_port = 2000
#define IN_UDP .has_inner = true, .inner_proto = 17, .inner_src_port = 1000, .inner_dst_port = 2000
#define IN_V4 .inner_ethertype = 0x0800
#define IN_V6 .inner_ethertype = 0x86dd
#define VX .proto = 17, .src_port = 1000, .dst_port = 4789, .mark = TUNNEL(VXLAN)
#define GV .proto = 17, .src_port = 1000, .dst_port = 6081, .mark = TUNNEL(GENEVE)

{ .name = "gre, ipv4", BYTES(ETH(0x0800), IP4(47, 44), GRE(0, 0x0800), IP4(6, 20), TCP(2)), IS_V4, .proto = 47, .mark = TUNNEL(GRE), IN_V4, IN_TCP, .inner_l2 = 40 },
{ .name = "gre with checksum, key, sequence", BYTES(ETH(0x0800), IP4(47, 64), GRE(0xb000, 0x86dd), 0, 0, 0, 0, B4(77), B4(5), IP6(17, 8), UDP(0)), IS_V4, .proto = 47, .mark = TUNNEL(GRE), .tunnel_id = 77, IN_V6, IN_UDP, .inner_l2 = 48 },
{ .name = "gre, key 0xffffffff", BYTES(ETH(0x0800), IP4(47, 36), GRE(0x2000, 0x0800), B4(0xffffffff), IP4(17, 8), UDP(0)), IS_V4, .proto = 47, .mark = TUNNEL(GRE), .tunnel_id = 0xffffffff, IN_V4, IN_UDP, .inner_l2 = 28 },
{ .name = "gre, ethernet with vlan", BYTES(ETH(0x86dd), IP6(47, 50), GRE(0, 0x6558), ETH(0x8100), TAG(3, 0x0800), IP4(17, 8), UDP(0)), IS_V6, .proto = 47, .mark = TUNNEL(GRE), IN_V4, IN_UDP, .inner_vlan = VLAN(3), .inner_l2 = 46 },
{ .name = "gre, mpls", BYTES(ETH(0x0800), IP4(47, 36), GRE(0, 0x8847), LABEL(5, 1), IP4(17, 8), UDP(0)), IS_V4, .proto = 47, .mark = TUNNEL(GRE), IN_V4, IN_UDP, .inner_l2 = 32 },
{ .name = "gre, mpls pseudowire", BYTES(ETH(0x0800), IP4(47, 12), GRE(0, 0x8847), LABEL(5, 1), 0, 0, 0, 0), IS_V4, .proto = 47, .mark = TUNNEL(GRE), .has_inner = true, .inner_ethertype = 0x8847, .inner_l2 = 8 },
{ .name = "gre, other payload", BYTES(ETH(0x0800), IP4(47, 8), GRE(0, 0x88be), 1, 2, 3, 4), IS_V4, .proto = 47, .mark = TUNNEL(GRE) },
{ .name = "gre, pptp: call id", BYTES(ETH(0x0800), IP4(47, 16), GRE(0x3001, 0x880b), B2(4), B2(0x1234), B4(1), 0xff, 3, 0xc0, 0x21), IS_V4, .proto = 47, .mark = TUNNEL(GRE), .tunnel_id = 0x1234 },
{ .name = "gre, routing: no inner", BYTES(ETH(0x0800), IP4(47, 32), GRE(0x4000, 0x0800), IP4(17, 8), UDP(0)), IS_V4, .proto = 47, .mark = TUNNEL(GRE) },
{ .name = "gre, version 2: no key", BYTES(ETH(0x0800), IP4(47, 4), GRE(0x2002, 0x0800)), IS_V4, .proto = 47, .mark = TUNNEL(GRE) },
{ .name = "gre, inner cut", BYTES(ETH(0x0800), IP4(47, 44), GRE(0, 0x0800), 0x45, 0), IS_V4, .proto = 47, .mark = TUNNEL(GRE), .has_inner = true, .inner_want = WT_TRUNCATED_IPV4, .inner_l2 = 2 },
{ .name = "gre, inner is not there", BYTES(ETH(0x0800), IP4(47, 4), GRE(0, 0x0800)), IS_V4, .proto = 47, .mark = TUNNEL(GRE), .has_inner = true, .inner_want = WT_TRUNCATED_IPV4 },
{ .name = "gre, later fragment: no tunnel to see", BYTES(ETH(0x0800), IP4X(0x45, 24, 1, 47), GRE(0, 0x0800)), IS_V4, .proto = 47, .mark = WT_MARK_LATER_FRAGMENT },
{ .name = "ipip", BYTES(ETH(0x0800), IP4(4, 40), IP4(6, 20), TCP(2)), IS_V4, .proto = 4, .mark = TUNNEL(IPIP), IN_V4, IN_TCP, .inner_l2 = 40 },
{ .name = "ipip, inner's bad ihl", BYTES(ETH(0x0800), IP4(4, 40), IP4X(0x41, 40, 0, 6), TCP(2)), IS_V4, .proto = 4, .mark = TUNNEL(IPIP), .has_inner = true, .inner_want = WT_BAD_IHL, .inner_l2 = 40 },
{ .name = "6in4", BYTES(ETH(0x0800), IP4(41, 48), IP6(17, 8), UDP(0)), IS_V4, .proto = 41, .mark = TUNNEL(6IN4), IN_V6, IN_UDP, .inner_l2 = 48 },
{ .name = "4in6", BYTES(ETH(0x86dd), IP6(4, 28), IP4(17, 8), UDP(0)), IS_V6, .proto = 4, .mark = TUNNEL(IPIP), IN_V4, IN_UDP, .inner_l2 = 28 },
{ .name = "6in6 behind routing header", BYTES(ETH(0x86dd), IP6(43, 56), EXT8(41), IP6(17, 8), UDP(0)), IS_V6, .proto = 41, .mark = TUNNEL(6IN4), IN_V6, IN_UDP, .inner_l2 = 48 },
{ .name = "tunnel in tunnel: the inner one is what its ip says", BYTES(ETH(0x0800), IP4(4, 48), IP4(4, 28), IP4(17, 8), UDP(0)), IS_V4, .proto = 4, .mark = TUNNEL(IPIP), IN_V4, .has_inner = true, .inner_proto = 4, .inner_l2 = 48 },
{ .name = "vxlan", BYTES(ETH(0x0800), IP4(17, 70), UDPTO(4789, 62), VXLAN(0xabcdef), ETH(0x0800), IP4(6, 20), TCP(2)), IS_V4, VX, .tunnel_id = 0xabcdef, IN_V4, IN_TCP, .inner_l2 = 54 },
{ .name = "vxlan, port 8472, udp length 0", BYTES(ETH(0x0800), IP4X(0x45, 0, 0, 17), B2(1000), B2(8472), 0, 0, 0, 0, VXLAN(5), ETH(0x86dd), IP6(17, 8), UDP(0)), IS_V4, .proto = 17, .src_port = 1000, .dst_port = 8472, .mark = TUNNEL(VXLAN), .tunnel_id = 5, IN_V6, IN_UDP, .inner_l2 = 62 },
{ .name = "vxlan, arp inside", BYTES(ETH(0x0800), IP4(17, 32), UDPTO(4789, 24), VXLAN(1), ETH(0x0806), 0, 1), IS_V4, VX, .tunnel_id = 1, .has_inner = true, .inner_ethertype = 0x0806, .inner_l2 = 16 },
{ .name = "vxlan's port, no valid vni: plain udp", BYTES(ETH(0x0800), IP4(17, 24), UDPTO(4789, 16), 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8), IS_V4, .proto = 17, .src_port = 1000, .dst_port = 4789 },
{ .name = "vxlan's port, no room: plain udp", BYTES(ETH(0x0800), IP4(17, 10), UDPTO(4789, 2), 8, 0), IS_V4, .proto = 17, .src_port = 1000, .dst_port = 4789 },
{ .name = "vxlan, inner ethernet cut", BYTES(ETH(0x0800), IP4(17, 70), UDPTO(4789, 62), VXLAN(9), 1, 2, 3), IS_V4, VX, .tunnel_id = 9, .has_inner = true, .inner_want = WT_TRUNCATED_ETHERNET, .inner_l2 = 3 },
{ .name = "geneve, ethernet", BYTES(ETH(0x86dd), IP6(17, 58), UDPTO(6081, 50), GENEVE(0, 0x6558, 10), ETH(0x0800), IP4(17, 8), UDP(0)), IS_V6, GV, .tunnel_id = 10, IN_V4, IN_UDP, .inner_l2 = 42 },
{ .name = "geneve, two words of options, ipv4", BYTES(ETH(0x0800), IP4(17, 52), UDPTO(6081, 44), GENEVE(2, 0x0800, 11), 0, 0, 0, 1, 0, 0, 0, 0, IP4(17, 8), UDP(0)), IS_V4, GV, .tunnel_id = 11, IN_V4, IN_UDP, .inner_l2 = 28 },
{ .name = "geneve, other payload", BYTES(ETH(0x0800), IP4(17, 20), UDPTO(6081, 12), GENEVE(0, 0x1234, 12), 1, 2, 3, 4), IS_V4, GV, .tunnel_id = 12 },
{ .name = "geneve's port, version 1: plain udp", BYTES(ETH(0x0800), IP4(17, 16), UDPTO(6081, 8), GENEVE(0x40, 0x6558, 12)), IS_V4, .proto = 17, .src_port = 1000, .dst_port = 6081 },
{ .name = "geneve, options beyond the packet", BYTES(ETH(0x0800), IP4(17, 16), UDPTO(6081, 8), GENEVE(0x3f, 0x6558, 13)), IS_V4, GV, .tunnel_id = 13, .has_inner = true, .inner_want = WT_TRUNCATED_ETHERNET },
