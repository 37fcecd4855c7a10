/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Test frames: Ethernet, IPv4 or IPv6, TCP or UDP, zero payload. */
#ifndef WT_TEST_FRAME_H
#define WT_TEST_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_LIVE_MAX 3520 /* what a live frame's page has room for */
#define FRAME_MAX 65549 /* Ethernet and the longest IPv4 packet */

struct frame_spec {
	size_t bytes; /* of the frame, without FCS; grown to hold the headers */
	bool ipv6;
	bool udp;
	uint32_t src, dst; /* host order; IPv6: low 32 bits under 2001:db8:1::/96 and :2::/96 */
	uint16_t src_port, dst_port;
};

/* Bytes of Ethernet, IP and transport headers. */
size_t frame_headers(const struct frame_spec *spec);

/*
 * Writes the frame, returns its length, at most FRAME_MAX: buf has room for that. *ret_ip_sum: the
 * 16-bit words of the IPv4 header summed without checksum and addresses (0 for IPv6). The
 * destination MAC is nobody's: the receiver's stack lets go of it without an answer.
 */
size_t frame_build(const struct frame_spec *spec, uint8_t *buf, uint32_t *ret_ip_sum);

#endif
