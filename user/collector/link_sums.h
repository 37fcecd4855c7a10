/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Sums by pairs of addresses: what the graph of conversations is made of, a million rows in some
 * 15 ms a thread. DuckDB's own grouping takes three times as long, and writes each group out before
 * the heaviest are found. Memory has a limit, of one and of all of them together: who reaches it
 * asks DuckDB, which spills.
 *
 * Pairs stand in a dense array; an index of a tag and a number each, open addressing, leads there.
 * Both are mapped pages, large ones where the kernel has them; a few that are freed are kept.
 */
#ifndef WT_LINK_SUMS_H
#define WT_LINK_SUMS_H

#include <stddef.h>
#include <stdint.h>

#define LINK_SUMS_MAX (1u << 20) /* pairs of one: 64 MiB, and 8 MiB of index */
#define LINK_SUMS_MAX_ALL (2u << 20) /* for how many pairs there may be room in all of them */

/* Addresses as halves (user/lib/addr.h); sums end at INT64_MAX. */
struct link_sum {
	uint64_t from_hi, from_lo, to_hi, to_lo;
	int64_t octets, packets, flows;
};

enum link_order { LINK_OCTETS, LINK_PACKETS, LINK_FLOWS };

/* Columns of rows, borrowed. */
struct link_rows {
	const uint64_t *from_hi, *from_lo, *to_hi, *to_lo;
	const int64_t *octets, *packets, *flows;
	size_t len; /* at most LINK_ROWS_MAX */
};
#define LINK_ROWS_MAX 4096

struct link_sums;

/* NULL: no memory. */
struct link_sums *link_sums_new(void);
void link_sums_free(struct link_sums *s); /* NULL is fine */

/* One thread. 0, or -ENOBUFS: more pairs than there is room for; it stays so. */
int link_sums_add(struct link_sums *s, const struct link_rows *rows);
/* All of `from`, too. As link_sums_add(). */
int link_sums_merge(struct link_sums *s, const struct link_sums *from);

/* The n heaviest, or all, heaviest first (then by address), to ret; how many. */
size_t link_sums_top(const struct link_sums *s, enum link_order order, size_t n,
		     struct link_sum *ret);
/* Of all pairs, which have no addresses; *ret_pairs: how many there are. */
struct link_sum link_sums_total(const struct link_sums *s, size_t *ret_pairs);

#endif
