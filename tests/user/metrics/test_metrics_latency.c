// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Buckets of many rows as one histogram an agent: cumulative, in seconds, bounded. */
#include "user/metrics/metrics_latency.h"

#include <stdio.h>

#include "tests/user/collector/collector_fixture.h"
#include "user/metrics/metrics_agent.h"

static char *print(void)
{
	static char *text; /* static: gcc 12 takes what open_memstream() makes for this variable */
	static size_t len;
	FILE *out = open_memstream(&text, &len);

	metrics_latency_print(out);
	fclose(out);
	return text;
}

static void expect_line(const char *line)
{
	AUTO_FREE char *text = print();
	const char *at = strstr(text, line);

	cr_expect(at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n',
		  "no '%s' in\n%s", line, text);
}

static void tell(const char *name, struct latency l)
{
	struct metrics_agent a = { 0 };
	struct batch b = { .latencies = &l, .latencies_len = 1 };

	a.name = name;
	strcpy(b.head.host, "a-host");
	metrics_latency_add(&a, &b);
}

#define OF "agent=\"a\",host=\"a-host\""

Test(metrics_latency, buckets_are_cumulative_and_in_seconds)
{
	struct latency l = { .count = 6, .sum_ns = 1500000000, .buckets = { 1 } };

	l.buckets[10] = 2;
	l.buckets[LATENCY_BUCKETS - 1] = 3;
	tell("a", l);
	l.port = 443; /* another service: the same histogram */
	tell("a", l);
	expect_line("# TYPE wiretally_tcp_connect_seconds histogram");
	expect_line("wiretally_tcp_connect_seconds_bucket{" OF ",le=\"1.024e-06\"} 2");
	expect_line("wiretally_tcp_connect_seconds_bucket{" OF ",le=\"0.000524288\"} 2");
	expect_line("wiretally_tcp_connect_seconds_bucket{" OF ",le=\"0.001048576\"} 6");
	expect_line("wiretally_tcp_connect_seconds_bucket{" OF ",le=\"1099.51162778\"} 6");
	expect_line("wiretally_tcp_connect_seconds_bucket{" OF ",le=\"+Inf\"} 12");
	expect_line("wiretally_tcp_connect_seconds_sum{" OF "} 3.000000000");
	expect_line("wiretally_tcp_connect_seconds_count{" OF "} 12");
}

Test(metrics_latency, kinds_and_agents_are_apart)
{
	AUTO_FREE char *text = NULL;

	tell("a", (struct latency){ .kind = LATENCY_RTT, .count = 1, .buckets = { 1 } });
	tell("b", (struct latency){ .kind = LATENCY_RTT, .count = 2, .buckets = { 2 } });
	expect_line("wiretally_tcp_rtt_seconds_count{" OF "} 1");
	expect_line("wiretally_tcp_rtt_seconds_count{agent=\"b\",host=\"a-host\"} 2");
	text = print();
	cr_expect(!strstr(text, "connect_seconds_count"), "%s", text);
}

Test(metrics_latency, agents_beyond_the_limit)
{
	char name[16];

	for (int i = 0; i < METRICS_LATENCY_AGENTS_MAX + 3; i++) {
		snprintf(name, sizeof(name), "a%d", i);
		tell(name, (struct latency){ .count = 1, .buckets = { 1 } });
	}
	expect_line("wiretally_metrics_latencies_left_out_total 3");
}
