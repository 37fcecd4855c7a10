/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Functions that the store's SQL has beside DuckDB's own:
 *
 *   wt_quantile(q, b00, …, b31)  DOUBLEs: the quantile q of a histogram of latencies
 *                                (user/wire/signal.h), interpolated within its bucket, in ns; NULL
 *                                without samples
 *   wt_links(spec, from_hi, from_lo, to_hi, to_lo, octets, packets, flows)
 *                                aggregate, of all rows (no GROUP BY, no NULLs): a BLOB of
 *                                struct link_sum, the total first (from_hi: how many pairs there
 *                                are), then the heaviest pairs. NULL: more pairs than there is
 *                                memory for (link_sums.h). spec is a constant:
 *                                STORE_LINKS_SPEC(how many, order)
 */
#ifndef WT_STORE_FUNCTIONS_H
#define WT_STORE_FUNCTIONS_H

#include <duckdb.h>

#define STORE_LINKS_ARGUMENTS 8
#define STORE_LINKS_SPEC(n, order) ((uint64_t)(n) << 8 | (uint64_t)(order))
#define STORE_LINKS_N(spec) ((size_t)((spec) >> 8))
#define STORE_LINKS_ORDER(spec) ((enum link_order)((spec) & 0xff))

/* Once for each database that is opened. 0 or -EIO, logged. */
int store_functions_add(duckdb_connection connection);

#endif
