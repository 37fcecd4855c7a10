/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* One record of a spool file (disk_spool.h): bytes in and out, nothing is believed unchecked. */
#ifndef WT_DISK_RECORD_H
#define WT_DISK_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "user/agent/spool.h"

#define DISK_RECORD_MAGIC 0x57545352u /* "WTSR" */
#define DISK_RECORD_SENT 1u
#define DISK_RECORD_GIVEN_UP 2u /* it has lost its rows already */
#define DISK_RECORD_MAX (4u << 20)

struct disk_record {
	uint32_t magic;
	uint32_t crc;
	uint32_t bytes; /* of all, a multiple of 8 */
	uint32_t flags; /* not part of crc: the only thing that changes */
	uint64_t sequence;
	uint8_t instance[16];
	uint32_t sums_len;
	uint32_t body_len;
};

/* The record of an entry, malloc'd; its length is ->bytes. NULL: no memory, or too large. */
struct disk_record *disk_record_new(const uint8_t instance[16], uint64_t sequence, uint32_t flags,
				    const struct spool_sum *sums, uint32_t sums_len,
				    const void *body, uint32_t body_len);

/* 0 when the first of len bytes are a whole record; -EBADMSG. */
int disk_record_check(const void *bytes, size_t len);

const struct spool_sum *disk_record_sums(const struct disk_record *r);
const void *disk_record_body(const struct disk_record *r);

/*
 * The record that takes its place when its rows are lost: the same batch without rows, with what
 * they added up to as lost under `loss`'s name. malloc'd. 0 or -errno; -EBADMSG: its body cannot
 * be read.
 */
int disk_record_give_up(const struct disk_record *r, enum agent_count loss,
			struct disk_record **ret);

#endif
