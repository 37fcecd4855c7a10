/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Functions that the store's SQL has beside DuckDB's own:
 *
 *   wt_quantile(q, b00, …, b31)  DOUBLEs: the quantile q of a histogram of latencies
 *                                (user/wire/signal.h), interpolated within its bucket, in ns; NULL
 *                                without samples
 *   wt_has_ports(proto, flags)   UTINYINTs: whether a flow's ports say something: TCP, UDP, DCCP,
 *                                SCTP or UDP-Lite, and not a later fragment. As `IN` it would be a
 *                                join
 *   wt_v4(ethertype USMALLINT, lo UBIGINT, shift UTINYINT)
 *                                the IPv4 address of a second half as a UBIGINT, or 1 << 32 where
 *                                a frame has no address, shifted to the left by a constant. (A
 *                                CASE, and numbers that are checked, cost ten times as much.)
 *   wt_port(proto, flags UTINYINT, port USMALLINT, shift UTINYINT)
 *                                the same of the port, or 1 << 16 where it says nothing
 *   wt_header(packets, l2_octets, l3_octets UBIGINT)
 *                                store_packed_header() of a row (store_packed.h)
 *   wt_l3(l3_octets, l2_octets UBIGINT, l2_header UTINYINT, packets UBIGINT)
 *                                and store_packed_l3(), l3_octets being NULL or not
 *   wt_sums(spec, key, …, flows, packets, octets)
 *   wt_sums_all(spec, key, …, flows, packets, octets, l3_octets, first_us, last_us)
 *                                aggregates of all rows (no GROUP BY, no NULLs) by a key of up to
 *                                KEY_WORDS_MAX UBIGINTs: a BLOB of struct key_group, the total
 *                                first (keys[0]: how many groups there are), then the heaviest.
 *                                Empty without rows; NULL: more groups than there is memory for
 *                                (key_sums.h). Counts are UBIGINT, times BIGINT. spec is a
 *                                constant: STORE_SUMS_SPEC(how many, order), and perhaps
 *                                STORE_SUMS_PROBE: no group is told, and NULL means that nearly
 *                                every row is one; or STORE_SUMS_OF_SIFT(number): of rows alone
 *                                that a sift (key_sift.h) has marked
 *   wt_cells(spec, key, …, flows, packets, octets)
 *                                the same of all rows, by their cells: sets those of the sift that
 *                                spec has the number of. BIGINT: 1, or 0 without memory
 */
#ifndef WT_STORE_FUNCTIONS_H
#define WT_STORE_FUNCTIONS_H

#include <duckdb.h>

#include "user/collector/key_sums.h"

#define STORE_HAS_PORTS "wt_has_ports(proto, flags)"
#define STORE_SUMS_SPEC(n, order) ((uint64_t)(n) << 8 | (uint64_t)(order))
#define STORE_SUMS_OF_SIFT(number) ((uint64_t)(number) << 32)
#define STORE_SUMS_PROBE (UINT64_C(1) << 48)
#define STORE_SUMS_N(spec) ((size_t)((spec) >> 8 & 0xffffff))
#define STORE_SUMS_SIFT(spec) ((unsigned int)((spec) >> 32 & 0xffff))
#define STORE_SUMS_ORDER(spec) ((enum key_sum)((spec) & 0xff))

/* Once for each database that is opened. 0 or -EIO, logged. */
int store_functions_add(duckdb_connection connection);

#endif
