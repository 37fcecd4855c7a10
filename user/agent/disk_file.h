/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The files of the disk spool (disk_spool.h), oldest first; the last one is appended to. */
#ifndef WT_DISK_FILE_H
#define WT_DISK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_record;

#define DISK_FILES_MAX 4096 /* of 8 MiB */

struct disk_file {
	uint64_t number; /* its name */
	uint64_t bytes; /* all of it, header included */
	uint64_t next; /* offset of the first record that is not sent */
	uint64_t records;
	uint64_t sent;
	bool is_given_up; /* no record that was not sent has rows, or may have */
};

struct disk_files {
	int dir_fd; /* borrowed */
	int tail_fd; /* of the last file; -1: none is open */
	struct disk_file *at;
	size_t len;
};

/*
 * What is in the folder: whole records; what a kill cut off is removed. The newest record's
 * instance and sequence come out (0: none). 0 or -errno.
 */
int disk_files_scan(struct disk_files *f, int dir_fd, uint8_t instance[16], uint64_t *sequence);
void disk_files_done(struct disk_files *f);

int disk_files_append(struct disk_files *f, const struct disk_record *r);
int disk_files_sync(struct disk_files *f);

/* The oldest record that is not sent, malloc'd. -ENOENT: there is none. Files behind us go. */
int disk_files_read(struct disk_files *f, struct disk_record **ret);
/* That one is. */
void disk_files_sent(struct disk_files *f);

/* File i without rows, atomically in place of itself. How many lost theirs goes to *given_up. */
int disk_file_give_up(struct disk_files *f, size_t i, uint64_t *given_up);

#endif
