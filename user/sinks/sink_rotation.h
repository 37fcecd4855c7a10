/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Files that a sink has finished, and how many of them stay. */
#ifndef WT_SINK_ROTATION_H
#define WT_SINK_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Of the files beside `path` that are_ours (by name, and path's own name), which sort by time, the
 * newest `keep` stay.
 */
void sink_rotation_trim(const char *path, bool (*is_ours)(const char *name, const char *base),
			uint64_t keep);

#endif
