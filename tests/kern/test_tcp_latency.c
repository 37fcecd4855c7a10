// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Connections on loopback, and the histograms that their latencies end up in. */
#include "tests/kern/tcp_fixture.h"

#define PORT 7000

struct sums {
	uint64_t count; /* of all rows, and of the host: others make connections too */
	uint64_t sum_ns; /* from here on: of the wanted rows */
	uint64_t wanted;
	uint64_t rows;
	uint64_t buckets[WT_LATENCY_BUCKETS];
};

struct want {
	enum wt_latency_kind kind;
	enum wt_conn_role role;
	uint16_t port;
};

static void add(struct sums *s, const struct wt_latency *row, struct want want)
{
	uint64_t in_buckets = 0;

	if (!row->count)
		return;
	for (int i = 0; i < WT_LATENCY_BUCKETS; i++)
		in_buckets += row->buckets[i];
	cr_expect_eq(in_buckets, row->count, "each sample is in one bucket");
	s->count += row->count;
	if (row->netns != kernel_netns() || row->kind != want.kind || row->role != want.role ||
	    row->port != want.port)
		return;
	cr_expect_eq(row->remote[15], 1);
	cr_expect_geq(row->last_ns, row->first_ns);
	cr_expect_gt(row->first_ns, 0);
	s->rows++;
	s->wanted += row->count;
	s->sum_ns += row->sum_ns;
	for (int i = 0; i < WT_LATENCY_BUCKETS; i++)
		s->buckets[i] += row->buckets[i];
}

static struct sums read_sums(const struct bench *b, struct want want)
{
	struct sums sums = { 0 };

	for (size_t i = 0; i < 4ul * b->o.rows * b->o.latency_sets; i++)
		add(&sums, &b->latencies[i], want);
	for (uint32_t r = 0; r < b->o.rows; r++)
		for (uint64_t i = b->latency_heads[r].tail; i < b->latency_heads[r].head; i++)
			add(&sums,
			    &b->latency_lanes[r * b->o.latency_lane_len +
					      i % b->o.latency_lane_len],
			    want);
	return sums;
}

static struct wt_signal_ledger ledger(const struct bench *b)
{
	struct wt_signal_ledger sum = { 0 };

	for (uint32_t i = 0; i < b->o.cpus * 2; i++) {
		const struct wt_signal_ledger *l =
			&b->ledgers[i * WT_SIGNALS + WT_SIGNAL_LATENCIES];

		sum.seen.events += l->seen.events;
		sum.lane_full.events += l->lane_full.events;
		sum.no_row.events += l->no_row.events;
	}
	return sum;
}

/* n connections that are closed again; what connect() took, as this process saw it, in total. */
static uint64_t connections(uint16_t port, int n)
{
	int listener = listen_on(port), fd;
	struct timespec from, to;
	uint64_t ns = 0;

	for (int i = 0; i < n; i++) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		cr_assert_gt(connect_to(port, &fd), 0);
		clock_gettime(CLOCK_MONOTONIC, &to);
		ns += (to.tv_sec - from.tv_sec) * 1000000000ull + to.tv_nsec - from.tv_nsec;
		close(accept(listener, NULL, NULL));
		close(fd);
	}
	return ns;
}

Test(tcp_latency, one_sample_for_each_connect)
{
	struct bench b;
	struct sums connects, of_server;
	struct wt_signal_ledger l;
	uint64_t ns;

	bench_start(&b, SETS, 64, 1024);
	ns = connections(PORT, 50);
	connects = read_sums(&b, (struct want){ WT_LATENCY_CONNECT, WT_ROLE_CLIENT, PORT });
	cr_expect_eq(connects.wanted, 50, "%lu connects", connects.wanted);
	cr_expect_leq(connects.rows, b.o.cpus, "a row for each CPU at most");
	cr_expect(connects.sum_ns > 0 && connects.sum_ns <= ns, "%lu ns of %lu ns", connects.sum_ns,
		  ns);
	of_server = read_sums(&b, (struct want){ WT_LATENCY_CONNECT, WT_ROLE_SERVER, PORT });
	cr_expect_eq(of_server.wanted, 0, "a server does not connect");
	tcp_signal_stop(b.signal);
	l = ledger(&b);
	cr_expect_eq(l.seen.events, read_sums(&b, (struct want){ 0 }).count, "the ledger balances");
}

Test(tcp_latency, round_trips_of_both_sides_at_their_end)
{
	struct bench b;
	struct sums client, server;

	bench_start(&b, SETS, 64, 1024);
	connections(PORT, 50);
	client = read_sums(&b, (struct want){ WT_LATENCY_RTT, WT_ROLE_CLIENT, PORT });
	server = read_sums(&b, (struct want){ WT_LATENCY_RTT, WT_ROLE_SERVER, PORT });
	cr_expect_eq(client.wanted, 50, "%lu of clients", client.wanted);
	cr_expect_eq(server.wanted, 50, "%lu of servers: by their port, not their peers'",
		     server.wanted);
	cr_expect_leq(server.rows, b.o.cpus);
	tcp_signal_stop(b.signal);
}

/* The sweep samples what moved, once. */
Test(tcp_latency, round_trips_of_live_connections)
{
	struct bench b;
	struct want want = { WT_LATENCY_RTT, WT_ROLE_CLIENT, PORT };
	int listener, fd, peer;
	uint64_t before;
	char c;

	bench_start(&b, SETS, 64, 1024);
	listener = listen_on(PORT);
	cr_assert_gt(connect_to(PORT, &fd), 0);
	peer = accept(listener, NULL, NULL);
	tcp_signal_sweep(b.signal);
	before = read_sums(&b, want).wanted;
	cr_assert_eq(write(fd, "x", 1), 1);
	cr_assert_eq(read(peer, &c, 1), 1);
	tcp_signal_sweep(b.signal);
	cr_expect_eq(read_sums(&b, want).wanted, before + 1);
	tcp_signal_stop(b.signal);
}

/* Services beyond what table and lanes hold: each sample is in a row or in a named loss. */
Test(tcp_latency, more_services_than_rows)
{
	struct bench b;
	struct wt_signal_ledger l;
	struct sums all;

	bench_start(&b, 2, 2, 1024);
	for (uint16_t port = 7001; port < 7101; port++)
		connections(port, 1);
	tcp_signal_stop(b.signal);
	l = ledger(&b);
	all = read_sums(&b, (struct want){ 0 });
	cr_expect_gt(l.lane_full.events, 0);
	cr_expect_eq(l.seen.events, all.count + l.lane_full.events + l.no_row.events,
		     "seen %llu, in rows %lu, lost %llu", l.seen.events, all.count,
		     l.lane_full.events);
}
