/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * Connections, drops and latencies as queries see them: views whose columns the filter language
 * knows from flows (src is the client's side, dst the server's), and more. Rows of one connection,
 * from several intervals and CPUs, are one row of its view.
 */
#ifndef WT_QUERY_SIGNAL_H
#define WT_QUERY_SIGNAL_H

#include <stdint.h>

#include "user/collector/query_after.h"
#include "user/collector/store_schema.h"
#include "user/lib/cleanup.h"

struct api_request;
struct api_reply;
struct filter;
struct sql_builder;

/* Which rows a request is about: last=, from=, to=, after=, filter=, exporter=. */
struct signal_scope {
	enum store_series series;
	int64_t from_us, to_us; /* something was reported, or dropped, in [from, to) */
	struct filter *filter; /* owned; NULL: none */
	const char *exporter; /* agent, host or exporter; NULL: all */
	struct query_after after;
	char *source; /* owned: rows in the range; of others with after=, what came since */
};

/* 0; 1 when the reply is already made; -errno. */
int signal_scope_parse(const struct api_request *req, struct api_reply *reply,
		       enum store_series series, struct signal_scope *ret);
void signal_scope_done(struct signal_scope *scope);
static inline void signal_scope_done_auto(struct signal_scope *scope)
{
	signal_scope_done(scope);
}

/*
 * " FROM (<view>) v WHERE <filter>". Of connections: the columns of their table but interval and
 * happened (or'ed: it is there), merged; ended_us (0: lives), end_us (of the last report then),
 * src_hi … dst_port, proto, ethertype; with after= only those first heard
 * of, or ended, since. Of drops: the table's, with interface (a name). Of latencies: the table's.
 */
void signal_from(const struct signal_scope *scope, struct sql_builder *b);

/*
 * " FROM (<view>) v" of connections, of a page of them only: between begin and end stands the page,
 * "SELECT exporter_id, id …" with signal_from() and LIMIT. It is found with what filter and order
 * need, and put together then: forty sums of a million connections do not fit into memory.
 */
void signal_page_begin(const struct signal_scope *scope, struct sql_builder *b);
void signal_page_end(const struct signal_scope *scope, struct sql_builder *b);

/* One of `words`, the first when absent. 0; 1 when the reply is made (400); -errno. */
int signal_word_arg(const struct api_request *req, struct api_reply *reply, const char *name,
		    const char *const *words, size_t len, size_t *ret);

#endif
