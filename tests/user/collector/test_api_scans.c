// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * A top list is added up by ours or by DuckDB, of rows that are not sealed with all sums at once,
 * of files with some of them first. What is answered must be the same.
 */
#include "tests/user/collector/query_ask.h"
#include "user/collector/query.h"
#include "user/collector/store_seal.h"

#define LATER (T0 + INT64_C(3) * 3600 * 1000000)
#define SIFTED_ROWS 200000
#define RANGE "from=1700000000000000&to=1700000060000000&"

static void fill(struct fixture *fx, bool has_v6)
{
	static const char *const hosts[] = { "10.0.0.1", "10.0.0.2",	"10.0.0.3",
					     "10.0.9.1", "2001:db8::1", "2001:db8::2" };
	struct flow rows[202];

	fixture_open(fx);
	fixture_exporter(fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool is_v6 = has_v6 && i % 5 == 0;
		const char *src = hosts[is_v6 ? 4 + i / 5 % 2 : i % 4];
		const char *dst = hosts[is_v6 ? 5 - i / 5 % 2 : (i + 1 + i / 9 % 3) % 4];
		struct flow f = i % 17 == 3 ? fixture_flow(NULL, NULL) : fixture_flow(src, dst);

		if (i % 17 == 3)
			f.ethertype = 0x0806;
		f.proto = i % 3 ? 6 : 17;
		f.flags |= i % 2 ? FLOW_EGRESS : 0;
		f.src_port = (uint16_t)(40000 + i % 7);
		f.dst_port = (uint16_t)(i % 4 ? 443 : 53);
		f.start_us = T0 + (int64_t)(i * 250000);
		f.end_us = f.start_us + (i % 13 == 5 ? 20000000 : 1000);
		f.packets = i % 10 + 1;
		f.l2_octets = 100 * (i % 6 + 1); /* several are equal */
		rows[i] = f;
	}
	rows[200].kind = rows[201].kind = FLOW_FOLD;
	fixture_rows(fx, 1, rows, ARRAY_LEN(rows));
}

static void seal(struct fixture *fx)
{
	struct store_sealing job;

	while (!store_seal_next(fx->store, LATER, &job)) {
		cr_assert_eq(store_seal_write(fx->store, &job), 0);
		cr_assert_eq(store_seal_publish(fx->store, &job), 0);
	}
}

static const struct {
	api_endpoint *endpoint;
	const char *query;
} questions[] = {
	{ api_top, RANGE "by=src" },
	{ api_top, RANGE "by=src&n=2&order=packets" },
	{ api_top, RANGE "by=dst,dstport&n=3&order=flows" },
	{ api_top, RANGE "by=conversation&n=4" },
	{ api_top, RANGE "by=proto,direction&having=packets > 3" },
	{ api_top, RANGE "by=srcnet&filter=dst port 443" },
	{ api_top, RANGE "by=vlan" },
	{ api_top, RANGE "by=src&filter=port 9" },
	{ api_top, RANGE "by=src&order=bps&n=3" },
	{ api_flows, RANGE "order=start&limit=5&format=csv" },
	{ api_flows, RANGE "order=start&limit=7&offset=60&format=csv&filter=dst port 443" },
	{ api_flows, RANGE "order=start&limit=1000&format=csv" },
	{ api_series, RANGE "by=src&step=10&n=2" },
	{ api_series, RANGE "by=conversation&step=10&n=2&order=packets" },
	{ api_series, RANGE "by=proto&step=5&order=flows" },
	{ api_series, RANGE "by=src&step=10&filter=port 9" },
};

/* In scope of all. */
static bool may_have_folds(struct fixture *fx)
{
	struct ask ask = { .len = 0 };
	struct api_request req = ask_request(fx, &ask);
	struct api_reply reply = { 0 };
	struct query_scope scope = { 0 };
	bool may;

	cr_assert_eq(query_scope_parse(&req, &reply, &scope), 0);
	may = scope.tiers.may_have & TRAIT_FOLD;
	query_scope_done(&scope);
	return may;
}

/* Who asks for folds only where there may be some must not miss any. */
Test(api_scans, folds_are_known_to_be_none)
{
	struct flow f = fixture_flow("10.0.0.1", "10.0.0.2");
	struct fixture fx;

	fixture_open(&fx);
	fixture_exporter(&fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	f.start_us = f.end_us = T0;
	fixture_rows(&fx, 1, &f, 1);
	cr_expect(!may_have_folds(&fx));
	f.kind = FLOW_FOLD;
	fixture_rows(&fx, 1, &f, 1);
	cr_expect(may_have_folds(&fx));
	seal(&fx);
	cr_expect(may_have_folds(&fx), "a file knows it of its rows");
	fixture_close(&fx);
}

/* Up to 1,000 groups are ours, beyond that they are DuckDB's: of fewer both tell all. */
static void compare_ways(struct fixture *fx, const char *by, const char *filter)
{
	static const char *const orders[] = { "bytes", "packets", "flows" };
	unsigned int status;

	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		char ours[200], duckdb[200], *a, *b, *n;

		snprintf(ours, sizeof(ours), RANGE "by=%s&order=%s&n=1000%s", by, orders[i],
			 filter);
		snprintf(duckdb, sizeof(duckdb), RANGE "by=%s&order=%s&n=1001%s", by, orders[i],
			 filter);
		a = ask_text(fx, api_top, ours, &status);
		cr_expect_eq(status, 200, "%s: %s", ours, a);
		b = ask_text(fx, api_top, duckdb, &status);
		cr_expect_eq(status, 200, "%s: %s", duckdb, b);
		n = strstr(b, "\"n\":1001");
		cr_assert(n && strstr(a, "\"n\":1000"));
		n[strlen("\"n\":100")] = '0';
		cr_expect_str_eq(a, b, "%s", ours);
		free(a);
		free(b);
	}
}

static const char *const keys[] = {
	"src",
	"dst",
	"srcnet",
	"dstnet,src",
	"srcport",
	"dstport,proto",
	"direction,ethertype",
	"vlan,dscp,flags,tunnel,peer",
	"srcas,dstas,tunnel,peer",
	"src,dst,srcport,dstport,proto",
	"conversation",
	"conversation,dstport,proto",
	"conversation,tunnel,peer,srcas",
	"dst,srcas,dstas,peer,tunnel,flags",
	"src,dst,srcnet,dstnet",
};

static void compare_all(struct fixture *fx, const char *filter)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		compare_ways(fx, keys[i], filter);
}

/* Addresses of IPv4 alone are packed more tightly. */
Test(api_scans, ours_and_duckdbs_are_the_same)
{
	for (int has_v6 = 0; has_v6 < 2; has_v6++) {
		struct fixture fx;

		fill(&fx, has_v6);
		for (int is_sealed = 0; is_sealed < 2; is_sealed++) {
			compare_all(&fx, "");
			/* without what is no IP: winners are looked for by address */
			compare_all(&fx, "&filter=dst port 443 or src host 10.0.0.2");
			seal(&fx);
		}
		fixture_close(&fx);
	}
}

/* So many rows of different groups that they are sifted; with `having` DuckDB groups them. */
static void compare_sifted(struct fixture *fx, const char *by, const char *order, int n)
{
	char ours[200], duckdb[240], *a, *b;
	unsigned int status;

	snprintf(ours, sizeof(ours), RANGE "by=%s&order=%s&n=%d", by, order, n);
	snprintf(duckdb, sizeof(duckdb), "%s&having=flows > 0", ours);
	a = ask_text(fx, api_top, ours, &status);
	cr_expect_eq(status, 200, "%s: %s", ours, a);
	b = ask_text(fx, api_top, duckdb, &status);
	cr_expect_eq(status, 200, "%s: %s", duckdb, b);
	cr_expect_str_eq(a, b, "%s", ours);
	free(a);
	free(b);
}

static void fill_apart(struct fixture *fx)
{
	static struct flow rows[SIFTED_ROWS / 10];
	uint32_t state = 1;

	fixture_open(fx);
	fixture_exporter(fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	for (size_t done = 0; done < 10; done++) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			uint32_t key = state = state * 1664525 + 1013904223;

			if (i % 50 ==
			    0) /* some have several rows, and are not the heaviest by one */
				key = (uint32_t)i / 50 % 40 * 0x10001;
			rows[i] = fixture_flow("10.0.0.0", "10.1.0.0");
			rows[i].src[15] = (uint8_t)(key >> 24);
			rows[i].src[14] = (uint8_t)(key >> 16);
			rows[i].dst[15] = (uint8_t)(key >> 8);
			rows[i].proto = 6;
			rows[i].dst_port = (uint16_t)(key >> 20 & 0xf);
			rows[i].start_us = T0 + (int64_t)(i * 1000);
			rows[i].end_us = rows[i].start_us + 1000;
			rows[i].packets = i % 10 + 1;
			rows[i].l2_octets = i % 1000 ? 100 * (state >> 8 & 0xff) : 30000;
		}
		fixture_rows(fx, 1, rows, ARRAY_LEN(rows));
	}
}

Test(api_scans, sifted_groups_are_the_heaviest)
{
	static const char *const orders[] = { "bytes", "packets", "flows" };
	static const char *const by[] = { "src,dst,dstport", "dst,src", "src", "dst" };
	static const int ns[] = { 1, 10, 300 };
	struct fixture fx;

	fill_apart(&fx);
	for (size_t i = 0; i < ARRAY_LEN(orders); i++)
		for (size_t k = 0; k < ARRAY_LEN(ns); k++)
			for (size_t b = 0; b < ARRAY_LEN(by); b++)
				compare_sifted(&fx, by[b], orders[i], ns[k]);
	fixture_close(&fx);
}

/* One address of IPv6 anywhere, and the graph is not packed any more. */
Test(api_scans, graphs_are_the_same_packed_or_not)
{
	static const char *const graphs[] = { RANGE "group=host&filter=not proto 58",
					      RANGE
					      "group=host&order=flows&n=3&filter=not proto 58",
					      RANGE "group=subnet&filter=not proto 58" };
	struct flow f = fixture_flow("2001:db8::1", "2001:db8::2");
	char *before[ARRAY_LEN(graphs)];
	unsigned int status;
	struct fixture fx;

	fill(&fx, false);
	for (size_t i = 0; i < ARRAY_LEN(graphs); i++) {
		before[i] = ask_text(&fx, api_topology, graphs[i], &status);
		cr_expect_eq(status, 200, "%s: %s", graphs[i], before[i]);
		cr_expect(strstr(before[i], "10.0."), "%s", before[i]);
	}
	f.proto = 58;
	f.start_us = f.end_us = T0;
	fixture_rows(&fx, 1, &f, 1);
	for (size_t i = 0; i < ARRAY_LEN(graphs); i++) {
		char *after = ask_text(&fx, api_topology, graphs[i], &status);

		cr_expect_str_eq(after, before[i], "%s", graphs[i]);
		free(after);
		free(before[i]);
	}
	fixture_close(&fx);
}

static int64_t octets_of(json_t *rows)
{
	int64_t sum = 0;

	for (size_t i = 0; i < json_array_size(rows); i++)
		sum += number_at(json_array_get(rows, i), "octets");
	return sum;
}

/* A day's hours are a table, of which DuckDB knows that it has few groups: it keeps them all. */
Test(api_scans, series_of_tables_add_up)
{
	static const char *const by[] = { "src", "proto", "conversation" };
	struct fixture fx;

	fill(&fx, true);
	seal(&fx);
	for (size_t i = 0; i < ARRAY_LEN(by); i++) {
		char query[160];
		json_t *series, *top;

		snprintf(query, sizeof(query), "last=30d&tier=hour&step=86400&n=2&by=%s", by[i]);
		series = ask_json(&fx, api_series, query);
		top = ask_json(&fx, api_top, query);
		cr_expect_str_eq(
			json_string_value(json_array_get(json_object_get(top, "tiers"), 0)),
			"hour");
		cr_expect_eq(octets_of(json_object_get(series, "rows")),
			     number_at(json_object_get(top, "total"), "octets"), "%s", by[i]);
		cr_expect_gt(octets_of(json_object_get(series, "rows")), 0);
		json_decref(series);
		json_decref(top);
	}
	fixture_close(&fx);
}

Test(api_scans, one_and_two_say_the_same)
{
	char *before[ARRAY_LEN(questions)];
	unsigned int status;
	struct fixture fx;

	fill(&fx, true);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		before[i] = ask_text(&fx, questions[i].endpoint, questions[i].query, &status);
		cr_expect_eq(status, 200, "%s: %s", questions[i].query, before[i]);
	}
	seal(&fx);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		char *after = ask_text(&fx, questions[i].endpoint, questions[i].query, &status);

		cr_expect_str_eq(after, before[i], "%s", questions[i].query);
		free(after);
		free(before[i]);
	}
	fixture_close(&fx);
}
