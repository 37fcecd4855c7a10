// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The tokens of one term ("src port > 1024") in, one node of the tree out. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "user/collector/filter_tree.h"
#include "user/lib/suggest.h"

#define SIDED 0x01 /* takes src or dst before it */
#define DIRECTED 0x02 /* takes in or out before it */
#define EQUAL 0x04 /* compares by = and != only */
#define FIXED 0x08 /* the word is the whole term: `number` */
#define MASKED 0x10 /* an IPv4 mask may follow the address */
#define ALONE 0x20 /* no list */

/* The words a term starts with. A new word is a row here, with its field's rows elsewhere. */
static const struct term_word {
	const char *name;
	enum filter_field field;
	unsigned int flags;
	unsigned int number;
} words[] = {
	{ "any", FIELDS, FIXED },
	{ "ip", FIELD_ADDRESS, SIDED | EQUAL },
	{ "host", FIELD_ADDRESS, SIDED | EQUAL },
	{ "addr", FIELD_ADDRESS, SIDED | EQUAL },
	{ "net", FIELD_ADDRESS, SIDED | EQUAL | MASKED },
	{ "port", FIELD_PORT, SIDED },
	{ "proto", FIELD_PROTO, 0 },
	{ "packets", FIELD_PACKETS, 0 },
	{ "bytes", FIELD_BYTES, 0 },
	{ "duration", FIELD_DURATION, 0 },
	{ "bps", FIELD_BPS, 0 },
	{ "pps", FIELD_PPS, 0 },
	{ "bpp", FIELD_BPP, 0 },
	{ "as", FIELD_AS, SIDED },
	{ "if", FIELD_INTERFACE, DIRECTED | EQUAL },
	{ "vlan", FIELD_VLAN, 0 },
	{ "flags", FIELD_FLAGS, EQUAL | ALONE },
	{ "dscp", FIELD_DSCP, 0 },
	{ "tos", FIELD_TOS, EQUAL },
	{ "ethertype", FIELD_ETHERTYPE, 0 },
	{ "icmp-type", FIELD_ICMP_TYPE, 0 },
	{ "icmp-code", FIELD_ICMP_CODE, 0 },
	{ "exporter", FIELD_EXPORTER, EQUAL },
	{ "inet", FIELD_ETHERTYPE, FIXED, 0x0800 },
	{ "ipv4", FIELD_ETHERTYPE, FIXED, 0x0800 },
	{ "inet6", FIELD_ETHERTYPE, FIXED, 0x86dd },
	{ "ipv6", FIELD_ETHERTYPE, FIXED, 0x86dd },
	{ "arp", FIELD_ETHERTYPE, FIXED, 0x0806 },
	{ "tcp", FIELD_PROTO, FIXED, 6 },
	{ "udp", FIELD_PROTO, FIXED, 17 },
	{ "icmp", FIELD_PROTO, FIXED, 1 },
	{ "icmp6", FIELD_PROTO, FIXED, 58 },
	{ "sctp", FIELD_PROTO, FIXED, 132 },
	{ "gre", FIELD_PROTO, FIXED, 47 },
	{ "esp", FIELD_PROTO, FIXED, 50 },
	{ "ingress", FIELD_DIRECTION, FIXED, 0 },
	{ "egress", FIELD_DIRECTION, FIXED, 1 },
	{ "process", FIELD_PROCESS, EQUAL },
	{ "pid", FIELD_PID, 0 },
	{ "cgroup", FIELD_CGROUP, EQUAL },
	{ "state", FIELD_STATE, EQUAL },
	{ "role", FIELD_ROLE, EQUAL },
	{ "retransmits", FIELD_RETRANSMITS, 0 },
	{ "rtt", FIELD_RTT, 0 },
	{ "connect", FIELD_CONNECT, 0 },
	{ "failed", FIELD_FAILED, FIXED, 1 },
	{ "reason", FIELD_REASON, EQUAL },
};

#define TUPLE (FILTER_FLOWS | FILTER_CONNECTIONS | FILTER_DROPS)
#define ALL (TUPLE | FILTER_LATENCIES)
#define TUPLE_NAMES "flows, connections and drops"
/* of connections, and of flows that are joined with theirs */
#define OWNED (FILTER_FLOWS | FILTER_CONNECTIONS)
#define OWNED_NAMES "flows and connections"
/* What a field is known of. */
static const struct field_scope {
	unsigned int scopes;
	const char *known_of;
} field_scopes[FIELDS + 1] = {
	[FIELD_ADDRESS] = { ALL, "all" },
	[FIELD_PORT] = { ALL, "all" },
	[FIELD_PROTO] = { TUPLE, TUPLE_NAMES },
	[FIELD_PACKETS] = { TUPLE, TUPLE_NAMES },
	[FIELD_BYTES] = { TUPLE, TUPLE_NAMES },
	[FIELD_DURATION] = { FILTER_FLOWS | FILTER_CONNECTIONS, "flows and connections" },
	[FIELD_BPS] = { FILTER_FLOWS | FILTER_CONNECTIONS, "flows and connections" },
	[FIELD_PPS] = { FILTER_FLOWS | FILTER_CONNECTIONS, "flows and connections" },
	[FIELD_BPP] = { TUPLE, TUPLE_NAMES },
	[FIELD_AS] = { FILTER_FLOWS, "flows" },
	[FIELD_INTERFACE] = { FILTER_FLOWS | FILTER_DROPS, "flows and drops" },
	[FIELD_VLAN] = { FILTER_FLOWS, "flows" },
	[FIELD_FLAGS] = { FILTER_FLOWS, "flows" },
	[FIELD_DSCP] = { FILTER_FLOWS, "flows" },
	[FIELD_TOS] = { FILTER_FLOWS, "flows" },
	[FIELD_ETHERTYPE] = { TUPLE, TUPLE_NAMES },
	[FIELD_ICMP_TYPE] = { FILTER_FLOWS | FILTER_DROPS, "flows and drops" },
	[FIELD_ICMP_CODE] = { FILTER_FLOWS | FILTER_DROPS, "flows and drops" },
	[FIELD_DIRECTION] = { FILTER_FLOWS, "flows" },
	[FIELD_EXPORTER] = { ALL, "all" },
	[FIELD_PROCESS] = { OWNED, OWNED_NAMES },
	[FIELD_PID] = { OWNED, OWNED_NAMES },
	[FIELD_CGROUP] = { OWNED, OWNED_NAMES },
	[FIELD_STATE] = { FILTER_CONNECTIONS, "connections" },
	[FIELD_ROLE] = { FILTER_CONNECTIONS | FILTER_LATENCIES, "connections and latencies" },
	[FIELD_RETRANSMITS] = { OWNED, OWNED_NAMES },
	[FIELD_RTT] = { OWNED, OWNED_NAMES },
	[FIELD_CONNECT] = { OWNED, OWNED_NAMES },
	[FIELD_FAILED] = { FILTER_CONNECTIONS, "connections" },
	[FIELD_REASON] = { FILTER_DROPS, "drops" },
	[FIELDS] = { ALL, "all" }, /* any */
};

/* Known only for suggestions. */
static const char *const other_words[] = { "src", "dst", "in", "out", "and", "or", "not" };

struct filter_node *filter_node_new(struct filter *f, enum filter_op op)
{
	struct filter_node *node = &f->nodes[f->nodes_len++];

	*node = (struct filter_node){ .op = op, .compare = TOKEN_EQ };
	return node;
}

static const struct term_word *word_find(const struct token *token)
{
	if (token->kind != TOKEN_WORD)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcasecmp(words[i].name, token->text))
			return &words[i];
	}
	return NULL;
}

static bool is_word(const struct token *token, const char *word)
{
	return token->kind == TOKEN_WORD && !strcasecmp(token->text, word);
}

static int unknown_word(struct filter_parser *p, const struct token *token)
{
	const char *names[ARRAY_LEN(words) + ARRAY_LEN(other_words)], *near;
	char quoted[FILTER_QUOTE_MAX];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		names[n++] = words[i].name;
	for (size_t i = 0; i < ARRAY_LEN(other_words); i++)
		names[n++] = other_words[i];
	near = suggest_nearest(token->text, names, n);
	filter_quote(token->text, quoted);
	if (near)
		return filter_fail(p, token->position, "unknown word '%s'; did you mean '%s'?",
				   quoted, near);
	return filter_fail(p, token->position, "unknown word '%s'", quoted);
}

/* src, dst, "src or dst", "src and dst" at p->at, which moves behind it. */
static enum filter_side take_side(struct filter_parser *p)
{
	const struct token *t = &p->tokens[p->at];
	bool src = is_word(t, "src");

	if (!src && !is_word(t, "dst"))
		return SIDE_EITHER;
	p->at++;
	if ((t[1].kind == TOKEN_AND || t[1].kind == TOKEN_OR) &&
	    is_word(&t[2], src ? "dst" : "src")) {
		p->at += 2;
		return t[1].kind == TOKEN_AND ? SIDE_BOTH : SIDE_EITHER;
	}
	return src ? SIDE_SRC : SIDE_DST;
}

/* The word a term is about, behind what may stand before it. */
static int take_word(struct filter_parser *p, const struct term_word **ret, enum filter_side *side)
{
	const struct token *first = &p->tokens[p->at], *token;
	bool sided = is_word(first, "src") || is_word(first, "dst");
	bool directed = is_word(first, "in") || is_word(first, "out");

	*side = take_side(p);
	if (directed) {
		*side = is_word(first, "in") ? SIDE_IN : SIDE_OUT;
		p->at++;
	}
	token = &p->tokens[p->at];
	*ret = word_find(token);
	if (sided && (!*ret || !((*ret)->flags & SIDED)))
		return filter_fail(p, token->position,
				   "'%s' wants ip, host, net, port or as behind it", first->text);
	if (directed && (!*ret || !((*ret)->flags & DIRECTED)))
		return filter_fail(p, token->position, "'%s' wants if behind it", first->text);
	if (!*ret)
		return unknown_word(p, token);
	if (!(field_scopes[(*ret)->field].scopes & p->scope))
		return filter_fail(p, token->position, "'%s' is known of %s only", (*ret)->name,
				   field_scopes[(*ret)->field].known_of);
	if (sided && p->scope == FILTER_LATENCIES)
		return filter_fail(p, first->position,
				   "latencies have one address and one port: no '%s'", first->text);
	p->at++;
	return 0;
}

/* "[80, 443 8080]" behind "in": commas are for the eye. */
static int take_list(struct filter_parser *p, struct filter_node *node)
{
	const struct token *open = &p->tokens[p->at++];
	int err;

	node->values_len = 0;
	while (p->tokens[p->at].kind != TOKEN_LIST_CLOSE) {
		if (p->tokens[p->at].kind == TOKEN_END)
			return filter_fail(p, open->position, "'[' is never closed");
		err = filter_value_parse(p, node->field, &node->values[node->values_len++]);
		if (err)
			return err;
		p->filter->values_len++;
		if (p->tokens[p->at].kind == TOKEN_COMMA)
			p->at++;
	}
	p->at++;
	if (!node->values_len)
		return filter_fail(p, open->position, "the list is empty");
	return 0;
}

static bool is_compare(enum token_kind kind)
{
	return kind >= TOKEN_EQ && kind <= TOKEN_GE;
}

static int take_compare(struct filter_parser *p, const struct term_word *word,
			struct filter_node *node)
{
	const struct token *token = &p->tokens[p->at];

	if (!is_compare(token->kind))
		return 0;
	if ((word->flags & EQUAL) && token->kind != TOKEN_EQ && token->kind != TOKEN_NE)
		return filter_fail(p, token->position, "'%s' compares by = and != only",
				   word->name);
	node->compare = token->kind;
	p->at++;
	return 0;
}

/* "10.0.0.0 255.0.0.0": the token behind a net's address, when it looks like a mask. */
static bool mask_follows(const struct filter_parser *p, const struct token *addr)
{
	const struct token *token = &p->tokens[p->at];

	return token->kind == TOKEN_WORD && !strchr(addr->text, '/') && !word_find(token) &&
	       token->text[strspn(token->text, "0123456789.")] == '\0';
}

static int take_value(struct filter_parser *p, const struct term_word *word,
		      struct filter_node *node)
{
	const struct token *token = &p->tokens[p->at];
	int err = filter_value_parse(p, node->field, node->values);

	if (err)
		return err;
	p->filter->values_len++;
	if (!(word->flags & MASKED) || !mask_follows(p, token))
		return 0;
	return filter_mask_parse(p, token, node->values);
}

int filter_term(struct filter_parser *p, struct filter_node **ret)
{
	struct filter_node *node = filter_node_new(p->filter, FILTER_TERM);
	const struct term_word *word;
	int err;

	err = take_word(p, &word, &node->side);
	if (err)
		return err;
	*ret = node;
	node->field = word->field;
	node->values = &p->filter->values[p->filter->values_len];
	node->values_len = 1;
	if (word->flags & FIXED) {
		if (word->field == FIELDS)
			node->op = FILTER_ANY;
		*node->values = (struct filter_value){ .number = word->number };
		p->filter->values_len++;
		return 0;
	}
	err = take_compare(p, word, node);
	if (err)
		return err;
	if (is_word(&p->tokens[p->at], "in") && node->compare == TOKEN_EQ &&
	    !(word->flags & ALONE)) {
		p->at++;
		if (p->tokens[p->at].kind == TOKEN_LIST_OPEN)
			return take_list(p, node);
		return filter_fail(p, p->tokens[p->at].position, "'in' wants a list like [1, 2]");
	}
	return take_value(p, word, node);
}

/* ---- for who helps to write ------------------------------------------------------------------ */

size_t filter_words(enum filter_scope scope, struct filter_word ret[FILTER_WORDS_MAX])
{
	size_t n = 0;

	_Static_assert(ARRAY_LEN(words) <= FILTER_WORDS_MAX, "room for all words");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		bool is_sided = (words[i].flags & SIDED) && scope != FILTER_LATENCIES;

		if (!(field_scopes[words[i].field].scopes & scope))
			continue;
		ret[n++] = (struct filter_word){
			.name = words[i].name,
			.is_alone = words[i].flags & FIXED,
			.is_sided = is_sided,
			.is_directed = words[i].flags & DIRECTED,
		};
	}
	return n;
}

size_t filter_word_values(const char *word, const char *ret[FILTER_VALUES_MAX])
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!strcmp(words[i].name, word) && !(words[i].flags & FIXED))
			return filter_names(words[i].field, ret, FILTER_VALUES_MAX);
	}
	return 0;
}
