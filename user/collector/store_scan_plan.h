/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What the functions that read an hour's file have in common: their arguments, and which blocks. */
#ifndef WT_STORE_SCAN_PLAN_H
#define WT_STORE_SCAN_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include <duckdb.h>

#include "user/collector/store_blocks.h"

/* What a statement reads; the function's bind data. */
struct scan_plan {
	struct store_blocks *blocks;
	int64_t hour;
	uint64_t skip;
	struct block_entry *at;
	size_t len;
};

/* A table function "wt_…" with the arguments of store_scan.h; the caller destroys it. */
duckdb_table_function scan_function_new(const char *name, struct store_blocks *blocks);

/* Which columns are wanted; how many, and more than BLOCK_COLUMNS never fit. */
size_t scan_columns(duckdb_init_info info, size_t columns[]);

/* A block that is there as a whole, into buf of BLOCK_BYTES_MAX, its head checked. 0 or -errno. */
int scan_read_block(int fd, const struct block_entry *e, uint8_t *buf);
/* Exactly len bytes. 0, -EBADMSG: there are fewer, or -errno. */
int scan_read_at(int fd, void *to, size_t len, uint64_t at);

#endif
