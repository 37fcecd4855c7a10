/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The two clocks. */
#ifndef WT_CLOCK_H
#define WT_CLOCK_H

#include <stdint.h>

int64_t monotonic_ns(void);
int64_t wall_us(void); /* since the epoch */

#endif
