// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Text of addresses and networks in, 16 bytes or a range of them out, and the way back. */
#include "user/lib/addr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

int addr_parse(const char *text, uint8_t ret[16])
{
	uint8_t addr[16];

	if (inet_pton(AF_INET6, text, addr) == 1) {
		memcpy(ret, addr, 16);
		return 0;
	}
	if (inet_pton(AF_INET, text, addr + 12) != 1)
		return -EINVAL;
	memcpy(addr, v4_prefix, 12);
	memcpy(ret, addr, 16);
	return 0;
}

bool addr_is_v4(const uint8_t addr[16])
{
	return !memcmp(addr, v4_prefix, sizeof(v4_prefix));
}

const char *addr_format(const uint8_t addr[16], char text[ADDR_TEXT_MAX])
{
	const char *done;

	if (addr_is_v4(addr))
		done = inet_ntop(AF_INET, addr + 12, text, ADDR_TEXT_MAX);
	else
		done = inet_ntop(AF_INET6, addr, text, ADDR_TEXT_MAX);
	return done ? done : strcpy(text, "?");
}

/* The range that shares addr's first `bits` bits, of 128. */
static void net_range(const uint8_t addr[16], unsigned int bits, uint8_t first[16],
		      uint8_t last[16])
{
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int kept = bits > 8 * i ? bits - 8 * i : 0;
		uint8_t mask = kept >= 8 ? 0xff : (uint8_t)(0xff00 >> kept);

		first[i] = addr[i] & mask;
		last[i] = addr[i] | (uint8_t)~mask;
	}
}

/* "172.16" is 172.16.0.0 (only before a mask length): pad what people leave out. */
static int short_v4_parse(const char *text, uint8_t ret[16])
{
	char padded[24];
	int dots = 0;

	for (const char *c = text; *c; c++) {
		if (*c == '.')
			dots++;
		else if (*c < '0' || *c > '9')
			return -EINVAL;
	}
	if (dots > 2 || strlen(text) > 11)
		return -EINVAL;
	snprintf(padded, sizeof(padded), "%s%s", text, &".0.0.0"[2 * dots]);
	return addr_parse(padded, ret);
}

static int length_parse(const char *text, unsigned int max, unsigned int *ret)
{
	char *end;
	unsigned long bits;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	bits = strtoul(text, &end, 10);
	if (*end)
		return -EINVAL;
	if (bits > max)
		return -ERANGE;
	*ret = (unsigned int)bits;
	return 0;
}

int addr_net_parse(const char *text, uint8_t first[16], uint8_t last[16])
{
	const char *slash = strchr(text, '/');
	char head[ADDR_TEXT_MAX];
	uint8_t addr[16];
	unsigned int bits;
	bool v4;
	int err;

	if (!slash) {
		err = addr_parse(text, addr);
		if (!err)
			net_range(addr, 128, first, last);
		return err;
	}
	if ((size_t)(slash - text) >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, (size_t)(slash - text));
	head[slash - text] = '\0';
	if (addr_parse(head, addr) && short_v4_parse(head, addr))
		return -EINVAL;
	/* ::ffff:10.0.0.0/104 counts from the left of 128, 10.0.0.0/8 from the left of 32 */
	v4 = !strchr(head, ':');
	err = length_parse(slash + 1, v4 ? 32 : 128, &bits);
	if (!err)
		net_range(addr, v4 ? 96 + bits : bits, first, last);
	return err;
}

int addr_mask_parse(const char *text, const char *mask, uint8_t first[16], uint8_t last[16])
{
	struct in_addr mask_addr;
	uint8_t addr[16];
	uint32_t holes;

	if (inet_pton(AF_INET, mask, &mask_addr) != 1 || addr_parse(text, addr) ||
	    !addr_is_v4(addr))
		return -EINVAL;
	holes = ~ntohl(mask_addr.s_addr);
	if (holes & (holes + 1))
		return -EDOM;
	net_range(addr, 128 - (unsigned int)__builtin_popcount(holes), first, last);
	return 0;
}

static uint64_t half(const uint8_t *bytes)
{
	uint64_t be;

	memcpy(&be, bytes, 8);
	return be64toh(be);
}

uint64_t addr_hi(const uint8_t addr[16])
{
	return half(addr);
}

uint64_t addr_lo(const uint8_t addr[16])
{
	return half(addr + 8);
}

void addr_from_halves(uint64_t hi, uint64_t lo, uint8_t ret[16])
{
	uint64_t be[2] = { htobe64(hi), htobe64(lo) };

	memcpy(ret, be, 16);
}
