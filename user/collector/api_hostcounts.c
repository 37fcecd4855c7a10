// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/hostcounts?name=PREFIX&netns=&series=0|1&n=1000&exporter=&format=json|csv
 * &last=…|from=&to=: what hosts count themselves. Counters are sums over the range, gauges the
 * newest; with series=1 a row for each interval.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_columns.h"
#include "user/collector/query_sql.h"
#include "user/collector/store.h"
#include "user/lib/cleanup.h"

#define N_DEFAULT 1000

static const struct query_column columns[] = {
	{ "agent", COLUMN_TEXT },  { "host", COLUMN_TEXT },  { "netns", COLUMN_INT },
	{ "name", COLUMN_TEXT },   { "gauge", COLUMN_BOOL }, { "value", COLUMN_INT },
	{ "from_us", COLUMN_INT }, { "to_us", COLUMN_INT },
};

/* A gauge that an agent's newest batch of counts does not name is 0 by then. */
#define SUMMED                                                                              \
	"SELECT agent, any_value(host), netns::BIGINT, name, gauge::BIGINT AS is_gauge, "   \
	"CASE gauge WHEN 0 THEN " QUERY_BIGINT(                                             \
		"sum(value)") " WHEN 1 THEN CASE WHEN max(at_us) = any_value(newest_us) "   \
			      "THEN max_by(value, at_us)::BIGINT ELSE 0 END END AS value, " \
			      "min(at_us)::BIGINT AS from_us, max(at_us)::BIGINT AS to_us "
#define EACH                                                                   \
	"SELECT agent, host, netns::BIGINT, name, gauge::BIGINT AS is_gauge, " \
	"value::BIGINT AS value, at_us AS from_us, at_us AS to_us "

struct ask {
	int64_t from_us, to_us;
	const char *name, *exporter; /* NULL: all */
	uint64_t netns, n;
	bool has_netns, is_series, is_csv;
	char *source; /* owned */
};

static inline void ask_done_auto(struct ask *a)
{
	free(a->source);
}

static int parse(const struct api_request *req, struct api_reply *reply, struct ask *a)
{
	int err = api_range(req, reply, &a->from_us, &a->to_us);

	a->name = req->arg(req, "name");
	a->exporter = req->arg(req, "exporter");
	a->has_netns = req->arg(req, "netns") != NULL;
	if (!err)
		err = query_format_arg(req, reply, &a->is_csv);
	if (!err)
		err = query_flag_arg(req, reply, "series", &a->is_series);
	if (!err)
		err = query_number_arg(req, reply, "netns", 0, UINT32_MAX, 0, &a->netns);
	if (!err)
		err = query_number_arg(req, reply, "n", 1, QUERY_ROWS_MAX, N_DEFAULT, &a->n);
	if (!err)
		err = store_source(req->reader, SERIES_HOST_COUNTS, a->from_us, a->to_us,
				   &a->source);
	return err;
}

static void add_from(const struct ask *a, struct sql_builder *b)
{
	sql_add(b, "FROM (SELECT c.*, e.agent, e.host, "
		   "max(c.at_us) OVER (PARTITION BY e.agent) AS newest_us FROM ");
	sql_add(b, a->source);
	sql_add(b, " c JOIN exporters e ON e.id = c.exporter_id WHERE c.at_us >= ");
	sql_i64(b, a->from_us);
	sql_add(b, " AND c.at_us < ");
	sql_i64(b, a->to_us);
	if (a->exporter && *a->exporter) {
		sql_add(b, " AND ");
		sql_text(b, a->exporter);
		sql_add(b, " IN (e.agent, e.host, e.exporter)");
	}
	sql_add(b, ") WHERE TRUE");
	if (a->name && *a->name) {
		sql_add(b, " AND starts_with(name, ");
		sql_text(b, a->name);
		sql_add(b, ")");
	}
	if (a->has_netns) {
		sql_add(b, " AND netns = ");
		sql_u64(b, a->netns);
	}
}

int api_hostcounts(const struct api_request *req, struct api_reply *reply)
{
	AUTO(ask_done) struct ask a = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	int err = parse(req, reply, &a);

	if (err)
		return err < 0 ? err : 0;
	err = sql_init(&b);
	if (err)
		return err;
	sql_add(&b, a.is_series ? EACH : SUMMED);
	add_from(&a, &b);
	sql_add(&b, a.is_series ? " ORDER BY at_us, agent, netns, name LIMIT "
				: " GROUP BY agent, netns, name, gauge"
				  " ORDER BY agent, netns, name LIMIT ");
	sql_u64(&b, a.n);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (a.is_csv)
		return query_reply_csv(reply, &rows, columns, ARRAY_LEN(columns));
	return query_reply_json(reply, &rows, columns, ARRAY_LEN(columns),
				json_pack("{s:I,s:I}", "from_us", (json_int_t)a.from_us, "to_us",
					  (json_int_t)a.to_us));
}
