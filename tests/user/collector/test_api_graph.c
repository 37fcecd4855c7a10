// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Series and topology: sums in steps, the graph that D3 takes, and what is left out of both. */
#include "tests/user/collector/query_ask.h"

#define S INT64_C(1000000) /* µs */

/* T0 is at a multiple of ten seconds. */
static const struct row {
	const char *src, *dst;
	uint16_t src_port, dst_port;
	uint8_t proto;
	int64_t at_us; /* behind T0 */
	uint64_t packets, octets;
} rows[] = {
	{ "10.0.0.1", "10.0.1.1", 40000, 443, 6, 0, 10, 1000 },
	{ "10.0.1.1", "10.0.0.1", 443, 40000, 6, 1 * S, 20, 9000 },
	{ "10.0.0.2", "10.0.1.1", 40001, 443, 6, 12 * S, 5, 500 },
	{ "10.0.0.2", "10.0.1.1", 40002, 443, 6, 13 * S, 5, 500 },
	{ "10.0.0.3", "10.0.2.1", 5000, 53, 17, 35 * S, 1, 100 },
	{ "fd00::1", "fd00:0:0:1::1", 40000, 22, 6, 36 * S, 2, 300 },
};

static void fill(struct fixture *fx)
{
	fixture_open(fx);
	fixture_exporter(fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct flow f = fixture_flow(rows[i].src, rows[i].dst);

		f.src_port = rows[i].src_port;
		f.dst_port = rows[i].dst_port;
		f.proto = rows[i].proto;
		f.start_us = f.end_us = T0 + rows[i].at_us;
		f.packets = rows[i].packets;
		f.l2_octets = rows[i].octets;
		fixture_rows(fx, 1, &f, 1);
	}
}

/* "octets of step 0, of step 1, …" of one line; -1: the rest. */
static void expect_line(json_t *reply, json_int_t line, const json_int_t *octets, size_t len)
{
	size_t i, at = 0;
	json_t *row;

	json_array_foreach(json_object_get(reply, "rows"), i, row) {
		json_t *of = json_object_get(row, "line");

		if (line < 0 ? !json_is_null(of) : json_integer_value(of) != line)
			continue;
		cr_assert_lt(at, len, "line %d has more steps", (int)line);
		cr_expect_eq(number_at(row, "octets"), octets[at], "line %d, step %zu: %d",
			     (int)line, at, (int)number_at(row, "octets"));
		cr_expect_eq(number_at(row, "at_us"), T0 + (json_int_t)at * 10 * S);
		at++;
	}
	cr_expect_eq(at, len, "line %d has %zu steps", (int)line, at);
}

#define RANGE "&from=1700000000000000&to=1700000040000000"

Test(api_graph, series_of_all)
{
	struct fixture fx;
	json_t *reply;

	cr_assert_eq(T0, 1700000000000000, "what RANGE says");
	fill(&fx);
	reply = ask_json(&fx, api_series, "step=10" RANGE);
	cr_expect_eq(number_at(reply, "points"), 4);
	expect_line(reply, -1, (json_int_t[]){ 10000, 1000, 0, 400 }, 4);
	json_decref(reply);
	fixture_close(&fx);
}

/* Two rows over several steps, one of them beyond the last; and what was folded. */
static void fill_long(struct fixture *fx)
{
	struct flow a = fixture_flow("10.0.0.1", "10.0.1.1"),
		    b = fixture_flow("10.0.0.2", "10.0.1.1"), fold = fixture_flow(NULL, NULL);

	fixture_open(fx);
	fixture_exporter(fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	a.start_us = T0 + 5 * S;
	a.end_us = T0 + 29 * S; /* three steps */
	a.l2_octets = 1000;
	a.packets = 2;
	b.start_us = T0 + 30 * S;
	b.end_us = T0 + 3600 * S;
	b.l2_octets = 77;
	fold.kind = FLOW_FOLD;
	fold.start_us = T0;
	fold.end_us = T0 + 19 * S;
	fold.l2_octets = 11;
	fixture_rows(fx, 1, &a, 1);
	fixture_rows(fx, 1, &b, 1);
	fixture_rows(fx, 1, &fold, 1);
}

Test(api_graph, series_spread_whole_numbers_over_their_time)
{
	struct fixture fx;
	json_t *reply;

	fill_long(&fx);
	reply = ask_json(&fx, api_series, "step=10&spread=1" RANGE);
	expect_line(reply, -1, (json_int_t[]){ 333 + 5, 333 + 6, 334, 77 }, 4);
	json_decref(reply);
	reply = ask_json(&fx, api_series, "step=10&spread=1&by=src&n=1" RANGE);
	expect_line(reply, 1, (json_int_t[]){ 333, 333, 334, 0 }, 4);
	expect_line(reply, -1, (json_int_t[]){ 5, 6, 0, 77 }, 4);
	json_decref(reply);
	reply = ask_json(&fx, api_series, "step=10" RANGE);
	expect_line(reply, -1, (json_int_t[]){ 1000 + 11, 0, 0, 77 }, 4);
	json_decref(reply);
	fixture_close(&fx);
}

/* The largest sources have a line each, and all others one. */
Test(api_graph, series_by_source)
{
	struct fixture fx;
	json_t *reply;

	fill(&fx);
	reply = ask_json(&fx, api_series, "step=10&by=src&n=2" RANGE);
	expect_line(reply, 1, (json_int_t[]){ 9000, 0, 0, 0 }, 4);
	expect_line(reply, 2, (json_int_t[]){ 1000, 0, 0, 0 }, 4); /* the first of two equals */
	expect_line(reply, -1, (json_int_t[]){ 0, 1000, 0, 400 }, 4);
	cr_expect_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(reply, "rows"), 0), "src")),
			 "10.0.1.1");
	json_decref(reply);
	reply = ask_json(&fx, api_series, "step=10&by=proto&filter=udp&n=2" RANGE);
	expect_line(reply, 1, (json_int_t[]){ 0, 0, 0, 100 }, 4);
	cr_expect_eq(json_array_size(json_object_get(reply, "rows")), 4, "and no rest");
	json_decref(reply);
	fixture_close(&fx);
}

Test(api_graph, refuses_what_it_cannot_draw)
{
	static const struct {
		api_endpoint *endpoint;
		const char *query, *says;
	} cases[] = {
		{ api_series, "step=1&last=2678400", "points" },
		{ api_series, "step=0", "step is not a number" },
		{ api_series, "by=process", "series have one line for each" },
		{ api_series, "by=src,dst", "series have one line for each" },
		{ api_series, "n=51", "n is not a number" },
		{ api_topology, "group=host2", "did you mean 'host'" },
		{ api_topology, "prefix4=33", "prefix4 is not a number" },
		{ api_topology, "filter=src", "" },
		{ api_topology, "n=0", "n is not a number" },
	};
	struct flow old = fixture_flow("10.0.0.1", "10.0.1.1");
	struct fixture fx;

	fill(&fx);
	old.start_us = old.end_us = T0 - 20000 * S;
	fixture_rows(&fx, 1, &old, 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		unsigned int status;
		char *text = ask_text(&fx, cases[i].endpoint, cases[i].query, &status);

		cr_expect_eq(status, 400, "%s: %u", cases[i].query, status);
		cr_expect(strstr(text, cases[i].says) != NULL, "%s: %s", cases[i].query, text);
		free(text);
	}
	fixture_close(&fx);
}

/* "source>target weight" of each link, in order. */
static void expect_links(json_t *reply, const char *const *links, size_t len)
{
	json_t *all = json_object_get(reply, "links");

	cr_assert_eq(json_array_size(all), len, "%zu links", json_array_size(all));
	for (size_t i = 0; i < len; i++) {
		json_t *l = json_array_get(all, i);
		char text[128];

		snprintf(text, sizeof(text), "%s>%s %lld",
			 json_string_value(json_object_get(l, "source")),
			 json_string_value(json_object_get(l, "target")),
			 (long long)number_at(l, "weight"));
		cr_expect_str_eq(text, links[i]);
	}
}

Test(api_graph, topology_of_hosts)
{
	static const char *const links[] = { "10.0.1.1>10.0.0.1 9000", "10.0.0.1>10.0.1.1 1000",
					     "10.0.0.2>10.0.1.1 1000" };
	struct fixture fx;
	json_t *reply;

	fill(&fx);
	reply = ask_json(&fx, api_topology, "last=all&n=3");
	expect_links(reply, links, 3);
	cr_expect_eq(json_array_size(json_object_get(reply, "nodes")), 3, "each once");
	cr_expect_str_eq(json_string_value(json_object_get(
				 json_array_get(json_object_get(reply, "nodes"), 0), "id")),
			 "10.0.1.1");
	cr_expect_eq(number_at(json_object_get(reply, "rest"), "octets"), 400);
	cr_expect_eq(number_at(json_object_get(reply, "rest"), "links"), 2);
	json_decref(reply);
	fixture_close(&fx);
}

Test(api_graph, topology_of_subnets_and_services)
{
	static const char *const subnets[] = { "10.0.1.0/24>10.0.0.0/24 9000",
					       "10.0.0.0/24>10.0.1.0/24 2000",
					       "fd00::/64>fd00:0:0:1::/64 300",
					       "10.0.0.0/24>10.0.2.0/24 100" };
	static const char *const wide[] = { "10.0.0.0/16>10.0.0.0/16 11100",
					    "fd00::/48>fd00::/48 300" };
	static const char *const services[] = { "10.0.1.1:443>10.0.0.1 9000",
						"10.0.0.1>10.0.1.1:443 1000",
						"10.0.0.2>10.0.1.1:443 1000",
						"fd00::1>[fd00:0:0:1::1]:22 300",
						"10.0.0.3>10.0.2.1:53 100" };
	struct fixture fx;
	json_t *reply;

	fill(&fx);
	reply = ask_json(&fx, api_topology, "last=all&group=subnet");
	expect_links(reply, subnets, ARRAY_LEN(subnets));
	json_decref(reply);
	reply = ask_json(&fx, api_topology, "last=all&group=subnet&prefix4=16&prefix6=48");
	expect_links(reply, wide, ARRAY_LEN(wide));
	json_decref(reply);
	reply = ask_json(&fx, api_topology, "last=all&group=service");
	expect_links(reply, services, ARRAY_LEN(services));
	json_decref(reply);
	reply = ask_json(&fx, api_topology, "last=all&group=process&filter=udp");
	expect_links(reply, (const char *const[]){ "10.0.0.3>10.0.2.1 100" }, 1);
	json_decref(reply);
	fixture_close(&fx);
}
