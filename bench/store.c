// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * store DIR ROWS HOURS: fills an empty store as the collector would have over the last HOURS and
 * the half hour that is not over (batches in order, each hour sealed when it is over; with 0 rows
 * the store is asked as it is), then asks it what people ask, through the
 * API's own endpoints. JSON lines on stdout: CPU seconds per million rows, octets a row, and the
 * time of each question on two threads: the first (cold files are still in the page cache) and the
 * median of ten.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "user/collector/api.h"
#include "user/collector/pipeline.h"
#include "user/collector/store.h"
#include "user/collector/store_files.h"
#include "user/collector/store_seal.h"
#include "user/collector/store_write.h"
#include "user/lib/addr.h"
#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/lib/log.h"
#include "user/wire/batch.h"

#define BATCH_ROWS 8192
#define GROUP_ROWS 122880 /* as the committer */
#define SOURCES 60000
#define DESTINATIONS 20000
#define SERVICES 500
#define REPEATS 10
#define HOUR_US STORE_HOUR_US

static const uint8_t instance[16] = { 1 };

/* ---- flows ---------------------------------------------------------------------------------- */

static uint64_t random_state = 1;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* Rank 0 … n-1, the low ones often: about 1 / rank. */
static uint32_t zipf(uint32_t n)
{
	double u = (double)(random_u64() >> 11) / (double)(UINT64_C(1) << 53);

	return (uint32_t)(pow((double)n, u) - 1);
}

static void make_flow(struct flow *f, int64_t at_us)
{
	uint32_t src = zipf(SOURCES), dst = zipf(DESTINATIONS);
	bool back = random_u64() & 1;
	uint16_t service = (uint16_t)(80 + zipf(SERVICES)),
		 port = (uint16_t)(32768 + random_u64() % 28000);
	uint64_t packets = 1 + zipf(5000);

	*f = (struct flow){
		.start_us = at_us - (int64_t)(random_u64() % 5000000),
		.end_us = at_us,
		.ifindex = 2,
		.netns = 1,
		.proto = random_u64() % 8 ? 6 : 17,
		.flags = (uint8_t)(FLOW_COUNTED | (back ? 0 : FLOW_EGRESS)),
		.ethertype = 0x0800,
		.src_port = back ? service : port,
		.dst_port = back ? port : service,
		.packets = packets,
		.l2_octets = packets * (60 + random_u64() % 1400),
		.tcp_flags = 0x1b,
		.ttl_min = 64,
		.ttl_max = 64,
		.sampling = 1,
	};
	f->l3_octets = f->l2_octets - packets * 14;
	addr_from_halves(0, UINT64_C(0xffff0a000000) + (back ? dst : src), f->src);
	addr_from_halves(0, UINT64_C(0xffff0b000000) + (back ? src : dst), f->dst);
}

/* ---- filling -------------------------------------------------------------------------------- */

struct filling {
	struct store *store;
	struct batch batch;
	uint64_t rows, ingest_ns, seal_ns;
};

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int put_group(struct filling *f, int64_t from_us, int64_t to_us, uint64_t rows)
{
	uint64_t left = rows, ns = cpu_ns();
	int err = store_begin(f->store);

	while (!err && left) {
		size_t len = left < BATCH_ROWS ? left : BATCH_ROWS;
		int64_t at_us =
			to_us - (int64_t)((double)(to_us - from_us) * (double)left / (double)rows);

		f->batch.flows_len = len;
		f->batch.head.interval++;
		for (size_t i = 0; i < len; i++)
			make_flow(&f->batch.flows[i], at_us);
		err = store_append_batch(f->store, 1, &f->batch, at_us);
		left -= len;
	}
	if (!err)
		err = store_commit(f->store);
	f->ingest_ns += cpu_ns() - ns;
	f->rows += rows;
	return err;
}

static int seal(struct filling *f, int64_t now_us)
{
	struct store_sealing job;
	uint64_t ns = cpu_ns();
	int err = 0;

	while (!err && !store_seal_next(f->store, now_us, &job)) {
		err = store_seal_write(f->store, &job);
		if (!err)
			err = store_seal_publish(f->store, &job);
	}
	f->seal_ns += cpu_ns() - ns;
	return err;
}

static int put_rows(struct filling *f, int64_t from_us, int64_t len_us, uint64_t rows)
{
	double us = (double)len_us / (double)rows; /* a row */
	int err = 0;

	for (uint64_t done = 0; done < rows && !err; done += GROUP_ROWS) {
		uint64_t len = rows - done < GROUP_ROWS ? rows - done : GROUP_ROWS;

		err = put_group(f, from_us + (int64_t)(us * (double)done),
				from_us + (int64_t)(us * (double)(done + len)) - 1, len);
	}
	return err;
}

static int fill(struct filling *f, uint64_t rows, int hours, int64_t now_us)
{
	uint64_t an_hour = rows * 2 / (uint64_t)(hours * 2 + 1);
	int err = 0;

	for (int h = hours; h > 0 && !err; h--) {
		int64_t from_us = (now_us / HOUR_US - h) * HOUR_US;

		err = put_rows(f, from_us, HOUR_US, an_hour);
		if (!err)
			err = seal(f, from_us + HOUR_US + STORE_SEAL_SLACK_US - STORE_SEAL_HOLD_US);
		if (h % 24 == 0)
			fprintf(stderr, "store: %d of %d hours left, %" PRIu64 " rows\n", h - 1,
				hours, f->rows);
	}
	return err ? err : put_rows(f, now_us / HOUR_US * HOUR_US, HOUR_US / 2, an_hour / 2);
}

/* ---- asking --------------------------------------------------------------------------------- */

struct question {
	const char *name;
	api_endpoint *endpoint;
	const char *args[8]; /* name, value, … */
};

static const char *argument(const struct api_request *req, const char *name)
{
	const struct question *q = req->impl;

	for (size_t i = 0; i < ARRAY_LEN(q->args) && q->args[i]; i += 2)
		if (!strcmp(q->args[i], name))
			return q->args[i + 1];
	return NULL;
}

static double ask(struct store *s, const struct question *q, int64_t now_us)
{
	struct api_request req = { argument, s, NULL, now_us, (void *)q };
	struct api_reply reply = { 0 };
	int64_t start = monotonic_ns();
	int err = store_reader_open(s, &req.reader);

	if (!err)
		err = store_reader_begin(req.reader);
	if (!err) {
		store_reader_extend(req.reader, 120000);
		err = q->endpoint(&req, &reply);
	}
	store_reader_close(req.reader);
	if (err || reply.status != 200)
		fprintf(stderr, "store: %s: %d %u %.200s\n", q->name, err, reply.status,
			reply.body ? reply.body : "");
	free(reply.body);
	return (double)(monotonic_ns() - start) / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void ask_all(struct store *s, int64_t now_us)
{
	static const struct question questions[] = {
		{ "top sources, hour", api_top, { "by", "src", "last", "3600" } },
		{ "top sources, day", api_top, { "by", "src", "last", "86400" } },
		{ "top sources, week", api_top, { "by", "src", "last", "604800" } },
		{ "top sources, week, raw",
		  api_top,
		  { "by", "src", "last", "604800", "tier", "raw" } },
		{ "top src,dst,dstport, hour",
		  api_top,
		  { "by", "src,dst,dstport", "last", "3600" } },
		{ "one conversation, week",
		  api_top,
		  { "by", "dstport", "last", "604800", "filter",
		    "host 10.0.0.9 and host 11.0.0.7" } },
		{ "flows to a port, hour",
		  api_flows,
		  { "last", "3600", "filter", "dst port 443" } },
	};

	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		double first = ask(s, &questions[i], now_us), times[REPEATS];

		for (int r = 0; r < REPEATS; r++)
			times[r] = ask(s, &questions[i], now_us);
		qsort(times, REPEATS, sizeof(*times), compare);
		printf("{\"bench\": \"store\", \"name\": \"%s\", \"first_ms\": %.1f, \"median_ms\": %.1f}\n",
		       questions[i].name, first, times[REPEATS / 2]);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct filling f = { .batch = { .head = { .schema = BATCH_SCHEMA, .agent = "bench" } } };
	struct store_exporter e = { 1, "bench", instance, "bench", "", 1, 0, 1, 1 };
	int64_t now_us = wall_us() / HOUR_US * HOUR_US + HOUR_US / 2;
	const struct store_limits limits = { STORE_MEMORY_DEFAULT, 2 };
	struct rusage usage;
	uint64_t bytes = 0;
	int err;

	if (argc != 4) {
		fputs("usage: store DIR ROWS HOURS\n", stderr);
		return 2;
	}
	log_init("store", LOG_WARN, false);
	f.batch.flows = calloc(BATCH_ROWS, sizeof(struct flow));
	err = f.batch.flows ? store_open_limited(argv[1], &limits, &f.store) : -ENOMEM;
	if (err)
		return 1;
	err = store_begin(f.store);
	if (!err && (store_insert_exporter(f.store, &e) || store_commit(f.store)))
		err = -EIO;
	if (!err && strcmp(argv[2], "0"))
		err = fill(&f, strtoull(argv[2], NULL, 10), atoi(argv[3]), now_us);
	if (!err)
		err = store_files_bytes(f.store, &bytes);
	if (err) {
		fprintf(stderr, "store: %s\n", strerror(-err));
		return 1;
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"bench\": \"store\", \"name\": \"fill\", \"rows\": %" PRIu64
	       ", \"append_cpu_s_per_m\": %.2f, \"seal_cpu_s_per_m\": %.2f, \"octets_per_row\": %.1f, "
	       "\"rss_mib\": %ld}\n",
	       f.rows, (double)f.ingest_ns / 1e3 / (double)f.rows,
	       (double)f.seal_ns / 1e3 / (double)f.rows, (double)bytes / (double)f.rows,
	       usage.ru_maxrss / 1024);
	ask_all(f.store, now_us);
	store_close(f.store);
	free(f.batch.flows);
	return 0;
}
