/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The filter language (docs/filters.md): text in, a checked tree out, and the tree as a condition
 * of SQL on one row of flows (store.h), or of the views of query_signal.h. Nothing the user wrote
 * gets into SQL text.
 */
#ifndef WT_FILTER_H
#define WT_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "user/lib/cleanup.h"

#define FILTER_TEXT_MAX 4096 /* bytes */
#define FILTER_TOKENS_MAX 1024 /* words and signs */
#define FILTER_DEPTH_MAX 64 /* of brackets and 'not' */
#define FILTER_NAME_MAX 255 /* of an interface or exporter */

struct filter;
struct sql_builder;

struct filter_error {
	size_t position; /* characters (not bytes) from 0 */
	char message[192]; /* printable ASCII */
};

/* What is filtered: a word that has no meaning there is an error. */
enum filter_scope {
	FILTER_FLOWS = 1,
	FILTER_CONNECTIONS = 2,
	FILTER_DROPS = 4,
	FILTER_LATENCIES = 8, /* addresses and ports without a side: src or dst */
};

/* 0 and a new tree; -EINVAL with *error filled in; -ENOMEM. An empty text filters nothing. */
int filter_parse(const char *text, enum filter_scope scope, struct filter **ret,
		 struct filter_error *error);
void filter_free(struct filter *f);
DEFINE_AUTO(filter_free, struct filter *);

/*
 * Asks for what only connections know (process, rtt, …): rows of flows have to be joined with
 * theirs first (query_scope.c).
 */
bool filter_is_owned(const struct filter *f);

/* Append the condition, in brackets. f must live until the query ran. Errors stay in b. */
int filter_sql(const struct filter *f, struct sql_builder *b);

/*
 * The same for rows that packets were folded into: they have no addresses and ports, so the
 * condition is NULL where the answer depends on what is not known any more.
 */
int filter_sql_fold(const struct filter *f, struct sql_builder *b);

/* ---- what can be written, for who helps to write it ---- */

struct filter_word {
	const char *name;
	bool is_alone; /* takes no value */
	bool is_sided; /* takes src or dst before it */
	bool is_directed; /* takes in or out before it */
};

#define FILTER_WORDS_MAX 64
#define FILTER_VALUES_MAX 48
/* Words that are known in the scope, in their order; returns how many. */
size_t filter_words(enum filter_scope scope, struct filter_word ret[FILTER_WORDS_MAX]);
/* Names that the word's value may have; returns how many. */
size_t filter_word_values(const char *word, const char *ret[FILTER_VALUES_MAX]);

#endif
