// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/ledger: what happened to every packet, per observation point, over whole intervals; and
 * whether it adds up with the rows that are stored.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/ledger_sum.h"
#include "user/collector/store.h"
#include "user/collector/store_sums.h"
#include "user/collector/store_write.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"

#define RESULT __attribute__((cleanup(result_done_auto))) duckdb_result

/*
 * The intervals asked for: those with a ledger whose time overlaps the range. An interval's rows
 * are compared whole, so flows are chosen by interval and never by time. Entries without a time
 * bring later losses to an interval that had its ledger before.
 */
#define INTERVALS                                                                             \
	"WITH asked AS (SELECT exporter_id, \"interval\", min(start_us) FILTER (end_us > 0) " \
	"AS start_us, max(end_us) AS end_us FROM ledger GROUP BY ALL "                        \
	"HAVING max(end_us) > $1 AND min(start_us) FILTER (end_us > 0) < $2), "               \
	"live AS (SELECT asked.* FROM asked JOIN exporters e ON e.id = exporter_id "          \
	"WHERE \"interval\" > e.expired_interval) "

static const char expired_sql[] =
	INTERVALS "SELECT (SELECT count(*) FROM asked) - (SELECT count(*) FROM live)";

static const char ledger_sql[] = INTERVALS
	"SELECT exporter_id, ifindex, netns, point, name, sum(packets)::BIGINT, "
	"sum(octets)::BIGINT, count(DISTINCT \"interval\"), min(live.start_us), max(live.end_us) "
	"FROM ledger JOIN live USING (exporter_id, \"interval\") "
	"GROUP BY exporter_id, ifindex, netns, point, name";

/*
 * What the store has: sums of what is sealed, and of each table, which stand in the middle. Points
 * that are no interface have their agent's own namespace, whichever one the socket or the packet
 * was in.
 */
static const char stored_before[] =
	INTERVALS ", spaces AS (SELECT exporter_id, point, any_value(netns) AS space FROM ledger "
		  "WHERE point >= 16 GROUP BY ALL) "
		  "SELECT exporter_id, ifindex, coalesce(space, netns), point, name, "
		  "sum(packets)::BIGINT, sum(octets)::BIGINT, 0, NULL, NULL FROM ("
		  "SELECT exporter_id, \"interval\", ifindex, netns, point, name, packets, octets "
		  "FROM stored";
static const char stored_after[] = ") JOIN live USING (exporter_id, \"interval\") "
				   "LEFT JOIN spaces USING (exporter_id, point) GROUP BY ALL";

static const char names_sql[] =

	"SELECT e.id, e.agent, e.host, e.exporter, lower(hex(e.instance)), i.ifindex, i.netns, "
	"i.name FROM exporters e LEFT JOIN interfaces i ON i.agent = e.agent";

struct range {
	int64_t from_us;
	int64_t to_us;
};

static int query(const struct api_request *req, const char *sql, const struct range *range,
		 duckdb_result *res)
{
	duckdb_value params[2] = { duckdb_create_int64(range->from_us),
				   duckdb_create_int64(range->to_us) };
	AUTO_FREE char *error = NULL;
	int err = store_query(req->reader, sql, params, 2, res, &error);

	duckdb_destroy_value(&params[0]);
	duckdb_destroy_value(&params[1]);
	if (err && err != -ETIME)
		log_error("ledger: %s", error ? error : strerror(-err));
	return err;
}

static int add_counts(struct ledger_sum *sum, duckdb_result *res)
{
	int err = 0;

	for (idx_t row = 0; !err && row < duckdb_row_count(res); row++) {
		struct ledger_key key = {
			.exporter_id = duckdb_value_uint32(res, 0, row),
			.ifindex = duckdb_value_uint32(res, 1, row),
			.netns = duckdb_value_uint32(res, 2, row),
			.point = duckdb_value_uint32(res, 3, row),
		};
		struct ledger_span span = {
			.intervals = duckdb_value_uint64(res, 7, row),
			.from_us = duckdb_value_int64(res, 8, row),
			.to_us = duckdb_value_int64(res, 9, row),
		};
		char *name = duckdb_value_varchar(res, 4, row);

		err = ledger_sum_add(sum, &key, name ? name : "", duckdb_value_int64(res, 5, row),
				     duckdb_value_int64(res, 6, row), &span);
		duckdb_free(name);
	}
	return err;
}

static int add_ledger(const struct api_request *req, const struct range *range,
		      struct ledger_sum *sum)
{
	RESULT res = {};
	int err = query(req, ledger_sql, range, &res);

	return err ? err : add_counts(sum, &res);
}

static int write_stored(const struct api_request *req, FILE *out)
{
	int err = 0;

	fputs(stored_before, out);
	for (int series = 0; series < STORE_SERIES && !err; series++) {
		const struct store_sums *sums = store_sums_of(series);
		AUTO_FREE char *source = NULL;

		if (!sums)
			continue;
		err = store_source_open(req->reader, series, &source);
		if (!err)
			fprintf(out, " UNION ALL %s%s%s", sums->before, source, sums->after);
	}
	fputs(stored_after, out);
	return err;
}

static int add_stored(const struct api_request *req, const struct range *range,
		      struct ledger_sum *sum)
{
	AUTO_FREE char *sql = NULL;
	RESULT res = {};
	size_t len;
	FILE *out = open_memstream(&sql, &len);
	int err;

	if (!out)
		return -ENOMEM;
	err = write_stored(req, out);
	if (fclose(out) && !err)
		err = -ENOMEM;
	if (!err)
		err = query(req, sql, range, &res);
	return err ? err : add_counts(sum, &res);
}

static int add_names(const struct api_request *req, struct ledger_sum *sum)
{
	RESULT res = {};
	AUTO_FREE char *error = NULL;
	int err = store_query(req->reader, names_sql, NULL, 0, &res, &error);

	for (idx_t row = 0; !err && row < duckdb_row_count(&res); row++) {
		char *text[5];
		static const idx_t columns[5] = { 1, 2, 3, 4, 7 };

		for (size_t i = 0; i < 5; i++)
			text[i] = duckdb_value_varchar(&res, columns[i], row);
		ledger_sum_name(sum, duckdb_value_uint32(&res, 0, row),
				duckdb_value_uint32(&res, 5, row),
				duckdb_value_uint32(&res, 6, row), (const char *const *)text);
		for (size_t i = 0; i < 5; i++)
			duckdb_free(text[i]);
	}
	return err;
}

static int count_expired(const struct api_request *req, const struct range *range, int64_t *ret)
{
	RESULT res = {};
	int err = query(req, expired_sql, range, &res);

	if (!err)
		*ret = duckdb_value_int64(&res, 0, 0);
	return err;
}

int api_ledger(const struct api_request *req, struct api_reply *reply)
{
	AUTO(ledger_sum_free) struct ledger_sum *sum = ledger_sum_new();
	struct range range;
	int64_t expired = 0;
	int err = api_range(req, reply, &range.from_us, &range.to_us);

	if (err)
		return err < 0 ? err : 0;
	if (!sum)
		return -ENOMEM;
	err = add_ledger(req, &range, sum);
	if (!err)
		err = add_stored(req, &range, sum);
	if (!err)
		err = add_names(req, sum);
	if (!err)
		err = count_expired(req, &range, &expired);
	if (err == -ETIME)
		return api_error(reply, 503, "last", -1,
				 "the query took too long: ask for a shorter range");
	if (err == -E2BIG)
		return api_error(reply, 400, "last", -1,
				 "more than %d observation points: ask for a shorter range",
				 LEDGER_POINTS_MAX);
	if (err)
		return err;
	return api_json(reply, ledger_sum_json(sum, range.from_us, range.to_us, expired));
}
