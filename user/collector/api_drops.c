// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/drops?by=reason,interface,location,flow,process,cgroup,proto,host&filter=&purged=0|1&n=50
 * &last=…|from=&to=&after=&exporter=&format=json|csv: packets that were dropped, by what and where.
 */
#include <errno.h>
#include <jansson.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_group.h"
#include "user/collector/query_owner.h"
#include "user/collector/query_signal.h"
#include "user/collector/query_sql.h"
#include "user/lib/cleanup.h"

#define N_DEFAULT 50
#define SINCE_OWNERS_US (INT64_C(3600) * 1000000)

#define TUPLE "CASE WHEN has_tuple = 1 THEN "
static const struct group_key keys[] = {
	/* 5.10 gives no reason: the place is the name */
	{ "reason",
	  { { { "reason", COLUMN_TEXT },
	      "CASE WHEN reason <> '' THEN reason WHEN location <> '' THEN "
	      "split_part(location, '+', 1) ELSE 'unknown' END" } } },
	{ "interface", { { { "interface", COLUMN_TEXT }, "interface" } } },
	{ "location",
	  { { { "location", COLUMN_TEXT },
	      "CASE WHEN location <> '' THEN location ELSE 'unknown' END" } } },
	{ "flow",
	  { { { "src", COLUMN_ADDRESS }, TUPLE "src_hi END, " TUPLE "src_lo END" },
	    { { "src_port", COLUMN_INT }, TUPLE "src_port::BIGINT END" },
	    { { "dst", COLUMN_ADDRESS }, TUPLE "dst_hi END, " TUPLE "dst_lo END" },
	    { { "dst_port", COLUMN_INT }, TUPLE "dst_port::BIGINT END" },
	    { { "proto", COLUMN_PROTO_NAME }, TUPLE "proto::BIGINT END" } } },
	{ "process",
	  { { { "process", COLUMN_TEXT }, "coalesce(process, 'unknown')" } },
	  .is_owned = true },
	{ "cgroup",
	  { { { "cgroup", COLUMN_TEXT }, "coalesce(cgroup, 'unknown')" } },
	  .is_owned = true },
	{ "proto", { { { "proto", COLUMN_PROTO_NAME }, TUPLE "proto::BIGINT END" } } },
	{ "host",
	  { { { "host", COLUMN_TEXT },
	      "(SELECT host FROM exporters WHERE exporters.id = exporter_id)" } } },
};

static const struct query_column measures[] = {
	{ "packets", COLUMN_INT },
	{ "octets", COLUMN_INT },
	{ "start_us", COLUMN_INT },
	{ "end_us", COLUMN_INT },
};
#define MEASURES_SQL                      \
	QUERY_BIGINT("sum(packets)")      \
	" AS all_packets, " QUERY_BIGINT( \
		"sum(octets)") ", min(start_us)::BIGINT, max(end_us)::BIGINT"

struct drops {
	struct signal_scope scope;
	struct owner_scope owner; /* where the group is owned */
	struct group group;
	uint64_t n;
	bool purged;
	bool is_csv;
};

static inline void drops_done_auto(struct drops *d)
{
	signal_scope_done(&d->scope);
	owner_scope_done(&d->owner);
}

/* Of what came since, whenever that was: connections of the last hour. */
static int owner_init(const struct api_request *req, struct drops *d)
{
	int64_t from_us = d->scope.from_us, hour_ago_us = req->now_us - SINCE_OWNERS_US;

	if (d->scope.after.is_given && from_us < hour_ago_us)
		from_us = hour_ago_us;
	return owner_scope_init(req, from_us, d->scope.to_us, false, &d->owner);
}

static int parse(const struct api_request *req, struct api_reply *reply, struct drops *d)
{
	int err = group_arg(req, reply, keys, ARRAY_LEN(keys), &d->group);

	if (!err)
		err = query_format_arg(req, reply, &d->is_csv);
	if (!err)
		err = query_flag_arg(req, reply, "purged", &d->purged);
	if (!err)
		err = query_number_arg(req, reply, "n", 1, QUERY_ROWS_MAX, N_DEFAULT, &d->n);
	if (!err)
		err = signal_scope_parse(req, reply, SERIES_DROPS, &d->scope);
	if (!err && group_is_owned(&d->group))
		err = owner_init(req, d);
	return err;
}

static void add_matched(const struct drops *d, struct sql_builder *b)
{
	signal_from(&d->scope, b);
	/* What a closing socket held is no loss on the way: it is asked for by name. */
	sql_add(b, d->purged ? " AND purged = 1" : " AND purged = 0");
}

/* The same, each row once with its owner where the group needs it. */
static void add_owned(const struct drops *d, struct sql_builder *b)
{
	if (!d->owner.source) {
		add_matched(d, b);
		return;
	}
	sql_add(b, " FROM ");
	owner_begin(b);
	sql_add(b, "SELECT *");
	add_matched(d, b);
	owner_end(&d->owner, b);
}

static int total(const struct api_request *req, struct api_reply *reply, const struct drops *d,
		 int64_t *packets, int64_t *octets)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b;
	int err = sql_init(&b);

	if (err)
		return err;
	sql_add(&b, "SELECT " MEASURES_SQL);
	add_matched(d, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err;
	if (!query_rows_next(&rows))
		return -EIO;
	*packets = query_int(&rows, 0);
	*octets = query_int(&rows, 1);
	return 0;
}

int api_drops(const struct api_request *req, struct api_reply *reply)
{
	AUTO(drops_done) struct drops d = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	struct query_column columns[GROUP_KEYS_MAX * GROUP_COLUMNS_MAX + ARRAY_LEN(measures)];
	int64_t packets = 0, octets = 0;
	int err = parse(req, reply, &d);
	size_t len;

	if (err)
		return err < 0 ? err : 0;
	err = sql_init(&b);
	if (err)
		return err;
	len = group_columns(&d.group, columns);
	for (size_t i = 0; i < ARRAY_LEN(measures); i++)
		columns[len++] = measures[i];
	sql_add(&b, "SELECT ");
	group_add(&d.group, &b);
	sql_add(&b, ", " MEASURES_SQL);
	add_owned(&d, &b);
	sql_add(&b, " GROUP BY ALL ORDER BY all_packets DESC, max(end_us) DESC LIMIT ");
	sql_u64(&b, d.n);
	err = query_run_reply(req, reply, &b, &rows);
	if (!err && !d.is_csv)
		err = total(req, reply, &d, &packets, &octets);
	if (err)
		return err < 0 ? err : 0;
	if (d.is_csv)
		return query_reply_csv(reply, &rows, columns, len);
	return query_reply_json(
		reply, &rows, columns, len,
		json_pack("{s:I,s:I,s:b,s:I,s:I,s:s}", "packets", (json_int_t)packets, "octets",
			  (json_int_t)octets, "purged", d.purged, "from_us",
			  (json_int_t)d.scope.from_us, "to_us", (json_int_t)d.scope.to_us, "cursor",
			  d.scope.after.cursor));
}
