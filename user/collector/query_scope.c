// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A request's arguments in, the rows it is about as SQL out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/filter.h"
#include "user/collector/query.h"
#include "user/collector/query_owner.h"
#include "user/collector/query_sql.h"
#include "user/collector/store.h"

/* flags: counted (2) and not the inside of a tunnel (8) */
#define COUNTED "flags & 10 = 2"

static int parse_filter(const struct api_request *req, struct api_reply *reply,
			struct query_scope *scope)
{
	const char *text = req->arg(req, "filter");
	struct filter_error error;
	int err;

	if (!text)
		return 0;
	err = filter_parse(text, FILTER_FLOWS, &scope->filter, &error);
	if (err != -EINVAL)
		return err;
	err = api_error(reply, 400, "filter", (long)error.position, "%s", error.message);
	return err < 0 ? err : 1;
}

/* Of rows behind a cursor, which the list of segments says nothing about. */
static int look_ahead(const struct api_request *req, struct api_reply *reply,
		      struct query_scope *scope)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b;
	int err = sql_init(&b);

	if (err)
		return err;
	sql_add(&b, "SELECT coalesce(max(sampling), 0)::BIGINT, coalesce(min(start_us), 0) FROM ");
	sql_add(&b, scope->source);
	sql_add(&b, " f");
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err;
	if (!query_rows_next(&rows))
		return -EIO;
	scope->tiers.may_have = TRAIT_ALL & ~(unsigned int)TRAIT_SAMPLED;
	if (query_int(&rows, 0) > 1)
		scope->tiers.may_have |= TRAIT_SAMPLED;
	scope->tiers.first_us = query_int(&rows, 1);
	scope->tiers.is_open = true;
	return 0;
}

static int find_source(const struct api_request *req, struct api_reply *reply, enum store_tier tier,
		       struct query_scope *scope)
{
	scope->source = TAKE(scope->after.source);
	if (scope->source)
		return look_ahead(req, reply, scope);
	return store_source_flows(req->reader, tier, scope->from_us, scope->to_us, &scope->source,
				  &scope->tiers);
}

const char *query_measure(const struct query_scope *scope, enum query_measure measure)
{
	/* sums of signed columns take two thirds of the time; no row has more (store_append.c) */
	static const char *const plain[] = { "try_cast(packets AS BIGINT)",
					     "try_cast(l2_octets AS BIGINT)",
					     "try_cast(l3_octets AS BIGINT)" };
	static const char *const estimated[] = {
		"packets::HUGEINT * greatest(sampling, 1)",
		"l2_octets::HUGEINT * greatest(sampling, 1)",
		"l3_octets::HUGEINT * greatest(sampling, 1)",
	};

	return scope->tiers.may_have & TRAIT_SAMPLED ? estimated[measure] : plain[measure];
}

static const char *const tier_names[STORE_TIERS + 1] = {
	[TIER_RAW] = "raw",
	[TIER_MINUTE] = "minute",
	[TIER_HOUR] = "hour",
	[STORE_TIERS] = "auto",
};

static int parse_tier(const struct api_request *req, struct api_reply *reply,
		      enum store_tier fallback, enum store_tier *ret)
{
	const char *text = req->arg(req, "tier");
	int err;

	*ret = fallback;
	if (!text)
		return 0;
	for (int i = 0; i <= STORE_TIERS; i++) {
		if (!strcmp(tier_names[i], text)) {
			*ret = (enum store_tier)i;
			return 0;
		}
	}
	err = api_error(reply, 400, "tier", -1, "tier is none of auto, raw, minute, hour");
	return err < 0 ? err : 1;
}

json_t *query_tiers_json(const struct query_scope *scope)
{
	json_t *names = json_array();

	for (int i = 0; i < STORE_TIERS; i++)
		if (scope->tiers.rows[i])
			json_array_append_new(names, json_string(tier_names[i]));
	return names;
}

static int join_owners(const struct api_request *req, struct query_scope *scope)
{
	scope->owner = calloc(1, sizeof(*scope->owner));
	if (!scope->owner)
		return -ENOMEM;
	return owner_scope_init(req, query_first_us(scope), scope->to_us, false, scope->owner);
}

static int scope_parse(const struct api_request *req, struct api_reply *reply,
		       enum store_tier fallback, struct query_scope *ret)
{
	AUTO(query_scope_done) struct query_scope scope = { 0 };
	enum store_tier tier = fallback;
	int err = query_after_parse(req, reply, SERIES_FLOWS, &scope.after);

	if (!err)
		err = query_after_range(req, reply, &scope.after, &scope.from_us, &scope.to_us);
	if (!err)
		err = parse_filter(req, reply, &scope);
	if (!err)
		err = query_flag_arg(req, reply, "all", &scope.all);
	if (!err)
		err = parse_tier(req, reply, fallback, &tier);
	if (!err)
		err = find_source(req, reply, tier, &scope);
	if (!err && filter_is_owned(scope.filter))
		err = join_owners(req, &scope);
	if (err)
		return err;
	scope.exporter = req->arg(req, "exporter");
	*ret = scope;
	memset(&scope, 0, sizeof(scope));
	return 0;
}

int query_scope_parse(const struct api_request *req, struct api_reply *reply,
		      struct query_scope *ret)
{
	return scope_parse(req, reply, STORE_TIERS, ret);
}

int query_scope_parse_fine(const struct api_request *req, struct api_reply *reply,
			   struct query_scope *ret)
{
	return scope_parse(req, reply, TIER_RAW, ret);
}

void query_scope_done(struct query_scope *scope)
{
	filter_free(scope->filter);
	free(scope->source);
	if (scope->owner)
		owner_scope_done(scope->owner);
	free(scope->owner);
	query_after_done(&scope->after);
	memset(scope, 0, sizeof(*scope));
}

static void add_exporter(const struct query_scope *scope, struct sql_builder *b)
{
	sql_add(b, " AND exporter_id IN (SELECT id FROM exporters WHERE ");
	sql_text(b, scope->exporter);
	sql_add(b, " IN (agent, host, exporter))");
}

static void add_where(const struct query_scope *scope, struct sql_builder *b)
{
	sql_add(b, " WHERE TRUE");
	if (scope->tiers.is_open) { /* else its rows are of that time */
		sql_add(b, " AND start_us >= ");
		sql_i64(b, scope->from_us);
		sql_add(b, " AND start_us < ");
		sql_i64(b, scope->to_us);
	}
	if (!scope->all && scope->tiers.may_have & TRAIT_UNCOUNTED)
		sql_add(b, " AND " COUNTED);
	if (scope->exporter && *scope->exporter)
		add_exporter(scope, b);
}

static void add_rows(const struct query_scope *scope, struct sql_builder *b)
{
	sql_add(b, " FROM ");
	sql_add(b, scope->source);
	sql_add(b, " f");
	add_where(scope, b);
	sql_add(b, scope->tiers.may_have & TRAIT_FOLD ? " AND kind = 0" : "");
}

/* Under the names that connections have; what is not known is as if it were not there. */
static const char as_connections[] =
	" FROM (SELECT * EXCLUDE (n, joined, process, cgroup, connect_us, comm, cgroup_path, pid, "
	"srtt_us, retransmits, connect_ns) FROM (SELECT * REPLACE (coalesce(pid, 0) AS pid, "
	"coalesce(srtt_us, 0) AS srtt_us, coalesce(retransmits, 0) AS retransmits), "
	"coalesce(process, '') AS comm, coalesce(cgroup, '') AS cgroup_path, "
	"coalesce(connect_us, 0) * 1000 AS connect_ns FROM ";

void query_from_flows(const struct query_scope *scope, struct sql_builder *b)
{
	if (!scope->owner) {
		add_rows(scope, b);
		sql_add(b, scope->filter ? " AND " : "");
	} else {
		sql_add(b, as_connections);
		owner_begin(b);
		sql_add(b, "SELECT *");
		add_rows(scope, b);
		owner_end(scope->owner, b);
		sql_add(b, ") WHERE ");
	}
	if (scope->filter)
		filter_sql(scope->filter, b);
	if (scope->owner)
		sql_add(b, ") f WHERE TRUE");
}

void query_from_folds(const struct query_scope *scope, struct sql_builder *b)
{
	sql_add(b, " FROM (SELECT *, (");
	if (scope->filter)
		filter_sql_fold(scope->filter, b);
	else
		sql_add(b, "TRUE");
	sql_add(b, ") AS is_match FROM ");
	sql_add(b, scope->source);
	sql_add(b, " f");
	add_where(scope, b);
	sql_add(b, " AND kind = 1) f");
}
