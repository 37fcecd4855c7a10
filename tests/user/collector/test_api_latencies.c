// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Histograms of many rows added up by whom, and what their percentiles are. */
#include <inttypes.h>

#include "tests/user/collector/api_fixture.h"

#include "user/wire/signal.h"

static struct store *store;

static void setup(void)
{
	static const uint8_t instance[16] = { 1 }, other[16] = { 2 };
	struct store_exporter a = { 1, "a", instance, "a-host", "", 1, 0, NOW, NOW };
	struct store_exporter b = { 2, "b", other, "b-host", "", 1, 0, NOW, NOW };

	data_make();
	cr_assert(store_open(data_dir, &store) == 0);
	cr_assert(store_insert_exporter(store, &a) == 0);
	cr_assert(store_insert_exporter(store, &b) == 0);
}

static void teardown(void)
{
	store_close(store);
	data_remove();
}

TestSuite(api_latencies, .init = setup, .fini = teardown);

/* `count` samples of mean_ns in a bucket, of 10.0.0.<host>:port. */
struct sample {
	uint8_t host;
	uint16_t port;
	uint8_t role, kind;
	int bucket;
	uint32_t count;
	uint64_t mean_ns;
	int64_t ago_us;
	uint32_t exporter_id; /* 0: 1 */
};

static void put(const struct sample *s)
{
	struct batch *b = make_batch("a", 1, 1, 0, false);
	struct latency *l = calloc(1, sizeof(*l));

	memcpy(l->remote, (uint8_t[16]){ [10] = 0xff, [11] = 0xff, 10, 0, 0, s->host }, 16);
	l->port = s->port;
	l->role = s->role;
	l->kind = s->kind;
	l->count = s->count;
	l->sum_ns = s->count * s->mean_ns;
	l->start_us = l->end_us = NOW - s->ago_us;
	l->buckets[s->bucket] = s->count;
	b->latencies = l;
	b->latencies_len = 1;
	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, s->exporter_id ? s->exporter_id : 1, b, NOW) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
}

static json_t *ask(const char *args)
{
	json_t *root = NULL;
	unsigned int status = call(api_latencies, store, args, &root);

	cr_assert(status == 200, "%s: %u %s", args, status, json_dumps(root, 0));
	return root;
}

static size_t rows(json_t *root)
{
	return json_array_size(json_object_get(root, "rows"));
}

static json_t *row(json_t *root, size_t i)
{
	return json_array_get(json_object_get(root, "rows"), i);
}

static const char *text(json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "(none)";
}

static void expect(json_t *row, const char *key, int64_t want)
{
	json_t *value = json_object_get(row, key);

	cr_expect(json_is_integer(value) && json_integer_value(value) == want,
		  "%s: got %" JSON_INTEGER_FORMAT ", want %" PRId64, key, json_integer_value(value),
		  want);
}

#define RTT LATENCY_RTT
#define CONNECT LATENCY_CONNECT

Test(api_latencies, buckets_of_rows_add_up)
{
	/* 100 samples: 50 up to 1,024 ns, 40 up to 4,096, 10 up to 1 << 20 */
	static const struct sample samples[] = {
		{ 2, 443, ROLE_CLIENT, CONNECT, 0, 20, 500, 9 },
		{ 2, 443, ROLE_CLIENT, CONNECT, 0, 30, 500, 8 },
		{ 2, 443, ROLE_CLIENT, CONNECT, 2, 40, 3000, 7 },
		{ 2, 443, ROLE_CLIENT, CONNECT, 10, 10, 800000, 6 },
	};
	json_t *root, *r;

	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		put(&samples[i]);
	root = ask("last=all");
	cr_assert(rows(root) == 1);
	r = row(root, 0);
	cr_expect_str_eq(text(r, "remote"), "10.0.0.2");
	cr_expect_str_eq(text(r, "kind"), "connect");
	expect(r, "count", 100);
	expect(r, "mean_ns", (50 * 500 + 40 * 3000 + 10 * 800000) / 100);
	expect(r, "p50_ns", 1024); /* the 50th: the end of its bucket */
	expect(r, "p90_ns", 4096);
	expect(r, "p99_ns", (1 << 19) + (1 << 19) * 9 / 10); /* 9 of the bucket's 10 */
	expect(r, "max_ns", 1 << 20);
	cr_expect(json_array_size(json_object_get(r, "buckets")) == 3);
	cr_expect(number_at(root, "rows.0.buckets.0.le_ns") == 1024);
	cr_expect(number_at(root, "rows.0.buckets.0.count") == 50);
	cr_expect(number_at(root, "rows.0.buckets.1.le_ns") == 4096);
	cr_expect(number_at(root, "rows.0.buckets.2.count") == 10);
	json_decref(root);
}

Test(api_latencies, percentiles_within_a_bucket)
{
	static const struct {
		struct sample s;
		int64_t p50, p90, max;
	} cases[] = {
		{ { 2, 1, ROLE_CLIENT, CONNECT, 0, 1, 700, 9 }, 512, 922, 1024 },
		{ { 2, 1, ROLE_CLIENT, CONNECT, 1, 1, 1100, 9 }, 1536, 1946, 2048 },
		{ { 2, 1, ROLE_CLIENT, CONNECT, 15, 7, 20000000, 9 },
		  25165824,
		  31876710,
		  33554432 },
		{ { 2, 1, ROLE_CLIENT, CONNECT, 30, 1, 1, 9 },
		  INT64_C(3) << 38,
		  INT64_C(1044536046387),
		  INT64_C(1) << 40 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sample s = cases[i].s;
		char args[64];
		json_t *root;

		s.host = (uint8_t)(10 + i);
		put(&s);
		snprintf(args, sizeof(args), "last=all&filter=host 10.0.0.%zu", 10 + i);
		root = ask(args);
		cr_assert(rows(root) == 1, "%s", args);
		expect(row(root, 0), "p50_ns", cases[i].p50);
		expect(row(root, 0), "p90_ns", cases[i].p90);
		expect(row(root, 0), "max_ns", cases[i].max);
		json_decref(root);
	}
}

Test(api_latencies, the_last_bucket_has_no_end)
{
	static const struct sample s = { 2, 1, ROLE_CLIENT, CONNECT, 31, 4, UINT64_C(1) << 41, 9 };
	json_t *root, *r;

	put(&s);
	root = ask("last=all");
	r = row(root, 0);
	expect(r, "p50_ns", INT64_C(1) << 40);
	expect(r, "p99_ns", INT64_C(1) << 40);
	expect(r, "mean_ns", INT64_C(1) << 41);
	cr_expect(json_is_null(json_object_get(r, "max_ns")));
	cr_expect(json_is_null(
		json_object_get(json_array_get(json_object_get(r, "buckets"), 0), "le_ns")));
	json_decref(root);
}

/* Two clients' far ends, a server's peer, both kinds, two hosts. */
static void put_several(void)
{
	static const struct sample samples[] = {
		{ 2, 443, ROLE_CLIENT, CONNECT, 5, 10, 20000, 90000000 },
		{ 2, 443, ROLE_CLIENT, RTT, 6, 30, 40000, 80000000 },
		{ 3, 443, ROLE_CLIENT, CONNECT, 9, 4, 300000, 70000000 },
		{ 3, 80, ROLE_CLIENT, CONNECT, 8, 3, 150000, 60000000, 2 },
		{ 4, 22, ROLE_SERVER, RTT, 12, 2, 3000000, 10 },
		{ 5, 22, ROLE_UNKNOWN, RTT, 3, 5, 6000, 10 },
	};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		put(&samples[i]);
}

Test(api_latencies, rows_are_chosen)
{
	static const struct {
		const char *args;
		size_t rows;
		int64_t count; /* of the first */
	} cases[] = {
		{ "last=all", 5, 2 },
		{ "last=all&order=count", 5, 30 },
		{ "last=all&order=mean", 5, 2 },
		{ "last=all&order=p50&kind=connect", 2, 7 },
		{ "last=all&n=2", 2, 2 },
		{ "last=all&kind=both&role=all", 5, 2 },
		{ "last=all&kind=rtt", 3, 2 },
		{ "last=all&kind=rtt&role=client", 1, 30 },
		{ "last=all&role=server", 1, 2 },
		{ "last=all&role=unknown", 1, 5 },
		{ "last=30s", 2, 2 },
		{ "last=all&exporter=b-host", 1, 3 },
		{ "last=all&by=port&kind=connect", 2, 14 },
		{ "last=all&by=role&kind=rtt", 3, 2 },
		{ "last=all&by=host&kind=connect", 2, 14 },
		{ "last=all&by=service&kind=connect", 3, 4 },
		{ "last=all&by=remote,port,role,host", 6, 2 },
		{ "last=all&filter=host 10.0.0.3", 1, 7 },
		{ "last=all&filter=net 10.0.0.0/30 and not host 10.0.0.2", 1, 7 },
		{ "last=all&filter=not port 443", 3, 2 },
		{ "last=all&filter=port < 443", 3, 2 },
		{ "last=all&filter=port in [80 443]", 3, 7 },
		{ "last=all&filter=role server or port 80", 2, 2 },
		{ "last=all&filter=exporter b", 1, 3 },
		{ "last=all&filter=net ::/0", 0, 0 },
		{ "last=all&filter=any", 5, 2 },
	};

	put_several();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *root = ask(cases[i].args);

		cr_expect(rows(root) == cases[i].rows, "%s: %zu rows", cases[i].args, rows(root));
		if (cases[i].rows)
			cr_expect(number_at(root, "rows.0.count") == cases[i].count,
				  "%s: count %lld", cases[i].args,
				  (long long)number_at(root, "rows.0.count"));
		json_decref(root);
	}
}

Test(api_latencies, a_server_is_its_hosts)
{
	json_t *root;

	put_several();
	root = ask("last=all&by=service&kind=rtt&order=p99");
	cr_assert(rows(root) == 3);
	cr_expect(json_is_null(json_object_get(row(root, 0), "service")));
	expect(row(root, 0), "service_port", 22);
	cr_expect_str_eq(text(row(root, 0), "service_host"), "a-host");
	cr_expect_str_eq(text(row(root, 1), "service"), "10.0.0.2");
	cr_expect(json_is_null(json_object_get(row(root, 1), "service_host")));
	json_decref(root);
}

/* The n first groups of the whole range, each of them step by step. */
Test(api_latencies, a_series_over_time)
{
	static const struct sample samples[] = {
		{ 2, 1, ROLE_CLIENT, CONNECT, 3, 5, 8000, 0 },
		{ 2, 1, ROLE_CLIENT, CONNECT, 4, 6, 9000, 60000000 },
		{ 2, 1, ROLE_CLIENT, CONNECT, 4, 1, 9000, 60000000 },
		{ 3, 1, ROLE_CLIENT, CONNECT, 2, 1, 3000, 0 },
		{ 4, 1, ROLE_SERVER, CONNECT, 9, 2, 500000, 60000000 },
	};
	int64_t minute = NOW / 60000000 * 60000000;
	json_t *root;

	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		put(&samples[i]);
	root = ask("last=all&step=60&by=service&n=2");
	cr_assert(rows(root) == 3, "%zu rows", rows(root));
	cr_expect_str_eq(text(row(root, 0), "service_host"), "a-host", "a key that is null");
	expect(row(root, 0), "at_us", minute - 60000000);
	cr_expect_str_eq(text(row(root, 1), "service"), "10.0.0.2");
	expect(row(root, 1), "at_us", minute - 60000000);
	expect(row(root, 1), "count", 7);
	expect(row(root, 1), "max_ns", 1 << 14);
	expect(row(root, 2), "at_us", minute);
	expect(row(root, 2), "count", 5);
	expect(row(root, 2), "max_ns", 1 << 13);
	cr_expect(number_at(root, "step_s") == 60);
	json_decref(root);
	root = ask("last=all");
	cr_expect(!json_object_get(row(root, 0), "at_us"), "only with step=");
	json_decref(root);
}

Test(api_latencies, csv_has_no_buckets)
{
	struct api_request req = { fixture_arg, store, NULL, NOW, (void *)"last=all&format=csv" };
	struct api_reply reply = {};
	static const struct sample s = { 2, 1, ROLE_CLIENT, RTT, 0, 2, 512, 9 };

	put(&s);
	cr_assert(store_reader_open(store, &req.reader) == 0);
	cr_assert(store_reader_begin(req.reader) == 0);
	cr_assert(api_latencies(&req, &reply) == 0);
	store_reader_close(req.reader);
	cr_expect_str_eq(reply.body, "remote,kind,count,mean_ns,p50_ns,p90_ns,p99_ns,max_ns\r\n"
				     "10.0.0.2,rtt,2,512,512,922,1014,1024\r\n");
	free(reply.body);
}

Test(api_latencies, bad_requests_are_explained)
{
	static const struct {
		const char *args, *parameter, *part;
		int position; /* -1: none */
	} cases[] = {
		{ "by=dst", "by", "no such word", 0 },
		{ "by=remote,remote", "by", "", 7 },
		{ "kind=retransmit", "kind", "", -1 },
		{ "role=both", "role", "", -1 },
		{ "order=p95", "order", "'p99'", -1 },
		{ "n=0", "n", "", -1 },
		{ "step=0", "step", "", -1 },
		{ "filter=port 1 and process curl", "filter", "'process' is known of flows and",
		  11 },
		{ "filter=host 10.0.0.1 and tcp", "filter",
		  "'tcp' is known of flows, connections and drops only", 18 },
		{ "filter=rtt > 1ms", "filter", "", 0 },
		{ "filter=port 1 and dst host 10.0.0.1", "filter", "no 'dst'", 11 },
		{ "filter=src and dst port 1", "filter", "no 'src'", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *root = NULL, *error, *position;
		unsigned int status = call(api_latencies, store, cases[i].args, &root);

		cr_assert(status == 400, "%s: %u", cases[i].args, status);
		error = json_object_get(root, "error");
		position = json_object_get(error, "position");
		cr_expect_str_eq(text(error, "parameter"), cases[i].parameter, "%s", cases[i].args);
		cr_expect(strstr(text(error, "message"), cases[i].part), "%s: %s", cases[i].args,
			  text(error, "message"));
		cr_expect((position ? json_integer_value(position) : -1) == cases[i].position,
			  "%s: at %lld", cases[i].args, json_integer_value(position));
		json_decref(root);
	}
}
