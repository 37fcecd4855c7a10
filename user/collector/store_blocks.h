/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Files that still get rows: DIR/segments/flows_<hour>.rows, blocks one behind the other
 * (store_block.h). A file is as long as its line of the table `segments` says (bytes): what is
 * behind that is of a transaction that never was, and the next one overwrites it. So rows become
 * visible, and part of the store, with the transaction that changes the line. DuckDB would take ten
 * times the CPU for the same rows.
 */
#ifndef WT_STORE_BLOCKS_H
#define WT_STORE_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "user/collector/store_segments.h"
#include "user/lib/cleanup.h"

/* Where a block is, and what it has. */
struct block_entry {
	uint64_t offset;
	uint64_t first_row; /* of the file's */
	uint32_t bytes;
	uint32_t rows;
	int64_t min_start_us;
	int64_t max_end_us;
};

struct store_blocks;

/* The folder is borrowed; what sorts rows takes no more than sort_bytes. 0 or -errno. */
int store_blocks_new(int folder_fd, uint64_t sort_bytes, struct store_blocks **ret);
void store_blocks_free(struct store_blocks *b);
DEFINE_AUTO(store_blocks_free, struct store_blocks *);

/* "flows_<hour>.rows" into name, which it returns. */
const char *store_blocks_name(int64_t hour, char name[STORE_FILE_MAX]);

/* ---- the committer's ------------------------------------------------------------------------ */

/*
 * The hour's file, which has `bytes`, takes rows: they go into columns[] (as store_flow_columns has
 * them, BLOCK_ROWS each). One file at a time. 0 or -errno, logged.
 */
int store_blocks_open(struct store_blocks *b, int64_t hour, uint64_t bytes, void *columns[]);
/*
 * The first `rows` in columns[] become a block. 0; -EBADMSG: the file is not what it was; -errno;
 * logged.
 */
int store_blocks_push(struct store_blocks *b, size_t rows);
/* All blocks are durable; *bytes: where they end. 0 or -errno, logged. */
int store_blocks_sync(struct store_blocks *b, uint64_t *bytes);
void store_blocks_close(struct store_blocks *b);

/* The hour's file is no longer listed. */
void store_blocks_forget(struct store_blocks *b, int64_t hour);

/* ---- any thread's --------------------------------------------------------------------------- */

/*
 * The blocks within the first `bytes` of the hour's file, malloc'd into *ret. 0, -EBADMSG: it is
 * damaged, or -errno.
 */
int store_blocks_list(struct store_blocks *b, int64_t hour, uint64_t bytes,
		      struct block_entry **ret, size_t *len);
/* Rows that may be sorted at once. */
uint32_t store_blocks_sort_rows(const struct store_blocks *b);
/* The file for reading, or -errno. */
int store_blocks_fd(struct store_blocks *b, int64_t hour);
/* Reads every byte against its checksum. 0, -EBADMSG or -errno. */
int store_blocks_check(struct store_blocks *b, int64_t hour, uint64_t bytes);

#endif
