/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * DIR/segments, where sealed tables are files:
 *
 *   flows_499999.v2.parquet      listed in `segments`, never changed
 *   flows_499999.v2.parquet.new  being written; removed at start
 *   flows_499900.v2.parquet      not listed any more: goes when no snapshot reads it, or at start
 *
 * DIR/quarantine has what was damaged.
 */
#ifndef WT_STORE_FILES_H
#define WT_STORE_FILES_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "user/collector/store_segments.h"

struct store;

/* Makes the folders, and opens them. */
int store_files_open(struct store *s);
/* Removes what no segment names, sets aside what is not what it was. */
int store_files_start(struct store *s);
void store_files_stop(struct store *s);
/* Sets aside open hours whose files are not what is listed, so that rows find another place. */
int store_files_heal(struct store *s);

/* What there is in DIR/segments, for the caller to close; NULL: errno says why. */
DIR *store_files_list(const struct store *s);

/* Its path, quoted for the inside of an SQL string. */
void store_write_path(const struct store *s, const char *file, FILE *out);

/* "<file>.new" is complete: durable under its own name afterwards, its size and crc in *g. */
int store_file_finish(struct store *s, struct store_segment *g);
/* Size and crc of a file as it is. */
int store_file_sum(const struct store *s, struct store_segment *g);
void store_file_remove(struct store *s, const char *file);

/*
 * A file that is no segment: a name nobody has, and its descriptor once it is written; it has no
 * name any more then, nor when it was never made (-ENOENT). Any thread.
 */
void store_scratch_name(struct store *s, char file[STORE_FILE_MAX]);
int store_scratch_take(struct store *s, const char *file, int *ret_fd);

/* Not listed any more: unlinked once the snapshots of now are over (store_files_sweep()). */
void store_file_retire(struct store *s, const char *file);
void store_files_sweep(struct store *s);
/* The same of a segment's file, if it has one. */
void store_segment_retire(struct store *s, const struct store_segment *g);
/* A file of this name is about to be made: one that was retired goes at once. */
void store_file_revive(struct store *s, const char *file);

/* 0; -EBADMSG: it is not what was written; -ENOENT. whole: its bytes, not only its ends. */
int store_file_check(const struct store *s, const struct store_segment *g, bool whole);

/* Into DIR/quarantine and off the list, in a transaction of its own; the writer's thread. */
int store_file_quarantine(struct store *s, const struct store_segment *g);

/* Bytes of all listed files. */
int store_files_bytes(struct store *s, uint64_t *ret);

#endif
