// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/series?step=SECONDS&by=KEY&order=bytes|packets|flows&n=5&filter=&last=…|from=&to=
 * &exporter=&all=&tier=: sums over time, for graphs. Steps begin at multiples of `step` since the
 * epoch, and each is there, with 0 where nothing was. With by= (one word, as in /v1/top) there is a
 * line for each of the n largest groups, and one of all others. A record counts in the step of its
 * start, or with spread=1 evenly in all steps from its first packet to its last; what was folded
 * counts among the others.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_columns.h"
#include "user/collector/query_estimate.h"
#include "user/collector/query_keys.h"
#include "user/collector/query_signal.h"
#include "user/collector/query_sql.h"
#include "user/collector/top_sql.h"
#include "user/collector/top_sums.h"
#include "user/lib/cleanup.h"

#define POINTS_MAX 10000
#define STEP_MAX_S 31536000
#define LINES_DEFAULT 5
#define LINES_MAX 50
#define LINE_REST (LINES_MAX + 1) /* its place, behind all others */

static const char *const orders[] = { "bytes", "packets", "flows" };

struct series {
	struct query_scope scope;
	const struct query_key *key; /* NULL: one line of all */
	size_t order;
	uint64_t step_s, n;
	bool is_spread;
	bool is_few; /* groups, each in all of its steps: query_estimate.h */
	struct top_groups winners; /* where they were found before (top_sums.h); else none */
	int64_t first_us, points; /* of the range, in whole steps */
};

static inline void series_done_auto(struct series *s)
{
	query_scope_done(&s->scope);
	top_groups_done(&s->winners);
}

static int parse_by(const struct api_request *req, struct api_reply *reply, struct series *s)
{
	const char *by = req->arg(req, "by");
	int err;

	if (!by || !*by)
		return 0;
	s->key = query_key_find(by, strlen(by));
	if (s->key && !s->key->named && !s->key->is_owned)
		return 0;
	err = api_error(
		reply, 400, "by", -1,
		"series have one line for each src, dst, conversation, srcnet, dstnet, srcport, "
		"dstport, proto, direction, ethertype, vlan, dscp, flags, srcas or dstas");
	return err < 0 ? err : 1;
}

/* The range in steps; from the first row on when it has no beginning. */
static int cut_into_steps(const struct api_request *req, struct api_reply *reply, struct series *s)
{
	int64_t step_us = (int64_t)s->step_s * 1000000, from_us = query_first_us(&s->scope);
	int64_t to_us = s->scope.to_us < req->now_us ? s->scope.to_us : req->now_us;
	int err;

	s->first_us = from_us - from_us % step_us;
	s->points = to_us > s->first_us ? (to_us - s->first_us + step_us - 1) / step_us : 0;
	if (s->points <= POINTS_MAX)
		return 0;
	err = api_error(
		reply, 400, "step", -1,
		"%lld points, %d are the most: ask for step=%lld or more, or a shorter time",
		(long long)s->points, POINTS_MAX,
		(long long)((to_us - from_us) / 1000000 / (POINTS_MAX - 1) + 1));
	return err < 0 ? err : 1;
}

static int series_parse(const struct api_request *req, struct api_reply *reply, struct series *s)
{
	int err = parse_by(req, reply, s);

	if (!err)
		err = signal_word_arg(req, reply, "order", orders, ARRAY_LEN(orders), &s->order);
	if (!err)
		err = query_number_arg(req, reply, "step", 1, STEP_MAX_S, 60, &s->step_s);
	if (!err)
		err = query_number_arg(req, reply, "n", 1, LINES_MAX, LINES_DEFAULT, &s->n);
	if (!err)
		err = query_flag_arg(req, reply, "spread", &s->is_spread);
	if (!err)
		err = query_scope_parse(req, reply, &s->scope);
	if (!err)
		err = cut_into_steps(req, reply, s);
	s->is_few = !err && s->key && !s->is_spread &&
		    query_estimate(req, &s->scope, &s->key->reads, 1, (uint64_t)s->points).is_few;
	return err;
}

/* ---- the statement --------------------------------------------------------------------------- */

static void add_step_of(const struct series *s, const char *time, struct sql_builder *b)
{
	sql_add(b, "(");
	sql_add(b, time);
	sql_add(b, " - ");
	sql_i64(b, s->first_us);
	sql_add(b, ") // ");
	sql_i64(b, (int64_t)s->step_s * 1000000);
}

/* "slot, slots, octets, packets, " of one row: slots is over how many it is spread. */
static void add_row(const struct series *s, struct sql_builder *b)
{
	add_step_of(s, "start_us", b);
	sql_add(b, " AS slot, ");
	if (s->is_spread) {
		sql_add(b, "greatest(");
		add_step_of(s, "end_us", b);
		sql_add(b, " - slot, 0) + 1");
	} else {
		sql_add(b, "1");
	}
	sql_add(b, " AS slots, ");
	sql_add(b, query_measure(&s->scope, QUERY_OCTETS));
	sql_add(b, " AS octets, ");
	sql_add(b, query_measure(&s->scope, QUERY_PACKETS));
	sql_add(b, " AS packets, ");
}

/* "SELECT keys, slot, slots, octets, packets, flows FROM …" of each row. */
static void add_rows(const struct series *s, struct sql_builder *b)
{
	sql_add(b, "SELECT ");
	if (s->key) {
		sql_add(b, s->key->inner);
		sql_add(b, ", ");
	}
	add_row(s, b);
	sql_add(b, "records::BIGINT AS flows");
	query_from_flows(&s->scope, b);
}

/* Few groups: the rows are looked at once, and all steps of all groups kept. */
static void add_cells(const struct series *s, struct sql_builder *b)
{
	sql_add(b, "cells AS MATERIALIZED (SELECT ");
	sql_add(b, s->key->aliases);
	sql_add(b, ", slot, slots, sum(octets) AS octets, sum(packets) AS packets, "
		   "sum(flows) AS flows FROM (");
	add_rows(s, b);
	sql_add(b, ") GROUP BY ALL), ");
}

static void add_weighed(const struct series *s, struct sql_builder *b)
{
	static const char *const sums[] = { "octets", "packets", "flows" };
	const char *const weights[] = { query_measure(&s->scope, QUERY_OCTETS),
					query_measure(&s->scope, QUERY_PACKETS),
					"records::BIGINT" };

	sql_add(b, "SELECT ");
	sql_add(b, s->is_few ? s->key->aliases : s->key->inner);
	sql_add(b, ", sum(");
	sql_add(b, s->is_few ? sums[s->order] : weights[s->order]);
	sql_add(b, ") AS weight");
	if (s->is_few)
		sql_add(b, " FROM cells");
	else
		query_from_flows(&s->scope, b);
}

/* The list whose groups are the lines; what it has is the series'. */
static struct top top_of(const struct series *s)
{
	return (struct top){ .scope = s->scope,
			     .keys = { s->key },
			     .keys_len = 1,
			     .is_brief = true,
			     .order = top_order_find(orders[s->order]),
			     .n = s->n };
}

/*
 * The largest groups and their places; of many groups by a scan of its own, for they may be as many
 * as rows, and steps of each of them would be more.
 */
static void add_places(const struct series *s, struct sql_builder *b)
{
	struct top top = top_of(s);

	if (s->winners.len) {
		sql_add(b, "places AS MATERIALIZED (");
		top_sums_add_places(&top, &s->winners, b);
		sql_add(b, "), ");
		return;
	}
	sql_add(b, "places AS MATERIALIZED (SELECT *, row_number() OVER (ORDER BY weight DESC, ");
	sql_add(b, s->key->aliases);
	sql_add(b, ") AS place FROM (");
	add_weighed(s, b);
	sql_add(b, " GROUP BY ALL ORDER BY weight DESC, ");
	sql_add(b, s->key->aliases);
	sql_add(b, " LIMIT ");
	sql_u64(b, s->n);
	sql_add(b, ")), ");
}

/* Rows with their places, place LINE_REST of all others; the steps of each are yet to be made. */
static void add_placed(const struct series *s, struct sql_builder *b)
{
	sql_add(b, "SELECT ");
	sql_add(b, s->key ? "coalesce(w.place, " : "(");
	sql_i64(b, LINE_REST);
	sql_add(b, ")::BIGINT AS place, slot, slots, octets, packets, flows FROM ");
	if (s->is_few) {
		sql_add(b, "cells r");
	} else {
		sql_add(b, "(");
		add_rows(s, b);
		sql_add(b, ") r");
	}
	if (s->key) {
		const char *before = " LEFT JOIN places w ON ";

		sql_each(b, s->key->aliases, &before, " AND ", query_key_same);
	}
	sql_add(b, " UNION ALL SELECT ");
	sql_i64(b, LINE_REST);
	sql_add(b, "::BIGINT, slot, slots, octets, packets, flows FROM folds");
}

/*
 * Part i of a count that is spread: whole numbers that add up to it. What reaches beyond the last
 * step is in the last one.
 */
#define SHARE(count)                                                                    \
	"((" count "::HUGEINT * (i + 1)) // slots - (" count "::HUGEINT * i) // slots)" \
	" AS " count ", "

static void add_spread(const struct series *s, struct sql_builder *b)
{
	sql_add(b,
		"SELECT place, slot + i AS slot, " SHARE("octets") SHARE(
			"packets") "if(i = 0, flows, 0) AS flows FROM "
				   "(SELECT *, unnest(range(slots)) AS i FROM (SELECT * REPLACE (least(slots, ");
	sql_i64(b, s->points);
	sql_add(b, " - slot) AS slots) FROM (");
	add_placed(s, b);
	sql_add(b, ")))");
}

/* Sums by place and slot. */
static void add_data(const struct series *s, struct sql_builder *b)
{
	sql_add(b, "data AS MATERIALIZED (SELECT place, slot, sum(octets) AS octets, "
		   "sum(packets) AS packets, sum(flows) AS flows FROM (");
	if (s->is_spread)
		add_spread(s, b);
	else
		add_placed(s, b);
	sql_add(b, ") GROUP BY ALL)");
}

/* The lines there are: with a word, the rest only when there is one. */
static void add_lines(const struct series *s, struct sql_builder *b)
{
	sql_add(b, ", lines AS (");
	if (s->key) {
		sql_add(b, "SELECT ");
		sql_add(b, s->key->aliases);
		sql_add(b, ", place::BIGINT AS place FROM places UNION ALL BY NAME "
			   "SELECT DISTINCT place FROM data WHERE place = ");
		sql_i64(b, LINE_REST);
	} else {
		sql_add(b, "SELECT ");
		sql_i64(b, LINE_REST);
		sql_add(b, "::BIGINT AS place");
	}
	sql_add(b, ") ");
}

/* A conversation is its two ends: whoever of them sent first in which step says nothing. */
static const char *key_columns(const struct series *s)
{
	return strcmp(s->key->name, "conversation") ? s->key->outer : s->key->aliases;
}

static void add_statement(const struct series *s, struct sql_builder *b)
{
	sql_add(b, "WITH folds AS (SELECT ");
	add_row(s, b);
	sql_add(b, "0::BIGINT AS flows");
	query_from_folds(&s->scope, b);
	sql_add(b, " WHERE is_match), ");
	if (s->is_few)
		add_cells(s, b);
	if (s->key)
		add_places(s, b);
	add_data(s, b);
	add_lines(s, b);
	sql_add(b, "SELECT ");
	if (s->key) {
		sql_add(b, key_columns(s));
		sql_add(b, ", ");
	}
	sql_add(b, "nullif(l.place, ");
	sql_i64(b, LINE_REST);
	sql_add(b, ")::BIGINT, (");
	sql_i64(b, s->first_us);
	sql_add(b, " + t.slot * ");
	sql_i64(b, (int64_t)s->step_s * 1000000);
	sql_add(b,
		")::BIGINT, " QUERY_BIGINT("octets") ", " QUERY_BIGINT("packets") ", " QUERY_BIGINT(
			"flows") " FROM lines l CROSS JOIN (SELECT unnest(range(");
	sql_i64(b, s->points);
	sql_add(b,
		")) AS slot) t LEFT JOIN (SELECT place, slot, octets, packets, flows FROM data) d "
		"ON d.place = l.place AND d.slot = t.slot ORDER BY l.place, t.slot");
}

/* ---- the reply ----------------------------------------------------------------------------- */

static const struct query_column measures[] = {
	{ "line", COLUMN_INT },	   { "at_us", COLUMN_INT }, { "octets", COLUMN_INT },
	{ "packets", COLUMN_INT }, { "flows", COLUMN_INT },
};

static size_t series_columns(const struct series *s, struct query_column *columns)
{
	size_t len = 0;

	for (size_t c = 0; s->key && c < KEY_COLUMNS_MAX && s->key->columns[c].name; c++)
		columns[len++] = s->key->columns[c];
	memcpy(columns + len, measures, sizeof(measures));
	return len + ARRAY_LEN(measures);
}

/* Where groups may be many; what has none, or too many, is for the statement to find. */
static int find_winners(const struct api_request *req, struct api_reply *reply, struct series *s)
{
	struct top top = top_of(s);

	if (!s->key || s->is_few || !top_sums_fit(&top))
		return 0;
	return top_sums_ask(req, reply, &top, &s->winners);
}

int api_series(const struct api_request *req, struct api_reply *reply)
{
	AUTO(series_done) struct series s = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	struct query_column columns[KEY_COLUMNS_MAX + ARRAY_LEN(measures)];
	bool is_csv = false;
	int err = query_format_arg(req, reply, &is_csv);

	if (!err)
		err = series_parse(req, reply, &s);
	if (err)
		return err < 0 ? err : 0;
	err = find_winners(req, reply, &s);
	if (!err)
		err = sql_init(&b);
	if (err)
		return err < 0 ? err : 0;
	add_statement(&s, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (is_csv)
		return query_reply_csv(reply, &rows, columns, series_columns(&s, columns));
	return query_reply_json(
		reply, &rows, columns, series_columns(&s, columns),
		json_pack("{s:s?, s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "by",
			  s.key ? s.key->name : NULL, "order", orders[s.order], "step",
			  (json_int_t)s.step_s, "points", (json_int_t)s.points, "first_us",
			  (json_int_t)s.first_us, "from_us", (json_int_t)s.scope.from_us, "to_us",
			  (json_int_t)s.scope.to_us, "tiers", query_tiers_json(&s.scope)));
}
