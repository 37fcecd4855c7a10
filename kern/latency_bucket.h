/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
/* A latency in, its bucket of struct wt_latency out. Compiles for BPF and, for its test, for us. */
#ifndef WIRETALLY_LATENCY_BUCKET_H
#define WIRETALLY_LATENCY_BUCKET_H

#include "kern/abi_signal.h"

/* Bits of v, 0 to 64, without a branch: each would double what the verifier walks. */
static inline __attribute__((always_inline)) __u32 bits_of(__u64 v)
{
	__u32 bits, step;

	bits = (v > 0xffffffff) << 5;
	v >>= bits;
	step = (v > 0xffff) << 4;
	v >>= step;
	bits += step;
	step = (v > 0xff) << 3;
	v >>= step;
	bits += step;
	step = (v > 0xf) << 2;
	v >>= step;
	bits += step;
	step = (v > 0x3) << 1;
	v >>= step;
	bits += step;
	return bits + (v > 1) + (v > 0);
}

/* 2^n is the last of its bucket, not the first of the next: what Prometheus calls le. */
static inline __attribute__((always_inline)) __u32 latency_bucket(__u64 ns)
{
	__u32 bits = bits_of(ns - 1);

	if (bits <= WT_LATENCY_SHIFT)
		return 0;
	bits -= WT_LATENCY_SHIFT;
	return bits < WT_LATENCY_BUCKETS ? bits : WT_LATENCY_BUCKETS - 1;
}

#endif
