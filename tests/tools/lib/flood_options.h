/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* flood's command line. */
#ifndef WT_TEST_FLOOD_OPTIONS_H
#define WT_TEST_FLOOD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum flood_mode { FLOOD_UNIFORM, FLOOD_ZIPF, FLOOD_RANDOM_SOURCE, FLOOD_COLLIDE };

struct flood_options {
	const char *dev;
	const char *check_dev; /* whose rx counters tell what arrived, or NULL */
	const char *check_netns; /* where it is, or NULL for here */
	const char *counts_path; /* CSV of every flow's packets, or NULL */
	enum flood_mode mode;
	uint64_t packets; /* 0: until the time is up */
	uint64_t seconds;
	uint64_t seed;
	uint64_t pps; /* 0: as fast as it goes */
	uint64_t frame_bytes;
	uint32_t flows;
	uint32_t family; /* of colliding flows; 0: all */
	uint32_t elephants;
	uint32_t elephant_every; /* one packet in so many is an elephant's */
	uint32_t batch;
	uint32_t cpu; /* the first one that sends */
	uint32_t threads;
	bool ipv6;
	bool udp;
};

/* 0, or -EINVAL after it has said why. --help prints and exits. */
int flood_options_parse(int argc, char **argv, struct flood_options *ret);

#endif
