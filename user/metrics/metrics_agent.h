/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Whose numbers these are. */
#ifndef WT_METRICS_AGENT_H
#define WT_METRICS_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include "user/wire/flow.h"

struct metrics_agent {
	const char *name;
	const struct watched_interface *interfaces; /* that it told of */
	size_t interfaces_len;
};

#endif
