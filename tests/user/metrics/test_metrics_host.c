// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Host counts, drops and the ledgers of signals as series: names, sums, zeros and limits. */
#include "user/metrics/metrics_host.h"

#include <stdio.h>

#include "tests/user/collector/collector_fixture.h"
#include "user/metrics/series.h"
#include "user/metrics/metrics_agent.h"

static struct watched_interface eth0 = { 2, 7, "eth0", "tcx" };
static struct metrics_agent agent = { .name = "a", .interfaces = &eth0, .interfaces_len = 1 };

static char *print_at(int64_t now_us)
{
	static char *text; /* static: gcc 12 takes what open_memstream() makes for this variable */
	static size_t len;
	FILE *out = open_memstream(&text, &len);

	series_print(out, now_us);
	fclose(out);
	return text;
}

static bool has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

static void expect_line(const char *line)
{
	AUTO_FREE char *text = print_at(NOW);

	cr_expect(has_line(text, line), "no '%s' in\n%s", line, text);
}

static void tell(const char *name, uint64_t value, bool is_gauge)
{
	struct host_count count = { .value = value, .netns = 7, .is_gauge = is_gauge };
	struct batch b = { .host_counts = &count, .host_counts_len = 1 };

	strcpy(count.name, name);
	strcpy(b.head.host, "a-host");
	metrics_host_add(&agent, &b, NOW);
}

#define OF_HOST "agent=\"a\",host=\"a-host\""
#define OF_NETNS OF_HOST ",netns=\"7\""

Test(metrics_host, every_name_has_its_series)
{
	static const struct {
		const char *name;
		bool is_gauge;
		const char *want;
	} cases[] = {
		{ "sockets/ipv4/ESTABLISHED", true,
		  "wiretally_tcp_connections{" OF_NETNS
		  ",family=\"ipv4\",state=\"ESTABLISHED\"} 5" },
		{ "tcp/listen_queue_max", true,
		  "wiretally_tcp_listen_queue{" OF_NETNS ",of=\"longest\"} 5" },
		{ "tcp/segments_sent", false, "wiretally_tcp_sent_segments_total{" OF_NETNS "} 5" },
		{ "tcp/retransmitted_segments", false,
		  "wiretally_tcp_retransmitted_segments_total{" OF_NETNS "} 5" },
		{ "tcp/listen_overflows", false,
		  "wiretally_tcp_listen_overflows_total{" OF_NETNS "} 5" },
		{ "tcp/syncookies_sent", false,
		  "wiretally_tcp_syn_cookies_sent_total{" OF_NETNS "} 5" },
		{ "nic/eth0.5/rx_missed_errors", false,
		  "wiretally_interface_dropped_packets_total{" OF_NETNS
		  ",interface=\"eth0.5\",where=\"rx_missed\"} 5" },
		{ "qdisc/eth0/drops", false,
		  "wiretally_interface_dropped_packets_total{" OF_NETNS
		  ",interface=\"eth0\",where=\"qdisc\"} 5" },
		{ "softnet/dropped", false,
		  "wiretally_softnet_dropped_packets_total{" OF_NETNS "} 5" },
		{ "udp/receive_buffer_drops", false,
		  "wiretally_host_events_total{" OF_NETNS ",name=\"udp/receive_buffer_drops\"} 5" },
		{ "host_counts/left_out", true,
		  "wiretally_host_level{" OF_NETNS ",name=\"host_counts/left_out\"} 5" },
		{ "tcp/segments_sent_not", false,
		  "wiretally_host_events_total{" OF_NETNS ",name=\"tcp/segments_sent_not\"} 5" },
		{ "sockets//LISTEN", true,
		  "wiretally_host_level{" OF_NETNS ",name=\"sockets//LISTEN\"} 5" },
		{ "nic/eth0/rx_dropped/x", false,
		  "wiretally_host_events_total{" OF_NETNS ",name=\"nic/eth0/rx_dropped/x\"} 5" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tell(cases[i].name, 5, cases[i].is_gauge);
		expect_line(cases[i].want);
	}
}

Test(metrics_host, counters_add_up_and_gauges_do_not)
{
	tell("tcp/listen_overflows", 5, false);
	tell("tcp/listen_overflows", 6, false);
	expect_line("wiretally_tcp_listen_overflows_total{" OF_NETNS "} 11");
	tell("sockets/ipv4/LISTEN", 5, true);
	tell("sockets/ipv4/LISTEN", 6, true);
	expect_line("wiretally_tcp_connections{" OF_NETNS ",family=\"ipv4\",state=\"LISTEN\"} 6");
}

/* What the newest counts do not name is 0; what nobody tells any more is not shown. */
Test(metrics_host, gauges_end)
{
	AUTO_FREE char *later = NULL;

	tell("sockets/ipv4/LISTEN", 5, true);
	tell("sockets/ipv6/LISTEN", 3, true);
	expect_line("wiretally_tcp_connections{" OF_NETNS ",family=\"ipv4\",state=\"LISTEN\"} 0");
	expect_line("wiretally_tcp_connections{" OF_NETNS ",family=\"ipv6\",state=\"LISTEN\"} 3");
	later = print_at(NOW + SERIES_GAUGE_US + 1);
	cr_expect(!strstr(later, "state="), "%s", later);
	cr_expect(has_line(later, "# TYPE wiretally_tcp_connections gauge"));
}

static void drop(struct drop d)
{
	struct batch b = { .drops = &d, .drops_len = 1 };

	strcpy(b.head.host, "a-host");
	metrics_host_add(&agent, &b, NOW);
}

Test(metrics_host, drops_by_reason_and_by_interface)
{
	drop((struct drop){ .packets = 3, .reason = "NO_SOCKET", .ifindex = 2, .netns = 7 });
	drop((struct drop){ .packets = 4, .reason = "NO_SOCKET", .ifindex = 2 });
	drop((struct drop){ .packets = 5, .reason = "NO_SOCKET", .ifindex = 9, .netns = 7 });
	drop((struct drop){ .packets = 6, .reason = "TCP_RESET", .purged = true, .ifindex = 2 });
	drop((struct drop){ .packets = 7, .location = "tcp_v4_rcv+0x7b" });
	drop((struct drop){ .packets = 8 });
	expect_line("wiretally_dropped_packets_total{" OF_HOST
		    ",reason=\"NO_SOCKET\",class=\"lost\"} 12");
	expect_line("wiretally_dropped_packets_total{" OF_HOST
		    ",reason=\"TCP_RESET\",class=\"purged\"} 6");
	expect_line("wiretally_dropped_packets_total{" OF_HOST
		    ",reason=\"tcp_v4_rcv\",class=\"lost\"} 7");
	expect_line("wiretally_dropped_packets_total{" OF_HOST
		    ",reason=\"unknown\",class=\"lost\"} 8");
	expect_line("wiretally_interface_dropped_packets_total{" OF_HOST
		    ",netns=\"7\",interface=\"eth0\",where=\"stack\"} 3");
	expect_line("wiretally_interface_dropped_packets_total{" OF_HOST
		    ",netns=\"0\",interface=\"eth0\",where=\"stack\"} 4");
	expect_line("wiretally_interface_dropped_packets_total{" OF_HOST
		    ",netns=\"7\",interface=\"other\",where=\"stack\"} 5");
}

Test(metrics_host, ledgers_of_signals)
{
	struct ledger_row rows[] = {
		{ .point = SIGNAL_POINT_TCP,
		  .counts_len = 3,
		  .counts = { { "seen", 9, 0 }, { "recorded", 7, 0 }, { "lost/no_row", 2, 0 } } },
		{ .point = SIGNAL_POINT_DROPS, .counts_len = 1, .counts = { { "seen", 1, 60 } } },
		{ .point = 0, .counts_len = 1, .counts = { { "seen", 100, 100 } } },
	};
	struct batch b = { .ledger = rows, .ledger_len = 3 };

	strcpy(b.head.host, "a-host");
	metrics_host_add(&agent, &b, NOW);
	metrics_host_add(&agent, &b, NOW);
	expect_line("wiretally_signal_seen_events_total{" OF_HOST ",signal=\"tcp\"} 18");
	expect_line("wiretally_signal_seen_events_total{" OF_HOST ",signal=\"drops\"} 2");
	expect_line("wiretally_signal_events_total{" OF_HOST
		    ",signal=\"tcp\",outcome=\"recorded\"} 14");
	expect_line("wiretally_signal_events_total{" OF_HOST
		    ",signal=\"tcp\",outcome=\"lost/no_row\"} 4");
}

Test(metrics_host, files_are_history)
{
	struct host_count count = { .value = 5, .name = "tcp/segments_sent" };
	struct batch b = { .host_counts = &count, .host_counts_len = 1 };
	AUTO_FREE char *text = NULL;

	strcpy(b.head.exporter, "file.pcap");
	metrics_host_add(&agent, &b, NOW);
	text = print_at(NOW);
	cr_expect(!strstr(text, "agent="), "%s", text);
}

Test(metrics_host, labels_cannot_break_out)
{
	struct series_labels l = { .len = 0 };
	char longer[2048];

	series_label(&l, "a", "x\"y\\z\n");
	cr_expect_str_eq(l.text, "a=\"x\\\"y\\\\z\\n\"");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	series_label(&l, "b", longer);
	cr_expect(l.is_cut);
	series_add(FAMILY_DROPPED, "a", &l, 1, NOW);
	expect_line("wiretally_metrics_series_left_out_total 1");
}

static void tell_netns(uint32_t netns, int64_t now_us)
{
	struct series_labels l = { .len = 0 };

	series_label_number(&l, "netns", netns);
	series_add(FAMILY_TCP_SENT, "a", &l, 1, now_us);
}

Test(metrics_host, more_series_than_are_kept)
{
	for (uint32_t i = 0; i < SERIES_MAX + 3; i++)
		tell_netns(i, NOW);
	expect_line("wiretally_metrics_series_left_out_total 3");
	expect_line("wiretally_tcp_sent_segments_total{netns=\"0\"} 1");
	tell_netns(0, NOW + SERIES_IDLE_US + 1);
	tell_netns(SERIES_MAX, NOW + SERIES_IDLE_US + 1); /* idle ones make room */
	expect_line("wiretally_metrics_series_left_out_total 3");
	expect_line("wiretally_tcp_sent_segments_total{netns=\"0\"} 2");
}
