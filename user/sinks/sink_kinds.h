/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Which kinds of sinks a program has: what is in no list is not linked. */
#ifndef WT_SINK_KINDS_H
#define WT_SINK_KINDS_H

#include <stddef.h>

struct sink_kind;

struct sink_kinds {
	const struct sink_kind *const *at;
	size_t len;
	const char *forms; /* what is said to a URL of none: "want …" */
};

extern const struct sink_kinds sink_kinds_all; /* sink_kinds_all.c */
extern const struct sink_kinds sink_kinds_light; /* sink_kinds_light.c: without DuckDB */

#endif
