/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Inside the filter language: tokens and the tree. Only filter*.c includes this. */
#ifndef WT_FILTER_TREE_H
#define WT_FILTER_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/collector/filter.h"

enum token_kind {
	TOKEN_END,
	TOKEN_WORD, /* names, numbers, addresses */
	TOKEN_STRING, /* the same in quotes: never a word of the language */
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_LIST_OPEN,
	TOKEN_LIST_CLOSE,
	TOKEN_COMMA,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_NOT,
	TOKEN_EQ,
	TOKEN_NE,
	TOKEN_LT,
	TOKEN_LE,
	TOKEN_GT,
	TOKEN_GE,
};

struct token {
	enum token_kind kind;
	size_t position; /* byte offset in the text */
	const char *text; /* a copy in the filter's strings; what the sign looks like otherwise */
};

enum filter_op {
	FILTER_ANY,
	FILTER_AND, /* of two or more children */
	FILTER_OR,
	FILTER_NOT, /* of one */
	FILTER_TERM,
};

/* What a term compares: a row each in filter_sql.c (column) and filter_value.c (spelling). */
enum filter_field {
	FIELD_ADDRESS,
	FIELD_PORT,
	FIELD_PROTO,
	FIELD_PACKETS,
	FIELD_BYTES,
	FIELD_DURATION, /* µs */
	FIELD_BPS, /* bits a second; 0 of what lasts no time */
	FIELD_PPS,
	FIELD_BPP, /* bytes a packet */
	FIELD_AS,
	FIELD_INTERFACE,
	FIELD_VLAN,
	FIELD_FLAGS,
	FIELD_DSCP,
	FIELD_TOS,
	FIELD_ETHERTYPE,
	FIELD_ICMP_TYPE,
	FIELD_ICMP_CODE,
	FIELD_DIRECTION,
	FIELD_EXPORTER,
	FIELD_PROCESS,
	FIELD_PID,
	FIELD_CGROUP,
	FIELD_STATE,
	FIELD_ROLE,
	FIELD_RETRANSMITS,
	FIELD_RTT, /* µs */
	FIELD_CONNECT, /* µs */
	FIELD_FAILED,
	FIELD_REASON,
	FIELDS,
};

/* Which side of the flow, or which direction through the interface. */
enum filter_side { SIDE_EITHER, SIDE_SRC, SIDE_DST, SIDE_BOTH };
#define SIDE_IN SIDE_SRC
#define SIDE_OUT SIDE_DST

/* One value: a number, a name, or a range of addresses. */
struct filter_value {
	const char *name; /* in the filter's strings; NULL: it is a number or a range */
	uint64_t number;
	uint8_t first[16], last[16];
};

struct filter_node {
	enum filter_op op;
	enum filter_field field; /* of terms, down to values */
	enum filter_side side;
	enum token_kind compare; /* TOKEN_EQ … TOKEN_GE */
	struct filter_value *values; /* more than one: any of them (compare is TOKEN_EQ) */
	size_t values_len;
	struct filter_node *child; /* of AND, OR, NOT: the first */
	struct filter_node *next; /* sibling */
};

struct filter {
	struct filter_node *root;
	struct filter_node *nodes; /* no more than tokens: every node eats one */
	size_t nodes_len;
	struct filter_value *values;
	size_t values_len;
	char *strings;
	size_t strings_len;
};

/* What a parser carries about. Errors are made in one place, at a byte offset of the text. */
struct filter_parser {
	const char *text;
	enum filter_scope scope;
	struct token *tokens; /* the last one is TOKEN_END */
	size_t at;
	unsigned int depth;
	struct filter *filter;
	struct filter_error *error;
};

/* Fills *error and returns -EINVAL. Words from the text go through filter_quote() first. */
int filter_fail(struct filter_parser *p, size_t position, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define FILTER_QUOTE_MAX 36 /* with NUL */
/* A word of the user's as it may stand in a message: short, printable ASCII. */
const char *filter_quote(const char *word, char quoted[FILTER_QUOTE_MAX]);

/* filter_lex.c: p->text to p->tokens, allocated by the caller with FILTER_TOKENS_MAX + 1. */
int filter_lex(struct filter_parser *p);

/* filter_term.c: the term at p->at, which moves behind it. */
int filter_term(struct filter_parser *p, struct filter_node **ret);
struct filter_node *filter_node_new(struct filter *f, enum filter_op op);

/* filter_value.c: the token at p->at as a value of the field; p->at moves behind it. */
int filter_value_parse(struct filter_parser *p, enum filter_field field, struct filter_value *ret);
/* "net A MASK": the mask at p->at applies to the address just parsed from `addr`. */
int filter_mask_parse(struct filter_parser *p, const struct token *addr,
		      struct filter_value *value);

/* filter_names.c: names of numbers, -1 when there is none; and all of them, for suggestions. */
int filter_name_find(enum filter_field field, const char *name);
size_t filter_names(enum filter_field field, const char **names, size_t size);
/* The first name of a number, or NULL. */
const char *filter_number_name(enum filter_field field, int64_t number);
/* The name of an IP protocol as `proto` takes it, or NULL. */
const char *filter_proto_name(unsigned int proto);

#endif
