// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Where one bucket ends and the next begins: its upper end belongs to it. */
#include "kern/latency_bucket.h"

#include <criterion/criterion.h>

static const struct {
	__u64 ns;
	__u32 want;
} cases[] = {
	{ 1, 0 },
	{ 1023, 0 },
	{ 1024, 0 },
	{ 1025, 1 },
	{ 2048, 1 },
	{ 2049, 2 },
	{ 1ull << 20, 10 },
	{ (1ull << 20) + 1, 11 },
	{ 1ull << 32, 22 },
	{ (1ull << 32) + 1, 23 },
	{ 1ull << 40, 30 },
	{ (1ull << 40) + 1, 31 },
	{ (1ull << 41) + 1, 31 },
	{ ~0ull, 31 },
};

Test(latency_bucket, ends)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(latency_bucket(cases[i].ns), cases[i].want, "%llu ns: bucket %u",
			     cases[i].ns, latency_bucket(cases[i].ns));
}

Test(latency_bucket, bits)
{
	cr_expect_eq(bits_of(0), 0);
	for (int i = 0; i < 64; i++) {
		cr_expect_eq(bits_of(1ull << i), (unsigned int)i + 1, "2^%d", i);
		cr_expect_eq(bits_of((1ull << i) - 1), (unsigned int)i, "2^%d - 1", i);
	}
}
