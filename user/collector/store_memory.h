/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * How long DuckDB's allocator keeps pages that are free. By its own settings it gives them back to
 * the kernel after a second, as long as a commit takes to come: each commit and each query then
 * faults the same pages in again, which was a third of a record's CPU. Pages that are kept are ones
 * that were in use: the peak is what it was.
 */
#ifndef WT_STORE_MEMORY_H
#define WT_STORE_MEMORY_H

#define STORE_MEMORY_KEPT_MS 5000 /* some commits come in that time */

/* For the whole process. Nothing happens where DuckDB was built without jemalloc. */
void store_memory_keep(void);

#endif
