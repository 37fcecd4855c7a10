// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* GET /v1/status: the collector's own numbers, and who reports to it with which hooks. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/collector/api.h"
#include "user/collector/metrics.h"
#include "user/collector/store.h"
#include "user/collector/store_write.h"
#include "user/lib/cleanup.h"
#include "user/lib/log.h"
#include "user/sinks/sinks.h"

#define RESULT __attribute__((cleanup(result_done_auto))) duckdb_result

static json_t *integer(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *counter(enum metric metric)
{
	return integer(metric_get(metric));
}

static json_t *text_of(duckdb_result *res, idx_t col, idx_t row)
{
	char *text = duckdb_value_varchar(res, col, row);
	json_t *value = json_string(text ? text : "");

	duckdb_free(text);
	return value;
}

static json_t *int_of(duckdb_result *res, idx_t col, idx_t row)
{
	return json_integer(duckdb_value_int64(res, col, row));
}

static int query(const struct api_request *req, const char *sql, duckdb_result *res)
{
	AUTO_FREE char *error = NULL;
	int err = store_query(req->reader, sql, NULL, 0, res, &error);

	if (err)
		log_error("status: %s", error ? error : strerror(-err));
	return err;
}

static json_t *ingest_object(void)
{
	json_t *refused = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o}", "forbidden", counter(METRIC_REFUSED_FORBIDDEN),
		"malformed", counter(METRIC_REFUSED_MALFORMED), "too_large",
		counter(METRIC_REFUSED_TOO_LARGE), "sequence", counter(METRIC_REFUSED_SEQUENCE),
		"busy", counter(METRIC_REFUSED_BUSY), "log", counter(METRIC_REFUSED_LOG));

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "batches",
			 counter(METRIC_BATCHES_STORED), "duplicates",
			 counter(METRIC_BATCHES_DUPLICATE), "refused", refused, "missing_batches",
			 counter(METRIC_SEQUENCE_GAPS), "rows", counter(METRIC_ROWS_STORED),
			 "queue_batches", counter(METRIC_QUEUE_BATCHES), "queue_bytes",
			 counter(METRIC_QUEUE_BYTES), "lag_bytes", counter(METRIC_LAG_BYTES),
			 "commits", counter(METRIC_COMMITS), "commit_failures",
			 counter(METRIC_COMMIT_FAILURES));
}

/* Tiers of flows, and all other series as one, in the order of their age limits. */
static const char segments_sql[] =
	"SELECT CASE WHEN starts_with(name, 'flows_') THEN 'raw' WHEN starts_with(name, 'minutes_') "
	"THEN 'minute' WHEN starts_with(name, 'hours_') THEN 'hour' ELSE 'signals' END AS tier, "
	"coalesce(sum(rows), 0)::BIGINT, count(*) FILTER (file = ''), count(*) FILTER (file <> ''), "
	"coalesce(sum(bytes), 0)::BIGINT, coalesce(min(min_start_us) FILTER (rows > 0), 0), "
	"coalesce(max(max_end_us) FILTER (rows > 0), 0) FROM segments GROUP BY tier ORDER BY tier";

static json_t *tier_object(duckdb_result *res, idx_t row)
{
	static const char *const names[] = { "rows",  "tables",	  "files",
					     "bytes", "first_us", "last_us" };
	char *tier = duckdb_value_varchar(res, 0, row);
	json_t *o = json_pack("{s:s}", "tier", tier ? tier : "");

	duckdb_free(tier);
	for (idx_t i = 0; i < ARRAY_LEN(names); i++)
		json_object_set_new(o, names[i], int_of(res, i + 1, row));
	return o;
}

/* Rows are those that agents sent: coarser tiers hold them once more. */
static json_t *store_object(const struct api_request *req)
{
	json_int_t rows = 0, tables = 0, first_us = 0, last_us = 0;
	json_t *tiers = json_array();
	uint64_t bytes = store_file_bytes(req->store);
	RESULT res = {};

	if (query(req, segments_sql, &res)) {
		json_decref(tiers);
		return NULL;
	}
	for (idx_t i = 0; i < duckdb_row_count(&res); i++) {
		json_t *tier = tier_object(&res, i);
		const char *name = json_string_value(json_object_get(tier, "tier"));
		json_int_t first = duckdb_value_int64(&res, 5, i);

		if (!strcmp(name, "raw") || !strcmp(name, "signals"))
			rows += duckdb_value_int64(&res, 1, i);
		tables += duckdb_value_int64(&res, 2, i);
		bytes += duckdb_value_uint64(&res, 4, i);
		if (first && (!first_us || first < first_us))
			first_us = first;
		if (duckdb_value_int64(&res, 6, i) > last_us)
			last_us = duckdb_value_int64(&res, 6, i);
		json_array_append_new(tiers, tier);
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "rows", rows, "tables", tables,
			 "first_us", first_us, "last_us", last_us, "bytes", integer(bytes),
			 "log_bytes", counter(METRIC_LOG_BYTES), "damaged_files",
			 counter(METRIC_SEGMENTS_DAMAGED), "tiers", tiers);
}

/* The object of an agent in the array, made when it is not there yet. Borrowed. */
static json_t *agent_object(json_t *agents, const char *name)
{
	size_t i;
	json_t *a;

	json_array_foreach(agents, i, a)
		if (!strcmp(json_string_value(json_object_get(a, "agent")), name))
			return a;
	a = json_pack("{s:s, s:s, s:i, s:[], s:[]}", "agent", name, "host", "", "last_us", 0,
		      "exporters", "interfaces");
	return json_array_append_new(agents, a) ? NULL : a;
}

static json_t *agent_of_row(json_t *agents, duckdb_result *res, idx_t row)
{
	char *name = duckdb_value_varchar(res, 0, row);
	json_t *a = name ? agent_object(agents, name) : NULL;

	duckdb_free(name);
	return a;
}

/* Newest first: an agent's host and last_us are those of its newest exporter. */
static int add_exporters(const struct api_request *req, json_t *agents)
{
	RESULT res = {};
	int err = query(req,
			"SELECT agent, host, last_us, exporter, lower(hex(instance)), high_water, "
			"gaps, first_us FROM exporters ORDER BY last_us DESC LIMIT 1000",
			&res);

	for (idx_t row = 0; !err && row < duckdb_row_count(&res); row++) {
		json_t *a = agent_of_row(agents, &res, row);

		if (!json_integer_value(json_object_get(a, "last_us"))) {
			json_object_set_new(a, "host", text_of(&res, 1, row));
			json_object_set_new(a, "last_us", int_of(&res, 2, row));
		}
		if (json_array_append_new(
			    json_object_get(a, "exporters"),
			    json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "exporter",
				      text_of(&res, 3, row), "instance", text_of(&res, 4, row),
				      "high_water", int_of(&res, 5, row), "missing_batches",
				      int_of(&res, 6, row), "first_us", int_of(&res, 7, row),
				      "last_us", int_of(&res, 2, row))))
			err = -ENOMEM;
	}
	return err;
}

static int add_interfaces(const struct api_request *req, json_t *agents)
{
	RESULT res = {};
	int err = query(req,
			"SELECT agent, name, ifindex, netns, hook, last_us FROM interfaces "
			"ORDER BY agent, name, netns LIMIT 10000",
			&res);

	for (idx_t row = 0; !err && row < duckdb_row_count(&res); row++) {
		json_t *a = agent_of_row(agents, &res, row);

		if (json_array_append_new(
			    json_object_get(a, "interfaces"),
			    json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", text_of(&res, 1, row),
				      "ifindex", int_of(&res, 2, row), "netns",
				      int_of(&res, 3, row), "hook", text_of(&res, 4, row),
				      "last_us", int_of(&res, 5, row))))
			err = -ENOMEM;
	}
	return err;
}

int api_status(const struct api_request *req, struct api_reply *reply)
{
	json_t *agents = json_array();
	json_t *store = store_object(req);
	int64_t started_us = (int64_t)metric_get(METRIC_STARTED_US);
	int err = store ? add_exporters(req, agents) : -EIO;

	if (!err)
		err = add_interfaces(req, agents);
	if (err) {
		json_decref(agents);
		json_decref(store);
		return err;
	}
	return api_json(reply, json_pack("{s:s, s:I, s:I, s:f, s:o, s:o, s:o, s:o}", "version",
					 WT_VERSION, "now_us", (json_int_t)req->now_us,
					 "started_us", (json_int_t)started_us, "uptime_s",
					 (double)(req->now_us - started_us) / 1e6, "store", store,
					 "ingest", ingest_object(), "agents", agents, "sinks",
					 sinks_json()));
}
