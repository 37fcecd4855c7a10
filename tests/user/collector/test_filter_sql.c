// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Every word of the language against rows in a real store: which rows does it take? */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/user/collector/query_fixture.h"
#include "user/collector/filter.h"
#include "user/collector/query.h"
#include "user/collector/query_sql.h"

/* A row is known by its tunnel_id: one character each. */
static struct flow flow(char name, const char *src, const char *dst, uint8_t proto, uint16_t sport,
			uint16_t dport)
{
	struct flow f = fixture_flow(src, dst);

	f.tunnel_id = (uint32_t)name;
	f.proto = proto;
	f.src_port = sport;
	f.dst_port = dport;
	return f;
}

static void fill(struct fixture *fx)
{
	struct flow rows[] = {
		flow('a', "10.0.0.1", "10.0.0.2", 6, 40000, 443),
		flow('b', "10.0.0.2", "10.0.0.1", 6, 443, 40000),
		flow('c', "10.1.2.3", "192.168.0.9", 17, 5353, 53),
		flow('d', "2001:db8::1", "2001:db8::2", 6, 50000, 80),
		flow('e', "10.0.0.1", "10.0.0.9", 1, 8, 0),
		flow('f', "fe80::1", "ff02::1", 58, 135, 0),
		flow('g', NULL, NULL, 0, 0, 0), /* ARP */
		flow('h', "10.0.0.1", "10.0.0.2", 47, 0, 0),
		flow('i', "10.0.0.1", "10.0.0.2", 6, 0, 0), /* later fragment */
		flow('j', "::", "ff02::1", 58, 143, 0),
	};
	struct flow other = flow('k', "172.16.5.5", "8.8.8.8", 132, 443, 443);

	rows[0].tcp_flags = 0x02; /* S */
	rows[0].packets = 5000;
	rows[0].l2_octets = 1000000;
	rows[1].tcp_flags = 0x12; /* SA */
	rows[1].flags |= FLOW_EGRESS;
	rows[1].end_us += 5000000;
	rows[2].ifindex = 3;
	rows[2].dscp = 46;
	rows[2].packets = 10;
	rows[2].sampling = 100; /* about 1000 */
	rows[3].vlan_outer = 0x1000 | 100;
	rows[4].vlan_inner = 0x1000 | 200;
	rows[4].vlan_outer = 0x1000;
	rows[6].ethertype = 0x0806;
	rows[8].flags |= FLOW_LATER_FRAGMENT;
	rows[2].src_as = 64512;
	other.ifindex = 9;
	other.peer_ifindex = 7;
	other.dst_as = 65001;
	fixture_exporter(fx, &(struct fixture_exporter){ 1, "agent-a", "host-a", "" });
	fixture_exporter(fx, &(struct fixture_exporter){ 2, "agent-b", "host-b", "trace;1'.pcap" });
	fixture_interface(fx, "agent-a", 2, "eth0");
	fixture_interface(fx, "agent-a", 3, "eth1");
	fixture_interface(fx, "agent-b", 2, "eth1");
	fixture_rows(fx, 1, rows, ARRAY_LEN(rows));
	fixture_rows(fx, 2, &other, 1);
}

/* The names of the rows the condition takes, in order. `fold`: "name=t|f|?" of each. */
static void taken(struct fixture *fx, const char *text, bool fold, char *ret)
{
	AUTO(filter_free) struct filter *f = NULL;
	AUTO(query_rows_done) struct query_rows rows = { 0 };
	AUTO_FREE char *source = NULL;
	AUTO(sql_done) struct sql_builder b;
	struct filter_error error = { 0, "" };

	cr_assert_eq(filter_parse(text, FILTER_FLOWS, &f, &error), 0, "'%s': %s", text,
		     error.message);
	cr_assert_eq(store_source(fx->reader, SERIES_FLOWS, T0 - 1, T0 + 10000000, &source), 0);
	cr_assert_eq(sql_init(&b), 0);
	sql_add(&b, fold ? "SELECT tunnel_id::BIGINT, (" : "SELECT tunnel_id::BIGINT FROM ");
	if (fold) {
		filter_sql_fold(f, &b);
		sql_add(&b, ")::BIGINT FROM ");
	}
	sql_add(&b, source);
	if (!fold) {
		sql_add(&b, " WHERE ");
		filter_sql(f, &b);
	}
	sql_add(&b, " ORDER BY 1");
	cr_assert_eq(query_run(fx->reader, &b, &rows), 0, "'%s': %s\n%s", text, rows.error, b.text);
	while (query_rows_next(&rows)) {
		*ret++ = (char)query_int(&rows, 0);
		if (fold)
			*ret++ = query_is_null(&rows, 1) ? '?' : query_int(&rows, 1) ? 't' : 'f';
	}
	*ret = '\0';
}

static const struct {
	const char *text;
	const char *want;
} cases[] = {
	{ "any", "abcdefghijk" },
	{ "", "abcdefghijk" },
	{ "proto tcp", "abdi" },
	{ "tcp", "abdi" },
	{ "proto 6", "abdi" },
	{ "proto != tcp", "cefghjk" },
	{ "proto in [tcp, 17]", "abcdi" },
	{ "proto icmp", "e" },
	{ "proto icmp6", "fj" },
	{ "icmp6", "fj" },
	{ "proto gre", "h" },
	{ "proto sctp", "k" },
	{ "proto esp", "" },
	{ "ip 10.0.0.1", "abehi" },
	{ "host 10.0.0.1", "abehi" },
	{ "src ip 10.0.0.1", "aehi" },
	{ "dst host 10.0.0.1", "b" },
	{ "src and dst ip 10.0.0.1", "" },
	{ "src or dst ip 10.0.0.1", "abehi" },
	{ "ip != 10.0.0.1", "cdfgjk" },
	{ "not ip 10.0.0.1", "cdfgjk" },
	{ "src ip ::ffff:10.0.0.1", "aehi" },
	{ "ip 2001:db8::1", "d" },
	{ "ip fe80::1", "f" },
	{ "ip ::", "j" },
	{ "ip in [10.0.0.9, 2001:db8::/32, 8.8.8.8]", "dek" },
	{ "src net 10.0.0.0/8", "abcehi" },
	{ "src net 10/8", "abcehi" },
	{ "src net 10.0.0.0 255.0.0.0", "abcehi" },
	{ "src net 10.0.0.0/24", "abehi" },
	{ "src net 10.0.0.1/32", "aehi" },
	{ "src net 10.0.0.0/31", "aehi" },
	{ "net 0.0.0.0/0", "abcehik" },
	{ "net ::/0", "dfj" },
	{ "net ::/64", "j" },
	{ "net 2001:db8::/32", "d" },
	{ "net 2001:db8::/127", "d" },
	{ "net fe80::/10", "f" },
	{ "src and dst net 10.0.0.0/8", "abehi" },
	{ "src net 172.16/12", "k" },
	{ "port 443", "abk" },
	{ "src port 443", "bk" },
	{ "dst port 443", "ak" },
	{ "src and dst port 443", "k" },
	{ "port > 40000", "d" },
	{ "port >= 40000", "abd" },
	{ "dst port < 100", "cd" },
	{ "dst port <= 53", "c" },
	{ "port in [53, 80]", "cd" },
	{ "port 0", "" },
	{ "port 8", "" },
	{ "not port 443", "cdefghij" },
	{ "port != 443", "cdefghij" },
	{ "icmp-type 8", "e" },
	{ "icmp-type 135 or icmp-type 143", "fj" },
	{ "icmp-code 0", "efj" },
	{ "packets > 1k", "a" },
	{ "packets >= 1k", "ac" },
	{ "packets = 1000", "c" },
	{ "packets 1000", "c" },
	{ "packets < 2", "bdefghijk" },
	{ "bytes = 1M", "a" },
	{ "bytes != 100", "ac" },
	{ "duration > 4999", "b" },
	{ "duration = 5s", "b" },
	{ "duration 0", "acdefghijk" },
	{ "if 3", "c" },
	{ "if eth0", "abdefghij" },
	{ "if eth1", "c" },
	{ "if in [eth1, 9]", "ck" },
	{ "in if eth0", "adefghij" },
	{ "out if 2", "b" },
	{ "in if 9", "k" },
	{ "out if 9", "" },
	{ "out if 7", "k" },
	{ "in if 7", "" },
	{ "if 7", "k" },
	{ "if nosuch", "" },
	{ "as 65001", "k" },
	{ "src as 65001", "" },
	{ "dst as in [65001, 64512]", "k" },
	{ "src as > 0", "c" },
	{ "as != 65001", "abcdefghij" },
	{ "bps > 100", "b" },
	{ "bps = 160", "b" },
	{ "bps 0", "acdefghijk" },
	{ "pps >= 1", "" },
	{ "bpp = 200", "a" },
	{ "bpp < 11", "c" },
	{ "not if eth0", "ck" },
	{ "egress", "b" },
	{ "ingress", "acdefghijk" },
	{ "vlan 100", "d" },
	{ "vlan 200", "e" },
	{ "vlan 0", "e" },
	{ "vlan > 99", "de" },
	{ "not vlan 100", "abcefghijk" },
	{ "flags S", "ab" },
	{ "flags SA", "b" },
	{ "flags as", "b" },
	{ "flags S and not flags AFRPU", "a" },
	{ "not flags SA", "cdefghijk" },
	{ "flags != SA", "cdefghijk" },
	{ "not not flags SA", "ab" }, /* at the flags, "not" asks for any of them */
	{ "dscp ef", "c" },
	{ "dscp 46", "c" },
	{ "tos 184", "c" },
	{ "tos 187", "c" },
	{ "dscp 0", "abdefhijk" },
	{ "inet", "abcehik" },
	{ "ipv4", "abcehik" },
	{ "inet6", "dfj" },
	{ "ipv6", "dfj" },
	{ "ethertype arp", "g" },
	{ "ethertype 0x0806", "g" },
	{ "arp", "g" },
	{ "exporter agent-a", "abcdefghij" },
	{ "exporter host-b", "k" },
	{ "exporter \"trace;1'.pcap\"", "k" },
	{ "exporter in [host-b, agent-a]", "abcdefghijk" },
	{ "not exporter agent-a", "k" },
	{ "exporter \"' OR 1=1 --\"", "" },
	{ "if \"' OR '1'='1\"", "" },
	{ "tcp and port 443 or udp", "abc" },
	{ "tcp and (port 443 or udp)", "ab" },
	{ "udp or tcp and port 443", "abc" },
	{ "tcp && !port 443 || proto sctp", "dik" },
	{ "not (tcp or udp or icmp)", "fghjk" },
	{ "not not tcp", "abdi" },
	{ "any and not any", "" },
};

Test(filter_sql, every_word_takes_its_rows)
{
	struct fixture fx;
	char got[64];

	fixture_open(&fx);
	fill(&fx);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		taken(&fx, cases[i].text, false, got);
		cr_expect_str_eq(got, cases[i].want, "'%s': %s", cases[i].text, got);
	}
	fixture_close(&fx);
}

/* Folded by class: 6, 17, 1 (ICMP and ICMPv6), 255 (other IP), 0 (not IP). */
Test(filter_sql, fold_rows_answer_what_they_know)
{
	static const struct {
		const char *text, *t, *u, *i, *o, *n;
	} known[] = {
		{ "any", "t", "t", "t", "t", "t" },
		{ "tcp", "t", "f", "f", "f", "f" },
		{ "not tcp", "f", "t", "t", "t", "t" },
		{ "proto in [tcp, udp]", "t", "t", "f", "f", "f" },
		{ "proto icmp", "f", "f", "?", "f", "f" },
		{ "proto icmp6", "f", "f", "?", "f", "f" },
		{ "proto gre", "f", "f", "f", "?", "f" },
		{ "proto > 5", "?", "?", "?", "?", "?" },
		{ "port 80", "?", "?", "f", "?", "f" },
		{ "not port 80", "?", "?", "t", "?", "t" },
		{ "ip 10.0.0.1", "?", "?", "?", "?", "f" },
		{ "not ip 10.0.0.1", "?", "?", "?", "?", "t" },
		{ "tcp and port 80", "?", "f", "f", "f", "f" },
		{ "tcp or port 80", "t", "?", "f", "?", "f" },
		{ "flags S", "?", "f", "f", "f", "f" },
		{ "not flags S", "?", "t", "t", "t", "t" },
		{ "icmp-type 8", "f", "f", "?", "f", "f" },
		{ "packets > 5", "?", "?", "?", "?", "?" },
		{ "vlan 5", "?", "?", "?", "?", "?" },
		{ "inet6", "?", "?", "?", "?", "?" },
		{ "if 2", "t", "t", "t", "t", "t" },
		{ "if eth1", "f", "f", "f", "f", "f" },
		{ "exporter agent-a", "t", "t", "t", "t", "t" },
		{ "egress", "f", "f", "f", "f", "f" },
	};
	struct flow folds[] = {
		flow('i', NULL, NULL, 1, 0, 0),	  flow('n', NULL, NULL, 0, 0, 0),
		flow('o', NULL, NULL, 255, 0, 0), flow('t', NULL, NULL, 6, 0, 0),
		flow('u', NULL, NULL, 17, 0, 0),
	};
	char got[64], want[64];
	struct fixture fx;

	fixture_open(&fx);
	fixture_exporter(&fx, &(struct fixture_exporter){ 1, "agent-a", "host-a", "" });
	fixture_interface(&fx, "agent-a", 2, "eth0");
	for (size_t i = 0; i < ARRAY_LEN(folds); i++)
		folds[i].kind = FLOW_FOLD;
	fixture_rows(&fx, 1, folds, ARRAY_LEN(folds));
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		taken(&fx, known[i].text, true, got);
		snprintf(want, sizeof(want), "i%sn%so%st%su%s", known[i].i, known[i].n, known[i].o,
			 known[i].t, known[i].u);
		cr_expect_str_eq(got, want, "'%s': %s, want %s", known[i].text, got, want);
	}
	fixture_close(&fx);
}

Test(filter_sql, the_longest_filters_run)
{
	static char text[FILTER_TEXT_MAX + 1], got[64];
	struct fixture fx;
	size_t n = 0;

	fixture_open(&fx);
	fill(&fx);
	for (int i = 0; i < 510; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "udp||");
	snprintf(text + n, sizeof(text) - n, "tcp");
	taken(&fx, text, false, got);
	cr_expect_str_eq(got, "abcdi");

	n = (size_t)snprintf(text, sizeof(text), "ip in[10.0.0.9");
	for (int i = 0; i < 500; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",1::/%d", 1 + i % 100);
	snprintf(text + n, sizeof(text) - n, "]");
	taken(&fx, text, false, got);
	cr_expect_str_eq(got, "dej", "%s", got);

	n = 0;
	for (int i = 0; i < 32; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "!(");
	n += (size_t)snprintf(text + n, sizeof(text) - n, "tcp");
	memset(text + n, ')', 32);
	text[n + 32] = '\0';
	taken(&fx, text, false, got);
	cr_expect_str_eq(got, "abdi");
	fixture_close(&fx);
}
