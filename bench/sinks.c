// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * sinks ROWS URL…: gives ROWS rows to each sink in turn, as fast as its queue takes them, and says
 * what a row costs it. JSON lines: CPU µs a row of this process, rows a second, what was lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/lib/addr.h"
#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/sinks/sink.h"
#include "user/sinks/sink_kind.h"
#include "user/sinks/sink_kinds.h"

#define BATCH_ROWS 8192

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void fill(struct flow *rows)
{
	for (uint32_t i = 0; i < BATCH_ROWS; i++) {
		rows[i] = (struct flow){ .ethertype = 0x0800,
					 .proto = i % 8 ? 6 : 17,
					 .flags = FLOW_COUNTED,
					 .ifindex = 2,
					 .src_port = (uint16_t)(32768 + i),
					 .dst_port = 443,
					 .packets = 1 + i % 100,
					 .l2_octets = 1000 + i,
					 .l3_octets = 900 + i,
					 .start_us = wall_us(),
					 .end_us = wall_us() + i };
		addr_from_halves(0, UINT64_C(0xffff0a000000) + i, rows[i].src);
		addr_from_halves(0, UINT64_C(0xffff0b000000) + i % 100, rows[i].dst);
	}
}

/* No more than its queue takes. */
static void give_all(struct sink *s, struct batch *b, uint64_t rows)
{
	static const struct watched_interface eth0 = { .index = 2, .name = "eth0" };
	const struct sink_names names = { &eth0, 1 };
	struct sink_counts c = { 0 };

	for (uint64_t given = 0; given < rows;) {
		sink_counts(s, &c);
		if (c.waiting + BATCH_ROWS > SINK_ROWS_MAX / 2) {
			nanosleep(&(struct timespec){ 0, 200000 }, NULL);
			continue;
		}
		sink_stage(s, b, &names);
		sink_give(s);
		given += BATCH_ROWS;
	}
	while (sink_counts(s, &c), c.waiting)
		nanosleep(&(struct timespec){ 0, 200000 }, NULL);
}

static int measure(const char *url, struct batch *b, uint64_t rows)
{
	static const struct sink_metrics none = { 0 };
	struct sink_counts c;
	struct sink *s = NULL;
	const char *why = NULL;
	int64_t cpu, ns;

	if (sink_new(&sink_kinds_all, url, &s, &why) || sink_start(s, &none)) {
		fprintf(stderr, "sinks: %s: %s\n", url, why ? why : "cannot start");
		return 1;
	}
	cpu = cpu_ns();
	ns = monotonic_ns();
	give_all(s, b, rows);
	cpu = cpu_ns() - cpu;
	ns = monotonic_ns() - ns;
	sink_counts(s, &c);
	printf("{\"bench\": \"sinks\", \"name\": \"%.*s\", \"cpu_us_per_row\": %.3f, "
	       "\"rows_per_s\": %.0f, \"delivered\": %llu, \"lost\": %llu, \"octets_per_row\": %.1f}\n",
	       (int)strcspn(url, ":"), url, (double)cpu / 1e3 / (double)c.given,
	       (double)c.given * 1e9 / (double)ns, (unsigned long long)c.delivered,
	       (unsigned long long)(c.lost_queue_full + c.lost_rejected),
	       (double)c.octets / (double)c.given);
	fflush(stdout);
	sink_stop(s);
	return 0;
}

int main(int argc, char **argv)
{
	struct batch b = { .head = { .schema = BATCH_SCHEMA, .agent = "bench", .host = "bench" } };
	int err = 0;

	if (argc < 3) {
		fputs("usage: sinks ROWS URL…\n", stderr);
		return 2;
	}
	log_init("sinks", LOG_WARN, false);
	b.flows = calloc(BATCH_ROWS, sizeof(*b.flows));
	if (!b.flows)
		return 1;
	b.flows_len = BATCH_ROWS;
	fill(b.flows);
	for (int i = 2; i < argc && !err; i++)
		err = measure(argv[i], &b, strtoull(argv[1], NULL, 10));
	free(b.flows);
	return err;
}
