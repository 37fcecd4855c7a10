/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* A top list's keys as words of sums by key (key_sums.h), and back. */
#ifndef WT_TOP_WORDS_H
#define WT_TOP_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/collector/key_sums.h"
#include "user/collector/query_keys.h"

struct sql_builder;
struct top;
struct top_groups;

/*
 * A key, or one address of a conversation. Addresses are two words each, and come first. What is
 * narrower, as IPv4 addresses are where there are no others, shares the words behind them: its
 * bits, and one above them that says NULL, as of an address a bit does.
 */
struct top_part {
	const struct query_key *key;
	int alias; /* the first of its own */
	bool is_address, is_wide; /* wide: in words of its own */
	bool is_plain; /* an address that is never NULL, and a column as it is */
	unsigned int bits; /* in shared words, without the one that says NULL */
	unsigned int word; /* of a wide one's first half */
	unsigned int shared, shift; /* where the rest of it is */
};

struct top_layout {
	struct top_part parts[2 * (KEYS_MAX + 1)];
	size_t len;
	unsigned int words;
};

struct top_layout top_layout_of(const struct top *top);

/* ", word, …": of the columns of flows and all keys' `inner`. */
void top_add_words(const struct top_layout *l, struct sql_builder *b);

bool top_part_is_null(const struct top_part *p, const struct key_group *g);
/* A part's value; of an address, its second half. */
uint64_t top_part_value(const struct top_part *p, const struct key_group *g);

/* " AND src_lo IN (…)" of the winners: of files sorted by source that is a row group each. */
void top_add_pushed(const struct top *top, const struct top_groups *g, struct sql_builder *b);

#endif
