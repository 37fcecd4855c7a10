// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * GET /v1/latencies?by=remote,port,service,role,host&kind=both|connect|rtt&order=p99|p50|count|mean
 * &role=all|client|server|unknown&n=10&step=SECONDS&filter=&last=…|from=&to=&exporter=
 * &format=json|csv: the agents' log2 histograms added up. Percentiles are interpolated within a
 * bucket, whose ends are a factor of 2 apart.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>

#include "user/collector/api.h"
#include "user/collector/query.h"
#include "user/collector/query_group.h"
#include "user/collector/query_signal.h"
#include "user/collector/query_sql.h"
#include "user/lib/cleanup.h"
#include "user/wire/signal.h"

#define N_DEFAULT 10
#define STEP_MAX_S (31 * 86400)
#define HOST "(SELECT host FROM exporters WHERE exporters.id = exporter_id)"

static const struct group_key keys[] = {
	{ "remote", { { { "remote", COLUMN_ADDRESS }, "remote_hi, remote_lo" } } },
	{ "port", { { { "port", COLUMN_INT }, "port::BIGINT" } } },
	/* a server's own address is not in the row: the service is its host's */
	{ "service",
	  { { { "service", COLUMN_ADDRESS },
	      "CASE WHEN role <> 2 THEN remote_hi END, CASE WHEN role <> 2 THEN remote_lo END" },
	    { { "service_port", COLUMN_INT }, "port::BIGINT" },
	    { { "service_host", COLUMN_TEXT }, "CASE WHEN role = 2 THEN " HOST " END" } } },
	{ "role", { { { "role", COLUMN_ROLE }, "role::BIGINT" } } },
	{ "host", { { { "host", COLUMN_TEXT }, HOST } } },
};

/* Behind the keys, and with step= an "at_us". Buckets are last: CSV leaves them out. */
static const struct query_column measures[] = {
	{ "kind", COLUMN_TEXT },  { "count", COLUMN_INT },	 { "mean_ns", COLUMN_INT },
	{ "p50_ns", COLUMN_INT }, { "p90_ns", COLUMN_INT },	 { "p99_ns", COLUMN_INT },
	{ "max_ns", COLUMN_INT }, { "buckets", COLUMN_BUCKETS },
};
static const struct query_column at_column = { "at_us", COLUMN_INT };
#define COLUMNS_MAX (GROUP_KEYS_MAX * GROUP_COLUMNS_MAX + ARRAY_LEN(measures) + 1)

static const char *const kinds[] = { "both", "connect", "rtt" };
static const char *const roles[] = { "all", "client", "server", "unknown" };
static const uint8_t role_numbers[] = { 0, ROLE_CLIENT, ROLE_SERVER, ROLE_UNKNOWN };
static const char *const orders[] = { "p99", "p50", "count", "mean" };
static const char *const orders_sql[] = { "p99", "p50", "n", "mean" };

struct latencies {
	struct signal_scope scope;
	struct group group;
	size_t kind, role, order;
	uint64_t n, step_s; /* step_s 0: no series */
	bool is_csv;
};

static inline void latencies_done_auto(struct latencies *l)
{
	signal_scope_done(&l->scope);
}

static int parse(const struct api_request *req, struct api_reply *reply, struct latencies *l)
{
	int err = group_arg(req, reply, keys, ARRAY_LEN(keys), &l->group);

	if (!err)
		err = signal_word_arg(req, reply, "kind", kinds, ARRAY_LEN(kinds), &l->kind);
	if (!err)
		err = signal_word_arg(req, reply, "role", roles, ARRAY_LEN(roles), &l->role);
	if (!err)
		err = signal_word_arg(req, reply, "order", orders, ARRAY_LEN(orders), &l->order);
	if (!err)
		err = query_format_arg(req, reply, &l->is_csv);
	if (!err)
		err = query_number_arg(req, reply, "n", 1, QUERY_ROWS_MAX, N_DEFAULT, &l->n);
	if (!err)
		err = query_number_arg(req, reply, "step", 1, STEP_MAX_S, 0, &l->step_s);
	if (!err)
		err = signal_scope_parse(req, reply, SERIES_LATENCIES, &l->scope);
	return err;
}

/* Our own words with our own numbers in them, nothing from outside. */
static void add_number(struct sql_builder *b, const char *before, int number, const char *behind)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%02d%s", before, number, behind);
	sql_add(b, text);
}

/* How many columns of the statement the keys have. */
static int keys_len(const struct latencies *l)
{
	struct query_column columns[GROUP_KEYS_MAX * GROUP_COLUMNS_MAX];
	size_t len = group_columns(&l->group, columns);
	int n = (int)len;

	for (size_t i = 0; i < len; i++)
		n += columns[i].kind == COLUMN_ADDRESS;
	return n;
}

/* "k00, k01, …, ": them by names of ours. */
static void add_keys(const struct latencies *l, struct sql_builder *b, const char *before)
{
	int len = keys_len(l);

	for (int i = 0; i < len; i++)
		add_number(b, before, i, ", ");
}

/* " AND the same keys": some are NULL. */
static void add_keys_equal(const struct latencies *l, struct sql_builder *b)
{
	int len = keys_len(l);

	for (int i = 0; i < len; i++) {
		add_number(b, " AND r.k", i, "");
		add_number(b, " IS NOT DISTINCT FROM m.k", i, "");
	}
}

static void add_buckets(struct sql_builder *b, const char *before, const char *behind)
{
	for (int i = 0; i < LATENCY_BUCKETS; i++)
		add_number(b, before, i, behind);
}

/* slots(k00 …, kind, at_us, n, total, t00 …): a histogram for each group and step. */
static void add_slots(const struct latencies *l, struct sql_builder *b)
{
	sql_add(b, "slots(");
	add_keys(l, b, "k");
	sql_add(b, "kind, at_us, n, total");
	add_buckets(b, ", t", "");
	sql_add(b, ") AS (SELECT ");
	group_add(&l->group, b);
	sql_add(b, ", kind, ");
	if (l->step_s) {
		sql_add(b, "start_us // ");
		sql_i64(b, (int64_t)l->step_s * 1000000);
		sql_add(b, " * ");
		sql_i64(b, (int64_t)l->step_s * 1000000);
	} else {
		sql_add(b, "0");
	}
	sql_add(b, "::BIGINT, sum(count)::DOUBLE, sum(sum_ns)::DOUBLE");
	add_buckets(b, ", sum(b", ")::DOUBLE");
	signal_from(&l->scope, b);
	if (l->kind) {
		sql_add(b, " AND kind = ");
		sql_u64(b, l->kind - 1);
	}
	if (l->role) {
		sql_add(b, " AND role = ");
		sql_u64(b, role_numbers[l->role]);
	}
	sql_add(b, " GROUP BY ALL)");
}

/* The same over all steps. */
static void add_groups(const struct latencies *l, struct sql_builder *b)
{
	sql_add(b, ", groups AS (SELECT ");
	add_keys(l, b, "k");
	sql_add(b, "kind, sum(n) AS n, sum(total) AS total");
	for (int i = 0; i < LATENCY_BUCKETS; i++) {
		add_number(b, ", sum(t", i, ")");
		add_number(b, " AS t", i, "");
	}
	sql_add(b, " FROM slots GROUP BY ALL)");
}

static void add_quantile(struct sql_builder *b, const char *q, const char *name)
{
	sql_add(b, "wt_quantile(");
	sql_add(b, q);
	add_buckets(b, ", t", "");
	sql_add(b, ")");
	if (name) {
		sql_add(b, " AS ");
		sql_add(b, name);
	}
}

/*
 * "(SELECT *, mean, p50 … longest …) m" of slots or groups. The longest is at most as long as its
 * bucket's end, and the last bucket has none.
 */
static void add_measured(struct sql_builder *b, const char *from)
{
	sql_add(b, "(SELECT *, total / nullif(n, 0) AS mean, ");
	add_quantile(b, "0.5", "p50, ");
	add_quantile(b, "0.9", "p90, ");
	add_quantile(b, "0.99", "p99, ");
	sql_add(b, "CASE WHEN t31 = 0 THEN ");
	add_quantile(b, "1.0", NULL);
	sql_add(b, " END AS longest FROM ");
	sql_add(b, from);
	sql_add(b, ") m");
}
_Static_assert(LATENCY_BUCKETS == 32, "t31 is the last");

/* ", ranked AS (…)": the n first groups; ties by the keys: the same rows win every time. */
static void add_ranked(const struct latencies *l, struct sql_builder *b)
{
	sql_add(b, ", ranked AS (SELECT ");
	add_keys(l, b, "k");
	sql_add(b, "kind, row_number() OVER (ORDER BY ");
	sql_add(b, orders_sql[l->order]);
	sql_add(b, " DESC NULLS LAST, n DESC, ");
	add_keys(l, b, "k");
	sql_add(b, "kind) AS rank FROM ");
	add_measured(b, "groups");
	sql_add(b, " QUALIFY rank <= ");
	sql_u64(b, l->n);
	sql_add(b, ")");
}

static void add_statement(const struct latencies *l, struct sql_builder *b)
{
	sql_add(b, "WITH ");
	add_slots(l, b);
	add_groups(l, b);
	add_ranked(l, b);
	sql_add(b, " SELECT ");
	add_keys(l, b, "m.k");
	sql_add(b, l->step_s ? "m.at_us, " : "");
	sql_add(b, "CASE m.kind WHEN 0 THEN 'connect' WHEN 1 THEN 'rtt' ELSE 'unknown' END, "
		   "n::BIGINT, mean::BIGINT, p50::BIGINT, p90::BIGINT, p99::BIGINT, "
		   "longest::BIGINT");
	add_buckets(b, ", t", "::BIGINT");
	sql_add(b, " FROM ");
	add_measured(b, "slots");
	sql_add(b, " JOIN ranked r ON r.kind = m.kind");
	add_keys_equal(l, b);
	sql_add(b, " ORDER BY rank, at_us LIMIT ");
	sql_u64(b, QUERY_ROWS_MAX);
}

static size_t reply_columns(const struct latencies *l, struct query_column *columns)
{
	size_t len = group_columns(&l->group, columns);

	if (l->step_s)
		columns[len++] = at_column;
	for (size_t i = 0; i < ARRAY_LEN(measures); i++)
		columns[len++] = measures[i];
	return len;
}

int api_latencies(const struct api_request *req, struct api_reply *reply)
{
	AUTO(latencies_done) struct latencies l = { 0 };
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO(sql_done) struct sql_builder b = { 0 };
	struct query_column columns[COLUMNS_MAX];
	int err = parse(req, reply, &l);
	size_t len;

	if (err)
		return err < 0 ? err : 0;
	err = sql_init(&b);
	if (err)
		return err;
	len = reply_columns(&l, columns);
	add_statement(&l, &b);
	err = query_run_reply(req, reply, &b, &rows);
	if (err)
		return err < 0 ? err : 0;
	if (l.is_csv)
		return query_reply_csv(reply, &rows, columns, len - 1);
	return query_reply_json(reply, &rows, columns, len,
				json_pack("{s:s,s:s,s:s,s:I,s:I,s:I}", "order", orders[l.order],
					  "kind", kinds[l.kind], "role", roles[l.role], "step_s",
					  (json_int_t)l.step_s, "from_us",
					  (json_int_t)l.scope.from_us, "to_us",
					  (json_int_t)l.scope.to_us));
}
