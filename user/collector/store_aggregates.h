/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Those of the store's functions (store_functions.h) that look at many rows. */
#ifndef WT_STORE_AGGREGATES_H
#define WT_STORE_AGGREGATES_H

#include <duckdb.h>

duckdb_state store_aggregates_add(duckdb_connection connection);

#endif
