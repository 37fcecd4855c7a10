/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * RUN_DIR/agent.crash as it lies on disk: what every observation point has seen, and what of it
 * the collector has acknowledged (or the ledger has named). It outlives the agent and its tables,
 * and is read by agents of any later ABI: change it only with a new CRASH_FORMAT.
 *
 * Everything is kept twice and becomes valid by one store (bank, seen_word, settled_word), so
 * that a kill between any two stores leaves exact numbers.
 */
#ifndef WT_CRASH_FILE_H
#define WT_CRASH_FILE_H

#include <stdint.h>

#define CRASH_MAGIC 0x57545243u
#define CRASH_FORMAT 1
#define CRASH_POINTS_MAX 1152
#define CRASH_NO_SLOT UINT32_MAX
#define CRASH_OFFSETS_MAX 4

struct crash_count {
	uint64_t packets;
	uint64_t octets; /* layer 2 */
};

struct crash_seen {
	struct crash_count closed; /* in intervals whose ledger was written */
	struct crash_count open; /* since, at the last look */
};

struct crash_point {
	uint32_t ifindex;
	uint32_t netns;
	uint32_t point; /* as on the wire */
	uint32_t slot; /* row of the kernel's ledgers; CRASH_NO_SLOT: has none (any more) */
	struct crash_seen seen[2];
	struct crash_count settled[2]; /* acknowledged as rows, or named in such a ledger */
};

/* Where a kernel map that outlives the agent holds the counts that `open` is the sum of. */
struct crash_ledgers {
	char pin[256]; /* "": nothing outlives it */
	uint32_t record_bytes; /* [cpu][epoch][slot][point] of so many bytes */
	uint32_t cpus;
	uint32_t slots;
	uint32_t points;
	uint32_t offsets_len;
	uint32_t offsets[CRASH_OFFSETS_MAX]; /* of struct crash_count within a record */
	uint32_t pad;
};

struct crash_bank {
	uint8_t owner[16]; /* one run of an attacher */
	struct crash_ledgers ledgers;
	uint64_t seen_word; /* which seen[] | bit mask of epochs that are open << 1 */
	uint64_t settled_word; /* which settled[] | sequence of the batch settled last << 1 */
	uint32_t points_len;
	uint32_t pad;
	struct crash_point points[CRASH_POINTS_MAX];
};

struct crash_file {
	uint32_t magic;
	uint32_t format;
	uint32_t size;
	uint32_t bank; /* which of banks[] is valid */
	uint8_t boot_id[16];
	struct crash_bank banks[2];
};

_Static_assert(sizeof(struct crash_point) == 112, "part of the format");
_Static_assert(sizeof(struct crash_ledgers) == 296, "part of the format");

#endif
