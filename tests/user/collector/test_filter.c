// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/collector/filter.h"
#include "user/collector/query_sql.h"

Test(filter, everyday_words_are_taken)
{
	static const char *const rows[] = {
		"",
		"  \t\n",
		"any",
		"proto tcp",
		"PROTO TCP AND Dst Port 443",
		"proto icmp6 or proto gre or proto esp or proto sctp or proto 89",
		"src ip 10.0.0.1",
		"host 2001:db8::1",
		"src or dst ip 10.0.0.1",
		"src and dst net 10.0.0.0/8",
		"net 10.0.0.0 255.0.0.0 and tcp",
		"net 172.16/12",
		"port 80",
		"src port > 1024",
		"dst port in [80, 443 8080]",
		"ip in [10.0.0.1, 2001:db8::/32]",
		"packets > 10k and bytes <= 1.5M and duration >= 5s",
		"duration 100",
		"if eth0 or in if 3 or out if \"wlan 0\"",
		"if br-0123456789ab and not if eth0.100@x:1",
		"vlan 100",
		"flags S and not flags AFRPU",
		"tos 8 or dscp ef or dscp 46",
		"ethertype arp or ethertype 0x88cc or inet or inet6 or ipv4 or ipv6",
		"icmp-type 8 and icmp-code = 0",
		"exporter edge-1 or exporter 'trace 1.pcap'",
		"not not not any",
		"!any && !(any || any)",
		"((((any))))",
		"port gt 5 and port lt 6 and port ge 1 and port le 2 and port eq 3 and port ne 4",
		"packets=5 and bytes!=6",
	};
	struct filter_error error;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(filter_free) struct filter *f = NULL;

		error.message[0] = '\0';
		cr_expect_eq(filter_parse(rows[i], FILTER_FLOWS, &f, &error), 0, "'%s': %zu: %s",
			     rows[i], error.position, error.message);
	}
}

static const struct {
	const char *text;
	size_t position;
	const char *message;
} bad_filters[] = {
	{ "src ip 10.0.0.1 and prot tcp", 20, "unknown word 'prot'; did you mean 'proto'?" },
	{ "prt 80", 0, "unknown word 'prt'; did you mean 'port'?" },
	{ "zebra", 0, "unknown word 'zebra'" },
	{ "tcp adn udp", 4, "unknown word 'adn'; did you mean 'and'?" },
	{ "tcp udp", 4, "expected 'and' or 'or' before 'udp'" },
	{ "port 80 443", 8, "expected 'and' or 'or' before '443'" },
	{ "tcp and", 7, "a condition is missing at the end" },
	{ "and tcp", 0, "a condition is missing before 'and'" },
	{ "tcp or or udp", 7, "a condition is missing before 'or'" },
	{ "tcp and )", 8, "a condition is missing before ')'" },
	{ "()", 1, "a condition is missing before ')'" },
	{ "tcp)", 3, "')' without '('" },
	{ "not tcp)", 7, "')' without '('" },
	{ "(tcp))", 5, "')' without '('" },
	{ "tcp and (udp or (icmp)", 8, "'(' is never closed" },
	{ "not", 3, "a condition is missing at the end" },
	{ "proto tpc", 6, "unknown protocol 'tpc'; did you mean 'tcp'?" },
	{ "proto 256", 6, "'256' is not a protocol (like tcp, or 0 to 255)" },
	{ "proto", 5, "a protocol (like tcp, or 0 to 255) is missing at the end" },
	{ "src 10.0.0.1", 4, "'src' wants ip, host, net, port or as behind it" },
	{ "src proto tcp", 4, "'src' wants ip, host, net, port or as behind it" },
	{ "src", 3, "'src' wants ip, host, net, port or as behind it" },
	{ "in port 80", 3, "'in' wants if behind it" },
	{ "ip 10.0.0.256", 3, "'10.0.0.256' is not an address (like 10.0.0.1 or 2001:db8::1)" },
	{ "ip eth0", 3, "'eth0' is not an address (like 10.0.0.1 or 2001:db8::1)" },
	{ "net 10.0.0.0/33", 4, "the mask of '10.0.0.0/33' is longer than its address" },
	{ "net 10.0.0.0 255.0.255.0", 13, "the mask '255.0.255.0' has holes" },
	{ "net 10.0.0.0 8", 13, "'8' is not an IPv4 mask (like 255.255.0.0)" },
	{ "port http", 5, "'http' is not a port (0 to 65535)" },
	{ "port 65536", 5, "'65536' is not a port (0 to 65535)" },
	{ "port -1", 5, "'-1' is not a port (0 to 65535)" },
	{ "port > and tcp", 7, "'and' is not a port (0 to 65535)" },
	{ "port in 80", 8, "'in' wants a list like [1, 2]" },
	{ "port in [80, 443", 8, "'[' is never closed" },
	{ "port in []", 8, "the list is empty" },
	{ "port in [80, x]", 13, "'x' is not a port (0 to 65535)" },
	{ "port in [80,, 1]", 12, "',' is not a port (0 to 65535)" },
	{ "packets > 1x", 10, "'1x' is not a number (like 1000 or 1k)" },
	{ "packets > 99999999999999999999", 10,
	  "'99999999999999999999' is not a number (like 1000 or 1k)" },
	{ "duration > 5y", 11, "'5y' is not milliseconds, or a time (like 250ms or 5s)" },
	{ "vlan 4096", 5, "'4096' is not a VLAN id (0 to 4095)" },
	{ "flags SX", 6, "'SX' is not TCP flags (letters of FSRPAUECN)" },
	{ "flags in [S, A]", 6, "'in' is not TCP flags (letters of FSRPAUECN)" },
	{ "flags > S", 6, "'flags' compares by = and != only" },
	{ "ip < 10.0.0.1", 3, "'ip' compares by = and != only" },
	{ "dscp ex", 5, "unknown dscp 'ex'; did you mean 'ef'?" },
	{ "tcp & udp", 4, "a single '&'; did you mean '&&'?" },
	{ "tcp | udp", 4, "a single '|'; did you mean '||'?" },
	{ "if \"eth0", 3, "the quote is never closed" },
	{ "if \"\"", 3, "'' is not an interface (like eth0 or 2)" },
	{ "\"tcp\"", 0, "a condition is missing before 'tcp'" },
	{ "tcp \x01", 4, "character 0x01 has no place in a filter" },
	{ "tcp ; drop table flows", 4, "expected 'and' or 'or' before ';'" },
	{ "exporter gr\xc3\xbc\xc3\x9f and prto tcp", 18,
	  "unknown word 'prto'; did you mean 'proto'?" },
	{ "\xff\xfe", 0, "unknown word '?\?'" },
	{ "<script>alert(1)</script>", 0, "a condition is missing before '<'" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0,
	  "unknown word 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'" },
};

Test(filter, errors_point_at_the_character)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_filters); i++) {
		AUTO(filter_free) struct filter *f = NULL;
		struct filter_error error = { 999, "" };

		cr_expect_eq(filter_parse(bad_filters[i].text, FILTER_FLOWS, &f, &error), -EINVAL,
			     "'%s' was taken", bad_filters[i].text);
		cr_expect_str_eq(error.message, bad_filters[i].message, "'%s': %s",
				 bad_filters[i].text, error.message);
		cr_expect_eq(error.position, bad_filters[i].position, "'%s': at %zu",
			     bad_filters[i].text, error.position);
	}
}

/* `part` n times, then `tail`. */
static char *repeated(const char *part, size_t n, const char *tail)
{
	char *text = calloc(1, n * strlen(part) + strlen(tail) + 1), *at = text;

	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, part);
	strcpy(at, tail);
	return text;
}

Test(filter, every_limit_has_its_own_message)
{
	static const struct {
		const char *part;
		size_t n;
		const char *tail;
		const char *message; /* NULL: just within the limit */
		size_t position;
	} rows[] = {
		{ " ", 4093, "any", NULL, 0 },
		{ " ", 4094, "any", "the filter is longer than 4096 bytes", 4096 },
		{ "x", 100000, "", "the filter is longer than 4096 bytes", 4096 },
		{ "tcp||", 511, "tcp", NULL, 0 },
		{ "tcp||", 512, "tcp", "the filter has more than 1024 words and signs", 2560 },
		{ "(", 64, "any", "'(' is never closed", 63 },
		{ "(", 65, "any", "brackets and 'not' are nested deeper than 64", 64 },
		{ "!", 64, "any", NULL, 0 },
		{ "!", 65, "any", "brackets and 'not' are nested deeper than 64", 64 },
		{ "not ", 1000, "any", "brackets and 'not' are nested deeper than 64", 256 },
		{ "exporter ", 1, "", "the name of an exporter is missing at the end", 9 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FREE char *text = repeated(rows[i].part, rows[i].n, rows[i].tail);
		AUTO(filter_free) struct filter *f = NULL;
		struct filter_error error = { 0, "" };
		int err = filter_parse(text, FILTER_FLOWS, &f, &error);

		cr_expect_eq(err, rows[i].message ? -EINVAL : 0, "row %zu: %s", i, error.message);
		if (!rows[i].message)
			continue;
		cr_expect_str_eq(error.message, rows[i].message, "row %zu: %s", i, error.message);
		cr_expect_eq(error.position, rows[i].position, "row %zu: at %zu", i,
			     error.position);
	}
}

Test(filter, long_names_are_refused)
{
	AUTO_FREE char *text = repeated("a", 256, "");
	AUTO_FREE char *quoted = calloc(1, 300);
	AUTO(filter_free) struct filter *f = NULL;
	struct filter_error error = { 0, "" };

	snprintf(quoted, 300, "exporter %s", text);
	cr_expect_eq(filter_parse(quoted, FILTER_FLOWS, &f, &error), -EINVAL);
	cr_expect_str_eq(error.message, "a name is longer than 255 characters");
	quoted[strlen(quoted) - 1] = '\0';
	cr_expect_eq(filter_parse(quoted, FILTER_FLOWS, &f, &error), 0, "%s", error.message);
}

/* Digits of the user's are a number that was read, and is written with its type. */
static void expect_numbers_of_ours(const char *sql)
{
	const char *at = sql;

	while ((at = strstr(at, "1234"))) {
		at += strspn(at, "0123456789");
		cr_expect(!strncmp(at, "::", 2), "%s", at);
	}
}

/* Words of the user's are bound, never spelled out: the text holds those of ours alone. */
Test(filter, nothing_of_the_users_is_in_the_sql)
{
	static const char *const rows[] = {
		"exporter \"'; DROP TABLE flows_1; --\"",
		"if \"'; DROP TABLE flows_1; --\"",
		"if 12345 and port 12345 and packets > 12345 and vlan in [1234, 1235]",
		"exporter '\"><script>DROP</script>'",
		"ip 12.34.56.78 and duration 12345",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(filter_free) struct filter *f = NULL;
		AUTO(sql_done) struct sql_builder b;
		struct filter_error error = { 0, "" };

		cr_assert_eq(filter_parse(rows[i], FILTER_FLOWS, &f, &error), 0, "%s",
			     error.message);
		cr_assert_eq(sql_init(&b), 0);
		cr_assert_eq(filter_sql(f, &b), 0);
		cr_assert_eq(filter_sql_fold(f, &b), 0);
		cr_assert_eq(sql_finish(&b), 0);
		cr_expect_eq(b.params_len > 0, strpbrk(rows[i], "'\"") != NULL, "%s", b.text);
		cr_expect_null(strstr(b.text, "DROP"), "%s", b.text);
		expect_numbers_of_ours(b.text);
		cr_expect_null(strchr(b.text, ';'), "%s", b.text);
		cr_expect_null(strchr(b.text, '\''), "%s", b.text);
	}
}

static bool has_word(enum filter_scope scope, const char *name, struct filter_word *ret)
{
	struct filter_word words[FILTER_WORDS_MAX];
	size_t len = filter_words(scope, words);

	for (size_t i = 0; i < len; i++) {
		if (!strcmp(words[i].name, name)) {
			*ret = words[i];
			return true;
		}
	}
	return false;
}

Test(filter, words_are_listed_as_they_are_taken)
{
	const char *values[FILTER_VALUES_MAX];
	struct filter_word word;

	cr_assert(has_word(FILTER_FLOWS, "port", &word));
	cr_expect(word.is_sided && !word.is_alone && !word.is_directed);
	cr_assert(has_word(FILTER_FLOWS, "if", &word));
	cr_expect(word.is_directed && !word.is_sided);
	cr_assert(has_word(FILTER_LATENCIES, "host", &word));
	cr_expect(!word.is_sided, "latencies have no sides");
	cr_assert(has_word(FILTER_FLOWS, "tcp", &word));
	cr_expect(word.is_alone);
	cr_expect(!has_word(FILTER_FLOWS, "reason", &word));
	cr_expect(has_word(FILTER_DROPS, "reason", &word));
	cr_expect(filter_word_values("role", values) == 3);
	cr_expect(filter_word_values("packets", values) == 0);
	cr_expect(filter_word_values("nothing", values) == 0);
}
