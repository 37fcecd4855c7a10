/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Functions that the store's SQL has beside DuckDB's own:
 *
 *   wt_quantile(q, b00, …, b31)  DOUBLEs: the quantile q of a histogram of latencies
 *                                (user/wire/signal.h), interpolated within its bucket, in ns; NULL
 *                                without samples
 */
#ifndef WT_STORE_FUNCTIONS_H
#define WT_STORE_FUNCTIONS_H

#include <duckdb.h>

/* Once for each database that is opened. 0 or -EIO, logged. */
int store_functions_add(duckdb_connection connection);

#endif
