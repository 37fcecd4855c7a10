// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The series beside flows: every column of a row comes back, and tables go with their hour. */
#include "user/collector/store.h"

#include "tests/user/collector/collector_fixture.h"
#include "user/wire/signal.h"

static struct store *store;

static void setup(void)
{
	data_make();
	cr_assert(store_open(data_dir, &store) == 0);
}

static void teardown(void)
{
	store_close(store);
	data_remove();
}

TestSuite(store_signal, .init = setup, .fini = teardown);

/* Every column another value. */
static const struct connection a_connection = {
	.id = UINT64_MAX,
	.events = 3,
	.local = { [15] = 1 },
	.remote = { 0x20 },
	.local_port = 65535,
	.remote_port = 443,
	.netns = 5,
	.role = ROLE_CLIENT,
	.end = END_FAILED,
	.state = 7,
	.happened = 9,
	.error = 111,
	.start_us = 10,
	.last_us = 20,
	.end_us = 30,
	.connect_ns = 40,
	.accept_ns = 50,
	.octets_acked = 60,
	.octets_received = 70,
	.retransmit_octets = 80,
	.pacing_rate = 90,
	.delivery_rate = 100,
	.cgroup = 110,
	.segments_out = 120,
	.retransmits = 130,
	.retransmits_rto = 140,
	.retransmits_fast = 150,
	.retransmits_syn = 160,
	.retransmits_synack = 170,
	.srtt_us = 180,
	.rttvar_us = 190,
	.min_rtt_us = 200,
	.cwnd = 210,
	.reordering = 220,
	.lost = 230,
	.unacked = 240,
	.pid = 250,
	.uid = UINT32_MAX,
	.comm = "curl",
	.cgroup_path = "/user.slice",
};

static const struct drop a_drop = {
	.has_tuple = true,
	.purged = true,
	.dst = { [15] = 9 },
	.src_port = 1,
	.dst_port = 2,
	.ethertype = 2048,
	.proto = 17,
	.ifindex = 3,
	.netns = 4,
	.packets = 5,
	.octets = 6,
	.start_us = 7,
	.end_us = 8,
	.reason = "NO_SOCKET",
	.location = "udp_rcv+0x1",
};

static const struct latency a_latency = {
	.remote = { [15] = 7 },
	.netns = 1,
	.port = 65535,
	.kind = LATENCY_RTT,
	.role = ROLE_SERVER,
	.count = 9,
	.sum_ns = INT64_MAX,
	.start_us = 10,
	.end_us = 11,
	.buckets = { 9 },
};

static struct batch *signals_batch(uint64_t sequence)
{
	struct batch *b = make_batch("a", 1, sequence, 0, false);

	b->connections = calloc(1, sizeof(*b->connections));
	b->drops = calloc(1, sizeof(*b->drops));
	b->latencies = calloc(1, sizeof(*b->latencies));
	b->host_counts = calloc(1, sizeof(*b->host_counts));
	b->connections_len = b->drops_len = b->latencies_len = b->host_counts_len = 1;
	b->latencies[0] = a_latency;
	b->latencies[0].buckets[0] = 2;
	b->latencies[0].buckets[LATENCY_BUCKETS - 1] = 7;
	b->host_counts[0] = (struct host_count){ 5, 6, true, "sockets/ipv4/LISTEN" };
	b->connections[0] = a_connection;
	b->drops[0] = a_drop;
	return b;
}

Test(store_signal, keeps_every_column_of_every_series)
{
	struct batch *b = signals_batch(9);

	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, 3, b, NOW) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
	cr_expect(value_of(store,
			   "SELECT count(*) FROM connections_500000 WHERE exporter_id = 3 "
			   "AND \"interval\" = 9 AND id = 18446744073709551615 AND events = 3 "
			   "AND local_hi = 0 AND local_lo = 1 AND remote_hi = 2305843009213693952 "
			   "AND remote_lo = 0 AND local_port = 65535 AND remote_port = 443 "
			   "AND netns = 5 AND role = 1 AND \"end\" = 6 AND state = 7 "
			   "AND happened = 9 AND error = 111 AND start_us = 10 AND last_us = 20 "
			   "AND end_us = 30 AND connect_ns = 40 AND accept_ns = 50 "
			   "AND octets_acked = 60 AND octets_received = 70 "
			   "AND retransmit_octets = 80 AND pacing_rate = 90 "
			   "AND delivery_rate = 100 AND cgroup = 110 AND segments_out = 120 "
			   "AND retransmits = 130 AND retransmits_rto = 140 "
			   "AND retransmits_fast = 150 AND retransmits_syn = 160 "
			   "AND retransmits_synack = 170 AND srtt_us = 180 AND rttvar_us = 190 "
			   "AND min_rtt_us = 200 AND cwnd = 210 AND reordering = 220 "
			   "AND lost = 230 AND unacked = 240 AND pid = 250 "
			   "AND uid = 4294967295 AND comm = 'curl' "
			   "AND cgroup_path = '/user.slice'") == 1);
	cr_expect(value_of(store,
			   "SELECT count(*) FROM drops_500000 WHERE exporter_id = 3 "
			   "AND \"interval\" = 9 AND has_tuple = 1 AND purged = 1 AND src_hi = 0 "
			   "AND src_lo = 0 AND dst_hi = 0 AND dst_lo = 9 AND src_port = 1 "
			   "AND dst_port = 2 AND ethertype = 2048 AND proto = 17 AND ifindex = 3 "
			   "AND netns = 4 AND packets = 5 AND octets = 6 AND start_us = 7 "
			   "AND end_us = 8 AND reason = 'NO_SOCKET' "
			   "AND location = 'udp_rcv+0x1'") == 1);
	cr_expect(value_of(store,
			   "SELECT count(*) FROM latencies_500000 WHERE exporter_id = 3 "
			   "AND \"interval\" = 9 AND remote_hi = 0 AND remote_lo = 7 AND netns = 1 "
			   "AND port = 65535 AND kind = 1 AND role = 2 AND count = 9 "
			   "AND sum_ns = 9223372036854775807 AND start_us = 10 AND end_us = 11 "
			   "AND b00 = 2 AND b01 = 0 AND b30 = 0 AND b31 = 7") == 1);
	cr_expect(value_of(store, "SELECT count(*) FROM host_counts_500000 WHERE exporter_id = 3 "
				  "AND \"interval\" = 9 AND netns = 6 AND gauge = 1 AND value = 5 "
				  "AND name = 'sockets/ipv4/LISTEN' AND at_us > 0") == 1);
}

Test(store_signal, expires_every_series_by_the_hour)
{
	struct batch *b = signals_batch(9);
	unsigned int dropped;

	cr_assert(store_begin(store) == 0);
	cr_assert(store_append_batch(store, 3, b, NOW) == 0);
	cr_assert(store_append_batch(store, 3, b, NOW + 2 * STORE_HOUR_US) == 0);
	cr_assert(store_commit(store) == 0);
	batch_free(b);
	dropped = expire_all(store, NOW + 2 * STORE_HOUR_US);
	cr_expect(dropped == 4, "%u tables dropped", dropped);
	cr_expect(value_of(store, "SELECT count(*) FROM segments WHERE name IN "
				  "('connections_500002', 'drops_500002', "
				  "'latencies_500002', 'host_counts_500002')") == 4);
	cr_expect(value_of(store, "SELECT count(*) FROM segments") == 4);
}
