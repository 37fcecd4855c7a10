// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "tests/user/collector/query_ask.h"

static void fill(struct fixture *fx)
{
	struct flow rows[6];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rows[i] = fixture_flow("10.0.0.1", "10.0.0.2");
		rows[i].src_port = 40000;
		rows[i].dst_port = 443;
		rows[i].packets = i + 1;
		rows[i].start_us = T0 + (int64_t)i * 1000000;
		rows[i].end_us = rows[i].start_us + 500 * (6 - (int64_t)i);
	}
	rows[0].tcp_flags = 0x02;
	rows[1].tcp_flags = 0x18;
	rows[1].ttl_max = 65;
	rows[3].src[15] = 9;
	rows[3].flags |= FLOW_EGRESS | FLOW_LATER_FRAGMENT | 5 << FLOW_TUNNEL_SHIFT;
	rows[3].tunnel_id = 77;
	rows[3].vlan_outer = 0x1000 | 10;
	rows[4].flags = 0;
	rows[5].kind = FLOW_FOLD;
	fixture_exporter(fx, &(struct fixture_exporter){ 1, "a", "host-a", "a,\"b\".pcap" });
	fixture_interface(fx, "a", 2, "eth0");
	fixture_rows(fx, 1, rows, ARRAY_LEN(rows));
}

/* The packets of all rows, in order: "4 3 2 1". */
static void packets_text(json_t *root, char *text)
{
	int n = 0;
	json_t *row;
	size_t i;

	*text = '\0';
	json_array_foreach(json_object_get(root, "rows"), i, row)
		n += sprintf(text + n, "%s%lld", i ? " " : "", number_at(row, "packets"));
}

Test(api_flows, order_pages_and_merging)
{
	static const struct {
		const char *query, *want;
		json_int_t matched;
	} rows[] = {
		{ "", "4 3 2 1", 4 },
		{ "order=start", "4 3 2 1", 4 },
		{ "order=end", "4 3 2 1", 4 },
		{ "order=duration", "1 2 3 4", 4 },
		{ "order=packets", "4 3 2 1", 4 },
		{ "order=bytes", "4 3 2 1", 4 },
		{ "limit=2", "4 3", 4 },
		{ "limit=2&offset=2", "2 1", 4 },
		{ "offset=4", "", 4 },
		{ "filter=packets < 3", "2 1", 2 },
		{ "all=1", "5 4 3 2 1", 5 },
		{ "aggregate=1", "4 6", 2 },
		{ "aggregate=1&order=packets", "6 4", 2 },
		{ "aggregate=1&limit=1", "4", 2 },
		{ "filter=ip 9.9.9.9", "", 0 },
	};
	char query[128], text[128];
	struct fixture fx;

	fixture_open(&fx);
	fill(&fx);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *root;

		snprintf(query, sizeof(query), "last=all&%s", rows[i].query);
		root = ask_json(&fx, api_flows, query);
		packets_text(root, text);
		cr_expect_str_eq(text, rows[i].want, "%s: %s", query, text);
		cr_expect_eq(number_at(root, "matched"), rows[i].matched, "%s", query);
		json_decref(root);
	}
	fixture_close(&fx);
}

Test(api_flows, every_field_is_there)
{
	static const char *const want =
		"{\"agent\":\"a\",\"cgroup\":null,\"connect_us\":null,\"counted\":true,\"direction\":\"egress\",\"dscp\":0,"
		"\"dst\":\"10.0.0.2\",\"dst_as\":null,\"dst_port\":null,\"duration_ms\":1.5,"
		"\"end_us\":1700000003001500,\"ethertype\":\"0x0800\","
		"\"exporter\":\"a,\\\"b\\\".pcap\",\"host\":\"host-a\",\"ifindex\":2,\"inner\":false,"
		"\"interface\":\"eth0\",\"join\":\"none\",\"l3_octets\":86,\"later_fragment\":true,\"netns\":7,"
		"\"octets\":100,\"packets\":4,\"peer_ifindex\":null,\"pid\":null,\"process\":null,\"proto\":6,\"proto_name\":\"tcp\",\"records\":1,\"retransmits\":null,"
		"\"sampling\":1,\"src\":\"10.0.0.9\",\"src_as\":null,\"src_port\":null,\"srtt_us\":null,"
		"\"start_us\":1700000003000000,\"tcp_flags\":\"\",\"ttl_max\":64,\"ttl_min\":64,"
		"\"tunnel\":\"geneve\",\"tunnel_id\":77,\"vlan_inner\":null,\"vlan_outer\":10}";
	struct fixture fx;
	unsigned int status;
	json_t *root, *row;
	char *text;

	fixture_open(&fx);
	fill(&fx);
	root = ask_json(&fx, api_flows, "last=all&limit=1");
	text = json_dumps(json_array_get(json_object_get(root, "rows"), 0),
			  JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(15));
	cr_expect_str_eq(text, want, "%s", text);
	free(text);
	json_decref(root);

	root = ask_json(&fx, api_flows, "last=all&aggregate=1&filter=src ip 10.0.0.1");
	row = json_array_get(json_object_get(root, "rows"), 0);
	cr_expect_eq(number_at(row, "records"), 3);
	cr_expect_eq(number_at(row, "start_us"), T0);
	cr_expect_eq(number_at(row, "end_us"), T0 + 2002000);
	cr_expect_eq(number_at(row, "ttl_max"), 65);
	cr_expect_str_eq(json_string_value(json_object_get(row, "tcp_flags")), "SPA");
	json_decref(root);

	text = ask_text(&fx, api_flows, "last=all&limit=1&format=csv", &status);
	cr_expect_not_null(strstr(text, "\r\n1700000003000000,1700000003001500,1.500,10.0.0.9,"),
			   "%s", text);
	cr_expect_not_null(strstr(text, ",\"a,\"\"b\"\".pcap\",a,host-a,none,,,,,,\r\n"), "%s",
			   text);
	free(text);
	fixture_close(&fx);
}

Test(api_flows, refuses_with_the_parameter)
{
	static const struct {
		const char *query, *parameter;
	} rows[] = {
		{ "limit=0", "limit" },		  { "limit=100001", "limit" },
		{ "offset=-1", "offset" },	  { "order=src", "order" },
		{ "format=yaml", "format" },	  { "aggregate=2", "aggregate" },
		{ "filter=port http", "filter" }, { "from=5x", "from" },
	};
	struct fixture fx;

	fixture_open(&fx);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned int status;
		char *text = ask_text(&fx, api_flows, rows[i].query, &status);
		json_t *root = json_loads(text, 0, NULL);

		cr_expect_eq(status, 400, "%s: %u", rows[i].query, status);
		cr_expect_str_eq(json_string_value(json_object_get(json_object_get(root, "error"),
								   "parameter")),
				 rows[i].parameter, "%s: %s", rows[i].query, text);
		json_decref(root);
		free(text);
	}
	fixture_close(&fx);
}
