/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The spool on disk: batches that the collector would not take for a while, in files of one folder,
 * oldest first. It stands between the spool in memory (spool.h) and the wire: while there is
 * something in it, that is what is sent, and what waits in memory is behind it.
 *
 *   DIR/00000007.spool   magic "WTSPOOL1" | version u32 | pad | record | record | …
 *   record = magic u32 | crc u32 | bytes u32 | flags u32 | sequence u64 | instance 16 |
 *            sums_len u32 | body_len u32 | sums | body (zstd protobuf) | 0 … 7 bytes up to 8
 *
 * crc is zlib's crc32 of the record with crc and flags 0. A record that a kill cut off fails it and
 * was never taken out of memory; everything behind it in its file is removed. Once a batch is
 * acknowledged a flag says so, and a file whose records all are is removed: after a kill nothing
 * is sent again but what may be on its way.
 *
 * At the limit the oldest batches give up their rows: in their place stays a batch of the same
 * sequence with their ledger and what was lost (lost/spool_full). Should the batch have arrived all
 * the same, this one is a duplicate. Nothing is missing that is not named.
 */
#ifndef WT_DISK_SPOOL_H
#define WT_DISK_SPOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/agent/spool.h"
#include "user/lib/cleanup.h"

#define DISK_SPOOL_FILE_BYTES (8u << 20) /* a new file begins behind that */
#define DISK_SPOOL_MIN_BYTES (4 * (uint64_t)DISK_SPOOL_FILE_BYTES)

struct disk_spool;

/*
 * The folder is open and ours (dir_fd is taken over); what a run before left is found. -EBUSY:
 * another agent has it. limit_bytes: of all files.
 */
int disk_spool_open(int dir_fd, uint64_t limit_bytes, struct disk_spool **ret);
void disk_spool_close(struct disk_spool *d);
DEFINE_AUTO(disk_spool_close, struct disk_spool *);

/*
 * Behind all others. A batch that is there already (a kill came before it left memory) is not
 * written twice. -ENOSPC: at the limit, and nothing is left to give up; -errno of the disk.
 */
int disk_spool_append(struct disk_spool *d, const uint8_t instance[16],
		      const struct spool_entry *e);

/* What was appended is on the disk itself. */
int disk_spool_sync(struct disk_spool *d);

/*
 * The oldest that is not acknowledged, without ledgers (they are in its body); NULL: empty. Valid
 * until the next call of any function here.
 */
const struct spool_entry *disk_spool_next(struct disk_spool *d);

/* It is acknowledged. */
void disk_spool_done(struct disk_spool *d);

/* It never will be: what is to be sent in its place, once; then it is done. */
int disk_spool_refused(struct disk_spool *d);

/* Makes DIR/agent for this user and opens it: disk_spool_open()'s folder. 0 or -errno. */
int disk_spool_folder(const char *dir, const char *agent, uid_t uid, gid_t gid, int *ret_fd);

struct disk_spool_depth {
	uint64_t bytes; /* of files */
	uint64_t limit_bytes;
	uint64_t batches; /* not acknowledged */
	uint64_t given_up; /* batches that lost their rows, since the start */
};
/* Any thread. */
struct disk_spool_depth disk_spool_depth(const struct disk_spool *d);

#endif
