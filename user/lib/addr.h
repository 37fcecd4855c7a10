/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * IP addresses and networks as text and as 16 bytes; IPv4 is v4-mapped IPv6 (RFC 4291 2.5.5.2).
 * A network is the range from its first to its last address, both included.
 */
#ifndef WT_ADDR_H
#define WT_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#define ADDR_TEXT_MAX 46 /* with NUL */

/* 0, or -EINVAL when text is neither an IPv4 nor an IPv6 address. */
int addr_parse(const char *text, uint8_t ret[16]);

/* Writes into text and returns it. */
const char *addr_format(const uint8_t addr[16], char text[ADDR_TEXT_MAX]);

bool addr_is_v4(const uint8_t addr[16]);

/*
 * "10.0.0.0/8", "172.16/12" (missing parts are 0), "2001:db8::/32"; an address alone is a network
 * of one. Bits right of the mask are ignored. -EINVAL: no such network; -ERANGE: length too large.
 */
int addr_net_parse(const char *text, uint8_t first[16], uint8_t last[16]);

/* The same for an address and an IPv4 mask: "10.0.0.0", "255.0.0.0". -EDOM: the mask has holes. */
int addr_mask_parse(const char *text, const char *mask, uint8_t first[16], uint8_t last[16]);

/* The two big-endian halves, and back. */
uint64_t addr_hi(const uint8_t addr[16]);
uint64_t addr_lo(const uint8_t addr[16]);
void addr_from_halves(uint64_t hi, uint64_t lo, uint8_t ret[16]);

#endif
