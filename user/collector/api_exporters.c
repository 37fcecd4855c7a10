// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/exporters?n=1000&format=json|csv&last=…|from=&to=: routers and other flow exporters that
 * sent in the range, by address, protocol and domain; what came, what could not be read, and what
 * gaps in their sequences say is missing.
 */
#include <errno.h>
#include <jansson.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_columns.h"
#include "user/collector/query_sql.h"
#include "user/lib/cleanup.h"

#define N_DEFAULT 1000

static const struct query_column columns[] = {
	{ "address", COLUMN_TEXT },
	{ "protocol", COLUMN_TEXT },
	{ "domain", COLUMN_INT },
	{ "datagrams", COLUMN_INT },
	{ "records", COLUMN_INT },
	{ "refused", COLUMN_INT },
	{ "options", COLUMN_INT },
	{ "missing_records", COLUMN_INT },
	{ "missing_datagrams", COLUMN_INT },
	{ "out_of_order", COLUMN_INT },
	{ "restarts", COLUMN_INT },
	{ "first_us", COLUMN_INT },
	{ "last_us", COLUMN_INT },
};

#define SUM(name) "coalesce(sum(l.packets) FILTER (WHERE l.name = '" name "'), 0)::BIGINT, "

/* inlet_batch.h: "ADDRESS/PROTOCOL/DOMAIN", the last left out when it is 0. 32: POINT_RECORDS. */
static const char question[] =
	"SELECT e.host, split_part(e.exporter, '/', 2), "
	"coalesce(try_cast(split_part(e.exporter, '/', 3) AS BIGINT), 0) AS domain, " SUM(
		"export/datagrams")
		SUM("recorded") "coalesce(sum(l.packets) FILTER (WHERE starts_with(l.name, 'unparsed/')), 0)::BIGINT, " SUM(
			"export/options") SUM("export/missing_records")
			SUM("export/missing_datagrams") SUM("export/out_of_order") SUM(
				"export/restarts") "min(l.start_us), max(l.end_us) FROM ledger l JOIN exporters e ON e.id = l.exporter_id "
						   "WHERE l.point = 32 AND l.end_us >= ";

int api_exporters(const struct api_request *req, struct api_reply *reply)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	int64_t from_us, to_us;
	bool is_csv;
	uint64_t n;
	int err = api_range(req, reply, &from_us, &to_us);

	if (!err)
		err = query_format_arg(req, reply, &is_csv);
	if (!err)
		err = query_number_arg(req, reply, "n", 1, QUERY_ROWS_MAX, N_DEFAULT, &n);
	if (!err)
		err = sql_init(&b);
	if (err)
		return err < 0 ? err : 0;
	sql_add(&b, question);
	sql_i64(&b, from_us);
	sql_add(&b, " AND l.start_us < ");
	sql_i64(&b, to_us);
	sql_add(&b, " GROUP BY e.host, e.exporter ORDER BY e.host, e.exporter LIMIT ");
	sql_u64(&b, n);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (is_csv)
		return query_reply_csv(reply, &rows, columns, ARRAY_LEN(columns));
	return query_reply_json(
		reply, &rows, columns, ARRAY_LEN(columns),
		json_pack("{s:I,s:I}", "from_us", (json_int_t)from_us, "to_us", (json_int_t)to_us));
}
