/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* What is known of an answer before the question is asked. */
#ifndef WT_QUERY_ESTIMATE_H
#define WT_QUERY_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct api_request;
struct query_scope;

/* Up to here keeping all sums of all groups costs no more than looking at the rows once more. */
#define QUERY_FEW_GROUPS 65536

/* Files have no statistics: what the tables say is taken for them, with this much caution. */
#define QUERY_FILES_CAUTION 16

struct query_estimate {
	bool is_few; /* at most QUERY_FEW_GROUPS groups, most likely */
	bool has_no_folds; /* for certain */
};

/*
 * Of rows in scope, and of groups by these columns ("src_hi, src_lo", as many as there are) times
 * `times`: the product of how many values each column has, by the database's own statistics, which
 * cost nothing to ask, and by its type. What is not known is false.
 */
struct query_estimate query_estimate(const struct api_request *req, const struct query_scope *scope,
				     const char *const *columns, size_t len, uint64_t times);

#endif
