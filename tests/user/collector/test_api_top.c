// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include "tests/user/collector/query_ask.h"

static void fill(struct fixture *fx)
{
	struct flow a[] = {
		fixture_flow("10.0.0.1", "10.0.0.2"),
		fixture_flow("10.0.0.2", "10.0.0.1"),
		fixture_flow("10.0.0.1", "10.0.0.3"),
		fixture_flow("2001:db8::1", "2001:db8::2"),
		fixture_flow(NULL, NULL), /* ARP */
		fixture_flow("10.0.0.1", "10.0.0.2"), /* the same packet at another interface */
		fixture_flow("192.168.0.1", "192.168.0.2"), /* in a tunnel */
		fixture_flow(NULL, NULL), /* folded TCP */
		fixture_flow(NULL, NULL), /* folded UDP, sampled */
	};
	struct flow b = fixture_flow("10.0.0.1", "10.0.0.9");

	for (size_t i = 0; i < ARRAY_LEN(a); i++) {
		a[i].packets = 10 + i;
		a[i].l2_octets = 1000 * (10 + i);
		a[i].l3_octets = 900 * (10 + i);
		a[i].start_us += (int64_t)i;
		a[i].end_us = a[i].start_us + 100;
	}
	a[0].src_port = 40000;
	a[0].dst_port = 443;
	a[1].src_port = 443;
	a[1].dst_port = 40000;
	a[1].flags |= FLOW_EGRESS;
	a[2].proto = 1;
	a[2].src_port = 8;
	a[2].sampling = 10;
	a[3].ifindex = 3;
	a[3].vlan_outer = 0x1000 | 5;
	a[4].ethertype = 0x0806;
	a[4].proto = 0;
	a[5].flags = 0;
	a[5].ifindex = 4;
	a[6].flags |= FLOW_INNER;
	a[7].kind = a[8].kind = FLOW_FOLD;
	a[7].packets = 100;
	a[7].l2_octets = 10000;
	a[8].proto = 17;
	a[8].packets = 5;
	a[8].l2_octets = 500;
	a[8].sampling = 10;
	b.packets = 7;
	b.l2_octets = 7000;
	fixture_exporter(fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	fixture_exporter(fx, &(struct fixture_exporter){ 2, "a", "host-a", "" }); /* restarted */
	fixture_interface(fx, "a", 2, "eth0");
	fixture_interface(fx, "a", 3, "eth1");
	fixture_rows(fx, 1, a, ARRAY_LEN(a));
	fixture_rows(fx, 2, &b, 1);
}

/*
 * The rows of a reply as "key,key…:flows/packets/octets key…", which says enough to compare. Keys
 * are the members before "flows".
 */
static void rows_text(json_t *root, char *text, size_t size)
{
	json_t *row, *value;
	const char *name;
	size_t i, n = 0;

	text[0] = '\0';
	json_array_foreach(json_object_get(root, "rows"), i, row) {
		n += (size_t)snprintf(text + n, size - n, i ? " " : "");
		json_object_foreach(row, name, value) {
			char *dump;

			if (!strcmp(name, "flows"))
				break;
			dump = json_dumps(value, JSON_ENCODE_ANY);
			n += (size_t)snprintf(text + n, size - n, "%s,", dump);
			free(dump);
		}
		n += (size_t)snprintf(text + n, size - n, ":%lld/%lld/%lld",
				      number_at(row, "flows"), number_at(row, "packets"),
				      number_at(row, "octets"));
	}
}

#define ALL_TIME "last=all&"

Test(api_top, groups_by_every_word)
{
	static const struct {
		const char *query, *want;
	} rows[] = {
		{ "by=src",
		  "\"10.0.0.1\",:3/137/137000 null,:1/14/14000 \"2001:db8::1\",:1/13/13000 "
		  "\"10.0.0.2\",:1/11/11000" },
		{ "", "\"10.0.0.1\",:3/137/137000 null,:1/14/14000 \"2001:db8::1\",:1/13/13000 "
		      "\"10.0.0.2\",:1/11/11000" },
		{ "by=src&n=1", "\"10.0.0.1\",:3/137/137000" },
		{ "by=dst&n=2", "\"10.0.0.3\",:1/120/120000 null,:1/14/14000" },
		{ "by=conversation&filter=net 10.0.0.0/8",
		  "\"10.0.0.1\",\"10.0.0.3\",:1/120/120000 \"10.0.0.1\",\"10.0.0.2\",:2/21/21000 "
		  "\"10.0.0.1\",\"10.0.0.9\",:1/7/7000" },
		{ "by=srcport&filter=port > 0", "443,:1/11/11000 40000,:1/10/10000" },
		{ "by=dstport&filter=port > 0", "40000,:1/11/11000 443,:1/10/10000" },
		{ "by=dstport&filter=icmp", "null,:1/120/120000" },
		{ "by=proto",
		  "1,\"icmp\",:1/120/120000 6,\"tcp\",:4/41/41000 null,null,:1/14/14000" },
		{ "by=interface", "\"eth0\",2,7,\"\",\"a\",\"host-a\",:5/162/162000 "
				  "\"eth1\",3,7,\"\",\"a\",\"host-a\",:1/13/13000" },
		{ "by=interface&all=1&filter=if 4",
		  "\"if4\",4,7,\"\",\"a\",\"host-a\",:1/15/15000" },
		{ "by=exporter", "\"\",\"a\",\"host-a\",:6/175/175000" },
		{ "by=exporter,interface&n=1", "\"\",\"a\",\"host-a\",\"eth0\",2,7,:5/162/162000" },
		{ "by=src,dstport&filter=tcp and port > 0",
		  "\"10.0.0.2\",40000,:1/11/11000 \"10.0.0.1\",443,:1/10/10000" },
		{ "by=conversation,interface&filter=ip 10.0.0.2",
		  "\"10.0.0.1\",\"10.0.0.2\",\"eth0\",2,7,\"\",\"a\",\"host-a\",:2/21/21000" },
		{ "by=direction", "\"ingress\",:5/164/164000 \"egress\",:1/11/11000" },
		{ "by=ethertype&n=1", "\"0x0800\",:4/148/148000" },
		{ "by=vlan&filter=vlan 5", "5,:1/13/13000" },
		{ "by=dscp&n=1", "0,:5/161/161000" },
		{ "by=src&all=1&filter=ip 10.0.0.2 or net 192.168.0.0/16",
		  "\"10.0.0.1\",:2/25/25000 \"192.168.0.1\",:1/16/16000 \"10.0.0.2\",:1/11/11000" },
		{ "by=src&order=flows&n=2", "\"10.0.0.1\",:3/137/137000 \"10.0.0.2\",:1/11/11000" },
		{ "by=src&exporter=host-a&n=1", "\"10.0.0.1\",:3/137/137000" },
		{ "by=src&exporter=nobody", "" },
		{ "by=src&filter=ip 9.9.9.9", "" },
	};
	char query[256], text[2048];
	struct fixture fx;

	fixture_open(&fx);
	fill(&fx);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *root;

		snprintf(query, sizeof(query), ALL_TIME "%s", rows[i].query);
		root = ask_json(&fx, api_top, query);
		rows_text(root, text, sizeof(text));
		cr_expect_str_eq(text, rows[i].want, "%s:\n%s\nwant\n%s", rows[i].query, text,
				 rows[i].want);
		json_decref(root);
	}
	fixture_close(&fx);
}

Test(api_top, totals_have_all_rows_and_what_was_folded)
{
	static const struct {
		const char *query;
		json_int_t flows, packets, octets, folded, undecided;
		bool sampled;
	} rows[] = {
		{ "", 6, 175 + 100 + 50, 175000 + 10000 + 5000, 150, 0, true },
		{ "n=1", 6, 325, 190000, 150, 0, true },
		{ "filter=tcp", 4, 41 + 100, 41000 + 10000, 100, 0, false },
		{ "filter=udp", 0, 50, 5000, 50, 0, true },
		{ "filter=tcp and port 443", 2, 21, 21000, 0, 100, false },
		{ "filter=ip 10.0.0.1", 4, 148, 148000, 0, 150, true },
		{ "filter=not port 443", 4, 154, 154000, 0, 150, true },
		{ "filter=icmp", 1, 120, 120000, 0, 0, true },
		{ "all=1&filter=any", 8, 175 + 15 + 16 + 150, 206000 + 15000, 150, 0, true },
		{ "from=1970-01-01T00:00:00Z&to=1970-01-02T00:00:00Z", 0, 0, 0, 0, 0, false },
		{ "from=1699999999999999&to=1700000000000001", 2, 17, 17000, 0, 0, false },
		{ "exporter=nobody", 0, 0, 0, 0, 0, false },
	};
	struct fixture fx;
	char query[256];

	fixture_open(&fx);
	fill(&fx);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *root, *total;

		snprintf(query, sizeof(query), "%s%s",
			 strstr(rows[i].query, "from=") ? "" : ALL_TIME, rows[i].query);
		root = ask_json(&fx, api_top, query);
		total = json_object_get(root, "total");
		cr_expect_eq(number_at(total, "flows"), rows[i].flows, "%s: %lld flows", query,
			     number_at(total, "flows"));
		cr_expect_eq(number_at(total, "packets"), rows[i].packets, "%s: %lld packets",
			     query, number_at(total, "packets"));
		cr_expect_eq(number_at(total, "octets"), rows[i].octets, "%s: %lld octets", query,
			     number_at(total, "octets"));
		cr_expect_eq(number_at(json_object_get(root, "folded"), "packets"), rows[i].folded,
			     "%s: folded", query);
		cr_expect_eq(number_at(json_object_get(root, "folded_undecided"), "packets"),
			     rows[i].undecided, "%s: undecided", query);
		cr_expect_eq(json_is_true(json_object_get(root, "sampled")), rows[i].sampled,
			     "%s: sampled", query);
		json_decref(root);
	}
	fixture_close(&fx);
}

Test(api_top, says_what_was_asked)
{
	struct fixture fx;
	json_t *root, *row;
	unsigned int status;
	char *csv;

	fixture_open(&fx);
	fill(&fx);
	root = ask_json(&fx, api_top, "last=2m&by=src,dstport&order=packets&n=3");
	cr_expect_eq(json_array_size(json_object_get(root, "by")), 2);
	cr_expect_str_eq(json_string_value(json_object_get(root, "order")), "packets");
	cr_expect_eq(number_at(root, "from_us"), T0 - 60000000);
	cr_expect_eq(number_at(root, "to_us"), T0 + 60000000);
	row = json_array_get(json_object_get(root, "rows"), 0);
	cr_expect_eq(number_at(row, "first_us"), T0 + 2);
	cr_expect_eq(number_at(row, "last_us"), T0 + 102);
	cr_expect_eq(number_at(row, "l3_octets"), 108000);
	cr_expect(json_is_true(json_object_get(row, "sampled")));
	json_decref(root);
	csv = ask_text(&fx, api_top, ALL_TIME "format=csv&n=1", &status);
	cr_expect_eq(status, 200);
	cr_expect_str_eq(csv,
			 "src,flows,packets,octets,l3_octets,first_us,last_us,sampled\r\n"
			 "10.0.0.1,3,137,137000,117086,1700000000000000,1700000000000102,1\r\n",
			 "%s", csv);
	free(csv);
	fixture_close(&fx);
}

Test(api_top, refuses_with_the_parameter)
{
	static const struct {
		const char *query, *parameter;
		long position;
	} rows[] = {
		{ "by=source", "by", 0 },
		{ "by=src,,dst", "by", 4 },
		{ "by=", "by", 0 },
		{ "by=src,src", "by", 4 },
		{ "by=src,conversation", "by", -1 },
		{ "by=src;drop table", "by", 0 },
		{ "n=0", "n", -1 },
		{ "n=100001", "n", -1 },
		{ "n=-1", "n", -1 },
		{ "n=ten", "n", -1 },
		{ "order=size", "order", -1 },
		{ "format=xml", "format", -1 },
		{ "all=maybe", "all", -1 },
		{ "last=yesterday", "last", -1 },
		{ "filter=src ip 10.0.0.1 and prot tcp", "filter", 20 },
		{ "filter=<script>alert(1)</script>", "filter", 0 },
	};
	struct fixture fx;

	fixture_open(&fx);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		unsigned int status;
		char *text = ask_text(&fx, api_top, rows[i].query, &status);
		json_t *root = json_loads(text, 0, NULL), *error = json_object_get(root, "error");
		json_t *position = json_object_get(error, "position");

		cr_expect_eq(status, 400, "%s: %u", rows[i].query, status);
		cr_expect_str_eq(json_string_value(json_object_get(error, "parameter")),
				 rows[i].parameter, "%s: %s", rows[i].query, text);
		cr_expect_eq(position ? json_integer_value(position) : -1, rows[i].position,
			     "%s: %s", rows[i].query, text);
		json_decref(root);
		free(text);
	}
	fixture_close(&fx);
}

/* One absurd row must not stop all others from being asked for. */
Test(api_top, huge_counts_do_not_overflow)
{
	struct flow rows[2] = { fixture_flow("10.0.0.1", "10.0.0.2"),
				fixture_flow("10.0.0.1", "10.0.0.2") };
	struct fixture fx;
	json_t *root;

	for (size_t i = 0; i < 2; i++) {
		rows[i].packets = rows[i].l2_octets = rows[i].l3_octets = UINT64_MAX;
		rows[i].sampling = UINT32_MAX;
		rows[i].end_us = INT64_MAX;
	}
	fixture_open(&fx);
	fixture_exporter(&fx, &(struct fixture_exporter){ 1, "a", "host-a", "" });
	fixture_rows(&fx, 1, rows, 2);
	root = ask_json(&fx, api_top, "last=all&filter=packets > 5 and duration > 5");
	cr_expect_eq(number_at(json_object_get(root, "total"), "packets"), INT64_MAX);
	json_decref(root);
	root = ask_json(&fx, api_flows, "last=all&order=duration&aggregate=1");
	cr_expect_eq(number_at(root, "matched"), 1);
	json_decref(root);
	fixture_close(&fx);
}

/* A filter is in the statement three times over. */
Test(api_top, the_longest_filter_runs)
{
	static char query[8192];
	struct fixture fx;
	json_t *root;
	size_t n;

	fixture_open(&fx);
	fill(&fx);
	n = (size_t)snprintf(query, sizeof(query), ALL_TIME "filter=ip in[10.0.0.1");
	for (int i = 0; i < 500; i++)
		n += (size_t)snprintf(query + n, sizeof(query) - n, ",1::/%d", 1 + i % 100);
	snprintf(query + n, sizeof(query) - n, "]");
	root = ask_json(&fx, api_top, query);
	cr_expect_eq(number_at(json_object_get(root, "total"), "flows"), 5);
	json_decref(root);
	fixture_close(&fx);
}
