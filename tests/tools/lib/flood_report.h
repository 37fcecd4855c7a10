/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What flood says about what it sent. */
#ifndef WT_TEST_FLOOD_REPORT_H
#define WT_TEST_FLOOD_REPORT_H

#include "tests/tools/lib/flood_options.h"
#include "tests/tools/lib/link.h"
#include "tests/tools/lib/tuples.h"

struct flood_report {
	const struct flood_options *o;
	const struct flood_tuple *tuples; /* flows, then elephants */
	const uint64_t *counts; /* in the same order */
	uint64_t packets, refused, frame_bytes;
	double seconds;
	struct link_counters before, after;
};

/* One line of JSON on stdout, and --counts. 0 or -errno. */
int flood_report_print(const struct flood_report *r);

#endif
