// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* /metrics: counters of ledgers that only go up, labels that cannot break out, and its limit. */
#include "user/collector/metrics.h"

#include <stdio.h>

#include "tests/user/collector/collector_fixture.h"
#include "user/collector/api.h"
#include "user/metrics/metrics_ledger.h"
#include "user/metrics/metrics_agent.h"

static char *print(void)
{
	static char *text; /* static: gcc 12 takes what open_memstream() makes for this variable */
	static size_t len;
	FILE *out = open_memstream(&text, &len);

	metrics_ledger_print(out);
	fclose(out);
	return text;
}

static bool has_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

#define LABELS(interface) \
	"{agent=\"a\",host=\"a-host\",interface=\"" interface "\",netns=\"1\",direction=\"ingress\",layer=\"outer\""

Test(metrics, adds_ledgers_up)
{
	struct watched_interface eth0 = { 2, 1, "eth0", "tcx" };
	struct metrics_agent a = { .name = "a", .interfaces = &eth0, .interfaces_len = 1 };

	for (int i = 1; i <= 3; i++) {
		struct batch *b = make_batch("a", 1, (uint64_t)i, 10, true);
		AUTO_FREE char *text = NULL;
		char line[256];

		metrics_ledger_add(&a, b);
		batch_free(b);
		text = print();
		snprintf(line, sizeof(line), "wiretally_seen_packets_total" LABELS("eth0") "} %d",
			 21 * i);
		cr_expect(has_line(text, line), "%s in\n%s", line, text);
		snprintf(line, sizeof(line),
			 "wiretally_bytes_total" LABELS("eth0") ",outcome=\"recorded\"} %d",
			 2000 * i);
		cr_expect(has_line(text, line), "%s in\n%s", line, text);
		snprintf(line, sizeof(line),
			 "wiretally_packets_total" LABELS(
				 "eth0") ",outcome=\"unparsed/bad ihl\"} %d",
			 i);
		cr_expect(has_line(text, line), "%s in\n%s", line, text);
	}
}

Test(metrics, keeps_losses_behind_the_recording_apart)
{
	struct metrics_agent a = { .name = "a" };
	struct batch *b = make_batch("a", 1, 1, 10, true);
	AUTO_FREE char *text = NULL;

	b->ledger[0].counts[b->ledger[0].counts_len++] =
		(struct ledger_count){ "lost/spool_full", 5, 500 };
	b->ledger[0].counts[b->ledger[0].counts_len++] =
		(struct ledger_count){ "kernel/packets", 5, 500 };
	metrics_ledger_add(&a, b);
	batch_free(b);
	text = print();
	cr_expect(has_line(text, "wiretally_lost_packets_total" LABELS(
					 "if2") ",stage=\"lost/spool_full\"} 5"),
		  "%s", text);
	cr_expect(!strstr(text, "outcome=\"lost/spool_full"), "%s", text);
	cr_expect(!strstr(text, "kernel"), "%s", text);
}

Test(metrics, leaves_files_out)
{
	struct metrics_agent a = { .name = "a" };
	struct batch *b = make_batch("a", 1, 1, 10, true);
	AUTO_FREE char *text = NULL;

	strcpy(b->head.exporter, "file.pcap");
	metrics_ledger_add(&a, b);
	batch_free(b);
	text = print();
	cr_expect(!strstr(text, "agent="), "%s", text);
}

Test(metrics, escapes_labels)
{
	struct watched_interface odd = { 2, 1, "a\"b\\c\nd", "tcx" };
	struct metrics_agent a = { .name = "a", .interfaces = &odd, .interfaces_len = 1 };
	struct batch *b = make_batch("a", 1, 1, 10, true);
	AUTO_FREE char *text = NULL;

	metrics_ledger_add(&a, b);
	batch_free(b);
	text = print();
	cr_expect(strstr(text, "interface=\"a\\\"b\\\\c\\nd\"") != NULL, "%s", text);
}

/* ifindex goes up with every interface that comes and goes: names keep the series few. */
Test(metrics, has_one_series_for_an_interface_that_comes_back)
{
	struct metrics_agent a = { .name = "a" };
	AUTO_FREE char *text = NULL;

	for (uint32_t ifindex = 2; ifindex < 5; ifindex++) {
		struct watched_interface veth = { ifindex, 1, "veth0", "tcx" };
		struct batch *b = make_batch("a", 1, ifindex, 10, true);

		b->ledger[0].ifindex = ifindex;
		a.interfaces = &veth;
		a.interfaces_len = 1;
		metrics_ledger_add(&a, b);
		batch_free(b);
	}
	text = print();
	cr_expect(has_line(text, "wiretally_seen_packets_total" LABELS("veth0") "} 63"), "%s",
		  text);
}

Test(metrics, counts_what_is_beyond_the_limit)
{
	struct metrics_agent a = { .name = "a" };
	AUTO_FREE char *text = NULL;

	for (uint32_t ifindex = 1; ifindex <= METRICS_POINTS_MAX + 3; ifindex++) {
		struct batch *b = make_batch("a", 1, ifindex, 1, true);

		b->ledger[0].ifindex = ifindex;
		metrics_ledger_add(&a, b);
		batch_free(b);
	}
	text = print();
	cr_expect(has_line(text, "wiretally_metrics_ledger_entries_left_out_total 3"));
}

Test(metrics, prints_what_promtool_wants)
{
	struct api_request req = {};
	struct api_reply reply = {};
	struct store *s;

	data_make();
	cr_assert(store_open(data_dir, &s) == 0);
	req.store = s;
	metric_add(METRIC_LOG_SYNC_NS, 1500000000);
	metric_add(METRIC_BATCHES_DUPLICATE, 7);
	cr_assert(api_metrics(&req, &reply) == 0);
	cr_expect(reply.status == 200);
	cr_expect(has_line(reply.body, "wiretally_collector_log_sync_seconds_total 1.500000000"));
	cr_expect(
		has_line(reply.body, "wiretally_collector_batches_total{result=\"duplicate\"} 7"));
	for (char *line = strtok(reply.body, "\n"); line; line = strtok(NULL, "\n"))
		cr_expect(*line == '#' || !strncmp(line, "wiretally_", 10), "%s", line);
	free(reply.body);
	store_close(s);
	data_remove();
}
