// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A filter's tree in, a condition on a row of flows with bound values out. */
#include <errno.h>
#include <string.h>

#include "user/collector/filter_tree.h"
#include "user/collector/query_sql.h"
#include "user/lib/addr.h"

/* Protocols that have ports; a later fragment has lost them. Keep in step with query_keys.c. */
#define HAS_PORTS "proto IN (6, 17, 33, 132, 136) AND flags & 4 = 0 AND "

/* Unknown for what was folded by protocol class: 6, 17, 1, 255 (other IP), 0 (not IP). */
#define UNKNOWN "NULL::BOOLEAN"

/* As nfdump has it: nothing a second where it took none. */
#define PER_SECOND(amount)                                                       \
	"if(end_us > start_us, " amount " * greatest(sampling, 1) * 1000000 // " \
	"(end_us::HUGEINT - start_us), 0)"

/*
 * What a field is in SQL: `guard` and the comparison of either of two columns; and what is known
 * about it in a fold row.
 */
static const struct field_sql {
	const char *guard;
	const char *src, *dst; /* one column: src only */
	const char *fold;
} field_rows[FIELDS] = {
	[FIELD_ADDRESS] = { "", "src_", "dst_", "CASE WHEN proto = 0 THEN FALSE END" },
	[FIELD_PORT] = { HAS_PORTS, "src_port", "dst_port",
			 "CASE WHEN proto NOT IN (6, 17, 255) THEN FALSE END" },
	[FIELD_PROTO] = { "", "proto", NULL, NULL },
	[FIELD_PACKETS] = { "", "packets::HUGEINT * greatest(sampling, 1)", NULL, UNKNOWN },
	[FIELD_BYTES] = { "", "l2_octets::HUGEINT * greatest(sampling, 1)", NULL, UNKNOWN },
	[FIELD_DURATION] = { "", "(end_us::HUGEINT - start_us)", NULL, UNKNOWN },
	[FIELD_BPS] = { "", PER_SECOND("l2_octets::HUGEINT * 8"), NULL, UNKNOWN },
	[FIELD_PPS] = { "", PER_SECOND("packets::HUGEINT"), NULL, UNKNOWN },
	[FIELD_BPP] = { "", "l2_octets // greatest(packets, 1)", NULL, UNKNOWN },
	[FIELD_AS] = { "", "coalesce(src_as, 0)", "coalesce(dst_as, 0)", UNKNOWN },
	[FIELD_VLAN] = { "", NULL, NULL, UNKNOWN },
	[FIELD_FLAGS] = { "", NULL, NULL, "CASE WHEN proto <> 6 THEN FALSE END" },
	[FIELD_DSCP] = { "ethertype IN (2048, 34525) AND ", "dscp", NULL,
			 "CASE WHEN proto = 0 THEN FALSE END" },
	[FIELD_TOS] = { "ethertype IN (2048, 34525) AND ", "dscp", NULL,
			"CASE WHEN proto = 0 THEN FALSE END" },
	[FIELD_ETHERTYPE] = { "", "ethertype", NULL, UNKNOWN },
	[FIELD_ICMP_TYPE] = { "proto IN (1, 58) AND ", "src_port", NULL,
			      "CASE WHEN proto <> 1 THEN FALSE END" },
	[FIELD_ICMP_CODE] = { "proto IN (1, 58) AND ", "dst_port", NULL,
			      "CASE WHEN proto <> 1 THEN FALSE END" },
	[FIELD_DIRECTION] = { "", "flags & 1", NULL, NULL },
	/* of connections and drops, which nothing folds */
	[FIELD_PROCESS] = { "", "comm", NULL, UNKNOWN },
	[FIELD_PID] = { "", "pid", NULL, UNKNOWN },
	[FIELD_CGROUP] = { "", "cgroup_path", NULL, UNKNOWN },
	[FIELD_STATE] = { "", "state", NULL, UNKNOWN },
	[FIELD_ROLE] = { "", "role", NULL, UNKNOWN },
	[FIELD_RETRANSMITS] = { "", "retransmits", NULL, UNKNOWN },
	[FIELD_RTT] = { "srtt_us > 0 AND ", "srtt_us", NULL, UNKNOWN },
	[FIELD_CONNECT] = { "connect_ns > 0 AND ", "connect_ns // 1000", NULL, UNKNOWN },
	[FIELD_FAILED] = { "", "(\"end\" = 6)::UTINYINT", NULL, UNKNOWN },
	[FIELD_REASON] = { "", "reason", NULL, UNKNOWN },
};

static const char *const compare_signs[] = {
	[TOKEN_EQ] = " = ",  [TOKEN_NE] = " <> ", [TOKEN_LT] = " < ",
	[TOKEN_LE] = " <= ", [TOKEN_GT] = " > ",  [TOKEN_GE] = " >= ",
};

static void emit_node(const struct filter_node *node, struct sql_builder *b, bool fold);

/* One half of a range: equal where both ends are, nothing where it is everything. */
static bool emit_half(struct sql_builder *b, const char *side, const char *half, uint64_t first,
		      uint64_t last)
{
	if (first == 0 && last == UINT64_MAX)
		return false;
	sql_add(b, side);
	sql_add(b, half);
	if (first == last) {
		sql_add(b, " = ");
		sql_u64(b, first);
	} else {
		sql_add(b, " BETWEEN ");
		sql_u64(b, first);
		sql_add(b, " AND ");
		sql_u64(b, last);
	}
	return true;
}

/*
 * An aligned network: either the low halves range over everything or the high halves are equal.
 * One that holds :: holds the v4-mapped addresses or the zeros of frames without IP, unless it is
 * said that IPv6 is meant.
 */
static void emit_range(struct sql_builder *b, const char *side, const struct filter_value *v)
{
	uint64_t first_hi = addr_hi(v->first), first_lo = addr_lo(v->first);
	uint64_t last_hi = addr_hi(v->last), last_lo = addr_lo(v->last);

	sql_add(b, "(");
	if (emit_half(b, side, "hi", first_hi, last_hi))
		sql_add(b, first_lo == 0 && last_lo == UINT64_MAX ? "" : " AND ");
	if (!emit_half(b, side, "lo", first_lo, last_lo) && !first_hi && last_hi == UINT64_MAX)
		sql_add(b, "TRUE");
	if (!first_hi && !first_lo)
		sql_add(b, " AND ethertype = 34525");
	sql_add(b, ")");
}

static void emit_addresses(struct sql_builder *b, const char *side, const struct filter_node *node)
{
	sql_add(b, "(");
	for (size_t i = 0; i < node->values_len; i++) {
		sql_add(b, i ? " OR " : "");
		emit_range(b, side, &node->values[i]);
	}
	sql_add(b, ")");
}

static void emit_number(struct sql_builder *b, const struct filter_node *node, size_t i)
{
	uint64_t number = node->values[i].number;

	/* the two bits of ECN are not part of a flow */
	sql_u64(b, node->field == FIELD_TOS ? number >> 2 : number);
}

static void emit_comparison(struct sql_builder *b, const char *column,
			    const struct filter_node *node)
{
	sql_add(b, column);
	if (node->values_len == 1) {
		sql_add(b, compare_signs[node->compare]);
		emit_number(b, node, 0);
		return;
	}
	sql_add(b, " IN (");
	for (size_t i = 0; i < node->values_len; i++) {
		sql_add(b, i ? ", " : "");
		emit_number(b, node, i);
	}
	sql_add(b, ")");
}

static void emit_side(struct sql_builder *b, const char *column, const struct filter_node *node)
{
	if (node->field == FIELD_ADDRESS)
		emit_addresses(b, column, node);
	else
		emit_comparison(b, column, node);
}

static void emit_columns(struct sql_builder *b, const struct filter_node *node)
{
	const struct field_sql *row = &field_rows[node->field];
	bool src = node->side != SIDE_DST || !row->dst;
	bool dst = node->side != SIDE_SRC && row->dst;

	sql_add(b, row->guard);
	sql_add(b, "(");
	if (src)
		emit_side(b, row->src, node);
	if (src && dst)
		sql_add(b, node->side == SIDE_BOTH ? " AND " : " OR ");
	if (dst)
		emit_side(b, row->dst, node);
	sql_add(b, ")");
}

/* Either tag; a frame without one has no id, not id 0. */
static void emit_vlan(struct sql_builder *b, const struct filter_node *node)
{
	sql_add(b, "(vlan_outer >= 4096 AND ");
	emit_comparison(b, "vlan_outer & 4095", node);
	sql_add(b, ") OR (vlan_inner >= 4096 AND ");
	emit_comparison(b, "vlan_inner & 4095", node);
	sql_add(b, ")");
}

/* All of the flags, or (below a `not`, as nfdump has it) any of them. */
static void emit_flags(struct sql_builder *b, const struct filter_node *node, bool any)
{
	sql_add(b, "proto = 6 AND (tcp_flags & ");
	sql_u64(b, node->values[0].number);
	if (any) {
		sql_add(b, ") <> 0");
		return;
	}
	sql_add(b, ") = ");
	sql_u64(b, node->values[0].number);
}

/* One of two columns with the number of an interface, which may be told by name. */
static void emit_interface_at(struct sql_builder *b, const struct filter_node *node,
			      const char *column)
{
	for (size_t i = 0; i < node->values_len; i++) {
		const struct filter_value *v = &node->values[i];

		sql_add(b, i ? " OR " : "");
		if (!v->name) {
			sql_add(b, column);
			sql_add(b, " = ");
			sql_u64(b, v->number);
			continue;
		}
		sql_add(b, "(exporter_id, ");
		sql_add(b, column);
		sql_add(b, ", netns) IN (SELECT (e.id, i.ifindex, i.netns)"
			   " FROM interfaces i JOIN exporters e ON e.agent = i.agent"
			   " WHERE i.name = ");
		sql_text(b, v->name);
		sql_add(b, ")");
	}
}

/* A router says of each flow where it came in and where it went out. */
static void emit_interface(struct sql_builder *b, const struct filter_node *node)
{
	static const char *const here[] = { "flags & 1 = 0 AND (", "flags & 1 = 1 AND (" };
	bool is_out = node->side == SIDE_OUT;

	sql_add(b, "(");
	if (node->side != SIDE_EITHER)
		sql_add(b, here[is_out]);
	emit_interface_at(b, node, "ifindex");
	if (node->side != SIDE_EITHER) {
		sql_add(b, ")) OR (");
		sql_add(b, here[!is_out]);
	} else {
		sql_add(b, ") OR (");
	}
	emit_interface_at(b, node, "coalesce(peer_ifindex, 0)");
	sql_add(b, node->side != SIDE_EITHER ? "))" : ")");
}

static void emit_exporter(struct sql_builder *b, const struct filter_node *node)
{
	static const char *const columns[] = { "agent IN (", ") OR host IN (",
					       ") OR exporter IN (" };

	sql_add(b, "exporter_id IN (SELECT id FROM exporters WHERE ");
	for (size_t c = 0; c < ARRAY_LEN(columns); c++) {
		sql_add(b, columns[c]);
		for (size_t i = 0; i < node->values_len; i++) {
			sql_add(b, i ? ", " : "");
			sql_text(b, node->values[i].name);
		}
	}
	sql_add(b, "))");
}

/* Names, of which a last * stands for whatever follows. */
static void emit_names(struct sql_builder *b, const char *column, const struct filter_node *node)
{
	for (size_t i = 0; i < node->values_len; i++) {
		const char *name = node->values[i].name;
		bool is_prefix = *name && name[strlen(name) - 1] == '*';

		sql_add(b, i ? " OR " : "");
		sql_add(b, is_prefix ? "starts_with(" : "");
		sql_add(b, column);
		sql_add(b, is_prefix ? ", rtrim(" : " = ");
		sql_text(b, name);
		sql_add(b, is_prefix ? ", '*'))" : "");
	}
}

/* A protocol and the class it was folded into. */
static void emit_fold_proto(struct sql_builder *b, const struct filter_node *node)
{
	if (node->compare != TOKEN_EQ && node->compare != TOKEN_NE) {
		sql_add(b, UNKNOWN);
		return;
	}
	for (size_t i = 0; i < node->values_len; i++) {
		uint64_t proto = node->values[i].number;

		sql_add(b, i ? " OR " : "");
		if (proto == 6 || proto == 17)
			sql_add(b, proto == 6 ? "proto = 6" : "proto = 17");
		else
			sql_add(b, proto == 1 || proto == 58
					   ? "CASE WHEN proto <> 1 THEN FALSE END"
					   : "CASE WHEN proto <> 255 THEN FALSE END");
	}
}

static void emit_known(const struct filter_node *node, struct sql_builder *b, bool fold)
{
	const char *fold_sql = field_rows[node->field].fold;

	if (fold && node->field == FIELD_PROTO)
		emit_fold_proto(b, node);
	else if (fold && fold_sql)
		sql_add(b, fold_sql);
	else if (node->field == FIELD_VLAN)
		emit_vlan(b, node);
	else if (node->field == FIELD_FLAGS)
		emit_flags(b, node, node->compare == TOKEN_NE);
	else if (node->field == FIELD_INTERFACE)
		emit_interface(b, node);
	else if (node->field == FIELD_EXPORTER)
		emit_exporter(b, node);
	else if (node->field == FIELD_PROCESS || node->field == FIELD_CGROUP ||
		 node->field == FIELD_REASON)
		emit_names(b, field_rows[node->field].src, node);
	else
		emit_columns(b, node);
}

/* "port != 80" is "not port = 80": true of what has no port, too. */
static void emit_term(const struct filter_node *node, struct sql_builder *b, bool fold)
{
	struct filter_node equal = *node;

	sql_add(b, node->compare == TOKEN_NE ? "(NOT (" : "(");
	if (node->compare == TOKEN_NE && node->field != FIELD_FLAGS)
		equal.compare = TOKEN_EQ;
	emit_known(&equal, b, fold);
	sql_add(b, node->compare == TOKEN_NE ? "))" : ")");
}

static void emit_not(const struct filter_node *node, struct sql_builder *b, bool fold)
{
	struct filter_node child = *node->child;

	if (child.op == FILTER_TERM && child.field == FIELD_FLAGS && child.compare == TOKEN_EQ) {
		child.compare = TOKEN_NE;
		emit_term(&child, b, fold);
		return;
	}
	sql_add(b, "(NOT ");
	emit_node(&child, b, fold);
	sql_add(b, ")");
}

/* Recursion is as deep as brackets and 'not' are: FILTER_DEPTH_MAX, three calls a level. */
static void emit_node(const struct filter_node *node, struct sql_builder *b, bool fold)
{
	switch (node->op) {
	case FILTER_ANY:
		sql_add(b, "TRUE");
		return;
	case FILTER_NOT:
		emit_not(node, b, fold);
		return;
	case FILTER_TERM:
		emit_term(node, b, fold);
		return;
	default:
		sql_add(b, "(");
		for (const struct filter_node *c = node->child; c; c = c->next) {
			sql_add(b, c == node->child	    ? ""
				   : node->op == FILTER_AND ? " AND "
							    : " OR ");
			emit_node(c, b, fold);
		}
		sql_add(b, ")");
	}
}

int filter_sql(const struct filter *f, struct sql_builder *b)
{
	emit_node(f->root, b, false);
	return b->err;
}

int filter_sql_fold(const struct filter *f, struct sql_builder *b)
{
	emit_node(f->root, b, true);
	return b->err;
}
