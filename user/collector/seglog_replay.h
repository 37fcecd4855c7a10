/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What is left of a segment log after a stop or a crash, read from oldest to newest. */
#ifndef WT_SEGLOG_REPLAY_H
#define WT_SEGLOG_REPLAY_H

#include "user/collector/seglog.h"

#define SEGMENT_NAME_MAX 24 /* with NUL */
#define SEGMENTS_MAX 65536 /* more files than that: refused, somebody else's folder */

const char *segment_name(uint64_t number, char ret[SEGMENT_NAME_MAX]);

struct replay_result {
	uint64_t oldest; /* segment numbers; 0 = none */
	uint64_t newest;
	uint64_t bytes; /* what stays on disk */
};

/* As seglog_open() says. 0 or -errno; what was found damaged is logged. */
int seglog_replay(int dir_fd, struct log_position from, seglog_replay_fn *replay, void *arg,
		  struct replay_result *ret);

#endif
