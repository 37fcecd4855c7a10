/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Bytes of a datagram, read from the front and never past the end. All numbers are big-endian. */
#ifndef WT_BYTES_H
#define WT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	const uint8_t *at; /* borrowed */
	size_t left;
};

/* A number of 1 to 8 bytes. */
static inline uint64_t bytes_number(const uint8_t *at, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n = n << 8 | at[i];
	return n;
}

/* The next len bytes as a piece of their own. False, and nothing is taken, when there are fewer. */
static inline bool bytes_take(struct bytes *b, size_t len, struct bytes *ret)
{
	if (len > b->left)
		return false;
	*ret = (struct bytes){ b->at, len };
	b->at += len;
	b->left -= len;
	return true;
}

static inline bool bytes_skip(struct bytes *b, size_t len)
{
	struct bytes unused;

	return bytes_take(b, len, &unused);
}

static inline bool bytes_u8(struct bytes *b, uint8_t *ret)
{
	struct bytes n;

	if (!bytes_take(b, 1, &n))
		return false;
	*ret = *n.at;
	return true;
}

static inline bool bytes_u16(struct bytes *b, uint16_t *ret)
{
	struct bytes n;

	if (!bytes_take(b, 2, &n))
		return false;
	*ret = (uint16_t)bytes_number(n.at, 2);
	return true;
}

static inline bool bytes_u32(struct bytes *b, uint32_t *ret)
{
	struct bytes n;

	if (!bytes_take(b, 4, &n))
		return false;
	*ret = (uint32_t)bytes_number(n.at, 4);
	return true;
}

static inline bool bytes_u64(struct bytes *b, uint64_t *ret)
{
	struct bytes n;

	if (!bytes_take(b, 8, &n))
		return false;
	*ret = bytes_number(n.at, 8);
	return true;
}

#endif
