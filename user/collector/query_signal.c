// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A request's arguments in, a view of connections, drops or latencies as SQL out. */
#include "user/collector/query_signal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/api.h"
#include "user/collector/filter.h"
#include "user/collector/query.h"
#include "user/collector/query_sql.h"
#include "user/collector/store.h"
#include "user/lib/suggest.h"

#define SINCE_REPORTS_US (INT64_C(3600) * 1000000)

/* What a later report knows better; a gauge of 0 is no report. */
#define LAST(column) "arg_max(" column ", last_us) AS " column ", "
#define LAST_KNOWN(column) \
	"coalesce(arg_max(" column ", last_us) FILTER (" column " > 0), 0) AS " column ", "
#define SUM(column) "sum(" column ")::UBIGINT AS " column ", "
#define MAX(column) "max(" column ") AS " column ", "

static const char merged[] = "SELECT exporter_id, id, " LAST("local_hi") LAST("local_lo") LAST("remote_hi") LAST(
	"remote_lo") LAST("local_port") LAST("remote_port") LAST("netns") MAX("role") MAX("\"end\"")
	LAST("state") "bit_or(happened) AS happened, " MAX("error") "coalesce(min(start_us) FILTER (start_us > 0), 0) AS start_us, " MAX(
		"last_us") "max(end_us) AS ended_us, " MAX("connect_ns") MAX("accept_ns")
		SUM("octets_acked") SUM("octets_received") SUM("retransmit_octets") LAST_KNOWN(
			"pacing_rate") LAST_KNOWN("delivery_rate") LAST_KNOWN("cgroup")
			SUM("segments_out") SUM("retransmits") SUM("retransmits_rto") SUM(
				"retransmits_fast") SUM("retransmits_syn") SUM("retransmits_synack")
				LAST_KNOWN("srtt_us") LAST_KNOWN("rttvar_us") LAST_KNOWN(
					"min_rtt_us") LAST_KNOWN("cwnd") LAST("reordering")
					LAST("lost") LAST("unacked") LAST_KNOWN(
						"pid") "coalesce(arg_max(uid, last_us) FILTER (uid < 4294967295), 4294967295) AS uid, "
						       "coalesce(arg_max(comm, last_us) FILTER (comm <> ''), '') AS comm, "
						       "coalesce(arg_max(cgroup_path, last_us) FILTER (cgroup_path <> ''), '') AS cgroup_path";

/* The client's side is src; who cannot say is the client. */
#define SIDE(as, server, client) "CASE role WHEN 2 THEN " server " ELSE " client " END AS " as
static const char sides[] =
	"SELECT *, " SIDE("src_hi", "remote_hi", "local_hi") ", " SIDE("src_lo", "remote_lo", "local_lo") ", " SIDE(
		"src_port", "remote_port",
		"local_port") ", " SIDE("dst_hi", "local_hi",
					"remote_hi") ", " SIDE("dst_lo", "local_lo",
							       "remote_lo") ", " SIDE("dst_port",
										      "local_port",
										      "remote_port") ", "
												     "6::UTINYINT AS proto, 0::UTINYINT AS flags, 1 AS sampling, 0 AS ifindex, 0 AS peer_ifindex, "
												     "segments_out AS packets, octets_acked + octets_received AS l2_octets, "
												     "CASE WHEN local_hi = 0 AND local_lo >> 32 = 65535 THEN 2048 ELSE 34525 END AS ethertype, "
												     "CASE WHEN ended_us > 0 THEN ended_us ELSE last_us END AS end_us";

static const enum filter_scope filter_scopes[STORE_SERIES] = {
	[SERIES_CONNECTIONS] = FILTER_CONNECTIONS,
	[SERIES_DROPS] = FILTER_DROPS,
	[SERIES_LATENCIES] = FILTER_LATENCIES,
};

static int parse_filter(const struct api_request *req, struct api_reply *reply,
			struct signal_scope *scope)
{
	const char *text = req->arg(req, "filter");
	struct filter_error error;
	int err;

	if (!text)
		return 0;
	err = filter_parse(text, filter_scopes[scope->series], &scope->filter, &error);
	if (err != -EINVAL)
		return err;
	err = api_error(reply, 400, "filter", (long)error.position, "%s", error.message);
	return err < 0 ? err : 1;
}

/*
 * Reports of connections that something came of since: of the last hour, or from the first new one
 * on. All of history would be read every time.
 */
static int narrow(const struct api_request *req, struct api_reply *reply,
		  struct signal_scope *scope)
{
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b;
	int err = sql_init(&b);

	if (err)
		return err;
	sql_add(&b, "SELECT least(min(last_us), ");
	sql_i64(&b, req->now_us - SINCE_REPORTS_US);
	sql_add(&b, ")::BIGINT FROM ");
	sql_add(&b, scope->after.source);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err;
	if (!query_rows_next(&rows))
		return -EIO;
	if (query_int(&rows, 0) > scope->from_us)
		scope->from_us = query_int(&rows, 0);
	return 0;
}

int signal_scope_parse(const struct api_request *req, struct api_reply *reply,
		       enum store_series series, struct signal_scope *ret)
{
	AUTO(signal_scope_done) struct signal_scope scope = { .series = series };
	int err = query_after_parse(req, reply, series, &scope.after);

	if (!err)
		err = query_after_range(req, reply, &scope.after, &scope.from_us, &scope.to_us);
	if (!err)
		err = parse_filter(req, reply, &scope);
	if (series != SERIES_CONNECTIONS)
		scope.source = TAKE(scope.after.source);
	else if (!err && scope.after.source)
		err = narrow(req, reply, &scope);
	if (!err && !scope.source)
		err = store_source(req->reader, series, scope.from_us, scope.to_us, &scope.source);
	if (err)
		return err;
	scope.exporter = req->arg(req, "exporter");
	*ret = scope;
	memset(&scope, 0, sizeof(scope));
	return 0;
}

void signal_scope_done(struct signal_scope *scope)
{
	filter_free(scope->filter);
	free(scope->source);
	query_after_done(&scope->after);
	memset(scope, 0, sizeof(*scope));
}

/* Connections that something came of since. */
static void add_since(const struct signal_scope *scope, struct sql_builder *b)
{
	sql_add(b, " JOIN (SELECT exporter_id AS since_exporter_id, id AS since_id, "
		   "count(*) AS since_reports, max(end_us) AS since_end_us FROM ");
	sql_add(b, scope->after.source);
	sql_add(b, " GROUP BY ALL) ON since_exporter_id = exporter_id AND since_id = id");
}

/* " WHERE <time> AND <exporter>" of rows of the tables */
static void add_where(const struct signal_scope *scope, struct sql_builder *b)
{
	bool is_span = scope->series != SERIES_CONNECTIONS;

	sql_add(b, is_span ? " WHERE end_us >= " : " WHERE last_us >= ");
	sql_i64(b, scope->from_us);
	sql_add(b, is_span ? " AND start_us < " : " AND last_us < ");
	sql_i64(b, scope->to_us);
	if (!scope->exporter || !*scope->exporter)
		return;
	sql_add(b, " AND exporter_id IN (SELECT id FROM exporters WHERE ");
	sql_text(b, scope->exporter);
	sql_add(b, " IN (agent, host, exporter))");
}

static void add_connections(const struct signal_scope *scope, struct sql_builder *b)
{
	sql_add(b, sides);
	sql_add(b, " FROM (");
	sql_add(b, merged);
	sql_add(b, " FROM ");
	sql_add(b, scope->source);
	sql_add(b, " f");
	if (scope->after.source)
		add_since(scope, b);
	add_where(scope, b);
	sql_add(b, " GROUP BY exporter_id, id");
	if (scope->after.source) /* it has ended, or all that is known of it is new */
		sql_add(b, " HAVING max(since_end_us) > 0 OR count(*) = max(since_reports)");
	sql_add(b, ") m");
}

/* skb_iif is of the namespace the packet came into: the agent's is one of several. */
static void add_drops(const struct signal_scope *scope, struct sql_builder *b)
{
	sql_add(b,
		"SELECT f.*, 0::UTINYINT AS flags, 1 AS sampling, 0 AS peer_ifindex, octets AS l2_octets, "
		"CASE WHEN f.ifindex = 0 THEN 'unknown' ELSE coalesce(i.name, 'if' || f.ifindex) "
		"END AS interface FROM (SELECT *");
	sql_add(b, " FROM ");
	sql_add(b, scope->source);
	sql_add(b, " f");
	add_where(scope, b);
	sql_add(b, ") f JOIN exporters e ON e.id = f.exporter_id LEFT JOIN"
		   " (SELECT agent AS of_agent, ifindex AS index, netns AS space,"
		   " arg_max(name, last_us) AS name FROM interfaces GROUP BY ALL) i"
		   " ON i.of_agent = e.agent AND i.index = f.ifindex"
		   " AND (f.netns = 0 OR i.space = f.netns)");
}

/* Nobody says which side: the filter has no src and dst here, both are the only one there is. */
static void add_latencies(const struct signal_scope *scope, struct sql_builder *b)
{
	sql_add(b, "SELECT *, remote_hi AS src_hi, remote_lo AS src_lo, remote_hi AS dst_hi, "
		   "remote_lo AS dst_lo, port AS src_port, port AS dst_port, "
		   "6::UTINYINT AS proto, 0::UTINYINT AS flags, "
		   "CASE WHEN remote_hi = 0 AND remote_lo >> 32 = 65535 THEN 2048 ELSE 34525 END "
		   "AS ethertype FROM ");
	sql_add(b, scope->source);
	sql_add(b, " f");
	add_where(scope, b);
}

void signal_from(const struct signal_scope *scope, struct sql_builder *b)
{
	sql_add(b, " FROM (");
	if (scope->series == SERIES_DROPS)
		add_drops(scope, b);
	else if (scope->series == SERIES_LATENCIES)
		add_latencies(scope, b);
	else
		add_connections(scope, b);
	sql_add(b, ") v WHERE ");
	if (scope->filter)
		filter_sql(scope->filter, b);
	else
		sql_add(b, "TRUE");
}

void signal_page_begin(const struct signal_scope *scope, struct sql_builder *b)
{
	sql_add(b, " FROM (");
	sql_add(b, sides);
	sql_add(b, " FROM (");
	sql_add(b, merged);
	sql_add(b, " FROM ");
	sql_add(b, scope->source);
	sql_add(b, " f SEMI JOIN (");
}

void signal_page_end(const struct signal_scope *scope, struct sql_builder *b)
{
	sql_add(b, ") USING (exporter_id, id)");
	add_where(scope, b);
	sql_add(b, " GROUP BY exporter_id, id) m) v");
}

int signal_word_arg(const struct api_request *req, struct api_reply *reply, const char *name,
		    const char *const *words, size_t len, size_t *ret)
{
	const char *word = req->arg(req, name), *near;
	int err;

	*ret = 0;
	if (!word)
		return 0;
	for (*ret = 0; *ret < len; ++*ret)
		if (!strcmp(words[*ret], word))
			return 0;
	near = suggest_nearest(word, (const char **)words, len);
	err = near ? api_error(reply, 400, name, -1, "%s has no such word; did you mean '%s'?",
			       name, near)
		   : api_error(reply, 400, name, -1, "%s has no such word; the first is '%s'", name,
			       words[0]);
	return err < 0 ? err : 1;
}
