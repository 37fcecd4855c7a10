/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* In: how many. Out: the flows' addresses and ports, and the order they come in. */
#include "tests/tools/lib/tuples.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "user/lib/cleanup.h"

#define NET(a, b) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16)
#define SERVER (NET(10, 2) + 1)
#define INDEX_BITS 15 /* sets a table of the default size has: what the deltas aim at */
#define STRUCTURED 6 /* families of differences besides the multipliers' */
/* What NH multiplies the ports' word with when it has no key: ethertype, protocol, mark. */
#define NH_HIGH UINT64_C(0x02060800)

static void set(struct flood_tuple *t, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	t->src = src;
	t->dst = dst;
	t->src_port = sport;
	t->dst_port = dport;
	t->sum = (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff);
}

void tuples_plain(struct flood_tuple *flows, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		set(&flows[i], NET(10, 1) | (i & 0xffff), 1024 + (i >> 16) * 7, SERVER, 443);
}

void tuples_elephants(struct flood_tuple *flows, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		set(&flows[i], NET(10, 9) + i + 1, 50000 + i, NET(10, 2) + 9, 5001);
}

/* Multipliers that hashes in the wild are made of: anybody can compute with them. */
static const uint64_t multipliers[] = {
	0x9e3779b97f4a7c15, /* 2^64 / golden ratio: Fibonacci hashing, splitmix64 */
	0xff51afd7ed558ccd, /* MurmurHash3 fmix64 */
	0xc4ceb9fe1a85ec53,	      0x9e3779b185ebca87, /* xxHash64 */
	0x61c8864680b583eb, /* Linux hash_64() */
	0x9e3779b97f4a7c15 * NH_HIGH, /* NH without its key, then the first and the second */
	0xff51afd7ed558ccd * NH_HIGH,
};

/* The next delta above d that leaves the index bits of d * m alone, low half or top. */
static uint32_t next_delta(uint32_t d, uint64_t m, bool top)
{
	const uint64_t mask = (1u << INDEX_BITS) - 1;
	uint64_t product;

	do {
		d++;
		product = d * m;
		product = top ? product >> (64 - INDEX_BITS) : product >> 32 & mask;
	} while (product && product != mask && d);
	return d;
}

/*
 * Ports as a hash sees them, one little-endian word: with no secret the difference of two flows'
 * sums is delta * multiplier, whatever is added to both - a seed that is added cancels out.
 */
static void collide_multiplied(struct flood_tuple *flows, uint32_t count, uint32_t family)
{
	uint64_t m = multipliers[family / 2];
	uint32_t d = 0;

	for (uint32_t i = 0; i < count; i++) {
		set(&flows[i], NET(10, 64 + family), d & 0xffff, SERVER, d >> 16);
		d = next_delta(d, m, family % 2);
	}
}

/* Differences that a sum or an xor of words does not see, and address bits few hashes keep. */
static void collide_structured(struct flood_tuple *flows, uint32_t count, uint32_t family)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t net = NET(10, 96 + family), p = i & 0xffff, over = i >> 16;
		struct flood_tuple *t = &flows[i];

		switch (family) {
		case 0: /* ports: a + d, b - d */
			set(t, net + over, 1024 + p, SERVER, 65535 - p);
			break;
		case 1: /* ports: a ^ d, b ^ d */
			set(t, net + over, 0x1234 ^ p, SERVER, 0x8765 ^ p);
			break;
		case 2: /* addresses: a + d, b - d */
			set(t, net + i, 4000, NET(10, 3) - i, 443);
			break;
		case 3: /* addresses: a ^ d, b ^ d */
			set(t, net ^ i, 4000, NET(10, 4) ^ i, 443);
			break;
		case 4: /* only the upper bits of the address */
			set(t, i << 14 | (i >> 18) | 1, 4000, SERVER, 444);
			break;
		default: /* both ways of one conversation */
			set(t, i & 1 ? SERVER : net + i / 2, i & 1 ? 443 : 4000,
			    i & 1 ? net + i / 2 : SERVER, i & 1 ? 4000 : 443);
		}
	}
}

static void collide_family(struct flood_tuple *flows, uint32_t count, uint32_t family)
{
	if (family < STRUCTURED)
		collide_structured(flows, count, family);
	else
		collide_multiplied(flows, count, family - STRUCTURED);
}

void tuples_collide(struct flood_tuple *flows, uint32_t count, uint32_t family)
{
	uint32_t done = 0;

	_Static_assert(STRUCTURED + 2 * ARRAY_LEN(multipliers) == TUPLES_FAMILIES, "help says so");
	if (family) {
		collide_family(flows, count, family - 1);
		return;
	}
	for (uint32_t f = 0; f < TUPLES_FAMILIES; f++) {
		uint32_t n = (count - done) / (TUPLES_FAMILIES - f);

		collide_family(flows + done, n, f);
		done += n;
	}
}

static double uniform(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (double)((z ^ (z >> 31)) >> 11) / (double)(1ULL << 53);
}

/* Inverts the continuous 1/x: rank = (flows + 1)^u - 1. Close enough to Zipf with exponent 1. */
void tuples_zipf(uint64_t *samples, uint32_t count, uint32_t flows, uint64_t seed)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t rank = pow(flows + 1.0, uniform(&seed)) - 1;

		samples[i] = rank < flows ? rank : flows - 1;
	}
}
