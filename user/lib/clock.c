// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "user/lib/clock.h"

#include <time.h>

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t wall_us(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000;
}
