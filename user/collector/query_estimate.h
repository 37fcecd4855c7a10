/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* How many groups a question will have, before it is asked. */
#ifndef WT_QUERY_ESTIMATE_H
#define WT_QUERY_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_request;
struct query_scope;

/* Up to here keeping all sums of all groups costs no more than looking at the rows once more. */
#define QUERY_FEW_GROUPS 32768

/* Files have no statistics: what the tables say is taken for them, with this much caution. */
#define QUERY_FILES_CAUTION 16

/*
 * Rows in scope make few groups by these columns ("src_hi, src_lo", as many as there are), `times`
 * of each: the product of how many values each column has, by the database's own statistics, which
 * cost nothing to ask. False where that is not known.
 */
bool query_has_few_groups(const struct api_request *req, const struct query_scope *scope,
			  const char *const *columns, size_t len, uint64_t times);

#endif
