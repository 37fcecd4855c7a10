/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The segment log: batches as they came, durable before they are acknowledged, replayed after a
 * crash, deleted once the store has them.
 *
 *   DIR/log/<number, 16 hex digits>.seg
 *   +--------------------------------------+--------+--------+----
 *   | magic[8]  number u64  salt u64       | record | record | …
 *   | crc u32   pad u32              (32 B)|        |        |
 *   +--------------------------------------+--------+--------+----
 *   record: magic u32 (xor salt) | length u32 | crc u32 | flags u32 | arrived_us i64 | body
 *
 * All integers little-endian. A record's crc is zlib's crc32 over salt, length, flags, arrived_us
 * and body. The salt is random for each segment: neither a body that an agent made nor an old
 * block of another segment can pass for a record of this one. Numbers count up; a start always
 * opens a new segment.
 */
#ifndef WT_SEGLOG_H
#define WT_SEGLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/lib/cleanup.h"

#define SEGLOG_SEGMENT_BYTES (64u << 20) /* a segment is closed before it gets larger */
#define SEGLOG_BODY_MAX (2u << 20) /* a longer record is taken for a damaged one */
#define SEGLOG_GROUP_MAX 64 /* records made durable by one fdatasync */

/* The byte behind a record: where a replay goes on. */
struct log_position {
	uint64_t segment;
	uint64_t offset;
};

struct log_record {
	int64_t arrived_us;
	bool zstd;
	const void *body; /* borrowed */
	size_t body_len;
};

struct seglog;

/*
 * One record of the log, in order. 0; -EBADMSG when it cannot be used, which quarantines it; any
 * other error ends the replay and seglog_open() with it.
 */
typedef int seglog_replay_fn(void *arg, const struct log_record *record, struct log_position end);

/*
 * Opens or creates DIR/log, deletes the segments before `from`, hands the records behind `from` to
 * replay and opens a new segment. A torn tail is cut off; damaged bytes with good records behind
 * them are copied to DIR/log/<number>-<offset>.bad and passed over. 0 or -errno; has logged why.
 */
int seglog_open(const char *dir, struct log_position from, uint64_t segment_bytes,
		seglog_replay_fn *replay, void *arg, struct seglog **ret);
void seglog_close(struct seglog *l);
DEFINE_AUTO(seglog_close, struct seglog *);

/*
 * Appends records[0..len), len <= SEGLOG_GROUP_MAX, and returns when they are durable; the position
 * behind each goes to ends. On -errno none of them counts. For one thread.
 */
int seglog_append(struct seglog *l, const struct log_record *records, size_t len,
		  struct log_position *ends);

/* All up to `committed` is in the store: deletes the segments before it. For one thread. */
void seglog_release(struct seglog *l, struct log_position committed);

/* Bytes on disk. Any thread. */
uint64_t seglog_bytes(const struct seglog *l);

/* Where the next record will start. Before the first append only: the end of what was replayed. */
struct log_position seglog_end(const struct seglog *l);

#endif
