/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The real TCP programs, loaded with tables of the test's size, and what rows they left. */
#ifndef WT_TEST_TCP_FIXTURE_H
#define WT_TEST_TCP_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <criterion/criterion.h>

#include "kern/abi.h"
#include "kern/abi_signal.h"
#include "user/agent/kernel.h"
#include "user/agent/tcp_signal.h"

#define SETS 512
#define ROWS_MAX 4096

struct bench {
	struct signal_options o;
	struct tcp_signal *signal;
	struct wt_conn *table;
	struct wt_conn *lanes;
	struct wt_lane_head *heads;
	struct wt_signal_ledger *ledgers;
	struct wt_latency *latencies; /* the table and the lanes of that tally */
	struct wt_latency *latency_lanes;
	struct wt_lane_head *latency_heads;
	uint64_t secret[9];
};

/* One connection: rows of all CPUs and epochs, merged as the collector does. */
struct merged {
	int len;
	struct wt_conn rows[ROWS_MAX];
};
static struct merged merged;

static inline int make_array(uint32_t value_bytes, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, value_bytes, entries, &opts);
}

static inline void *map(int fd, size_t bytes)
{
	void *at =
		mmap(NULL, (bytes + 4095) / 4096 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	cr_assert_neq(at, MAP_FAILED, "%s", strerror(errno));
	return at;
}

static inline void bench_start_here(struct bench *b, uint32_t sets, uint32_t lane_len,
				    uint32_t connections)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct signal_maps maps;

	for (int i = 0; i < 9; i++)
		b->secret[i] = 0x9e3779b97f4a7c15ull * (i + 1);
	b->o = (struct signal_options){
		.family = HOOKS_TRACEPOINT,
		.rows = cpus,
		.cpus = cpus,
		.sets = sets,
		.lane_len = lane_len,
		.latency_sets = sets,
		.latency_lane_len = lane_len,
		.connections = connections,
		.netns = kernel_netns(),
		.secret = b->secret,
		.secret_words = 8,
		.controls_fd = make_array(sizeof(struct wt_control), 1),
		.ledgers_fd = make_array(sizeof(struct wt_signal_ledger), cpus * 2 * WT_SIGNALS),
	};
	cr_assert_eq(tcp_signal_start(&b->o, &b->signal), 0);
	maps = tcp_signal_maps(b->signal);
	b->table = map(maps.table, 4ul * cpus * sets * sizeof(struct wt_conn));
	b->lanes = map(maps.lanes, (size_t)cpus * lane_len * sizeof(struct wt_conn));
	b->heads = map(maps.heads, cpus * sizeof(struct wt_lane_head));
	b->ledgers = map(b->o.ledgers_fd, cpus * 2 * WT_SIGNALS * sizeof(struct wt_signal_ledger));
	maps = tcp_signal_latency_maps(b->signal);
	b->latencies = map(maps.table, 4ul * cpus * sets * sizeof(struct wt_latency));
	b->latency_lanes = map(maps.lanes, (size_t)cpus * lane_len * sizeof(struct wt_latency));
	b->latency_heads = map(maps.heads, cpus * sizeof(struct wt_lane_head));
}

/* The programs see every connection of this host: one test at a time, till its process ends. */
static inline void enter_netns(void)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	cr_assert_eq(flock(self, LOCK_EX), 0);
	cr_assert_eq(unshare(CLONE_NEWNET), 0, "needs root");
	cr_assert_eq(system("ip link set lo up"), 0);
}

/* Connections in a network namespace of our own; others are not looked at. */
static inline void bench_start(struct bench *b, uint32_t sets, uint32_t lane_len,
			       uint32_t connections)
{
	enter_netns();
	bench_start_here(b, sets, lane_len, connections);
}

/* Rows of other namespaces are of tests that run beside us. */
static inline void add_row(const struct wt_conn *row)
{
	struct wt_conn *to = merged.rows, old;

	if (row->netns != kernel_netns())
		return;
	while (to < merged.rows + merged.len && to->id != row->id)
		to++;
	if (to == merged.rows + merged.len) {
		cr_assert_lt(merged.len++, ROWS_MAX);
		*to = *row;
		return;
	}
	old = *to;
	if (row->last_ns >= old.last_ns)
		*to = *row;
	to->events = old.events + row->events;
	to->happened = old.happened | row->happened;
	to->bytes_acked = old.bytes_acked + row->bytes_acked;
	to->bytes_received = old.bytes_received + row->bytes_received;
	to->retransmits = old.retransmits + row->retransmits;
	to->retransmits_syn = old.retransmits_syn + row->retransmits_syn;
	to->retransmits_synack = old.retransmits_synack + row->retransmits_synack;
}

static inline struct wt_signal_ledger read_ledger(const struct bench *b)
{
	struct wt_signal_ledger sum = { 0 };

	for (uint32_t i = 0; i < b->o.cpus * 2; i++) {
		const struct wt_signal_ledger *l = &b->ledgers[i * WT_SIGNALS + WT_SIGNAL_TCP];

		sum.seen.events += l->seen.events;
		sum.lane_full.events += l->lane_full.events;
		sum.no_row.events += l->no_row.events;
		sum.nested.events += l->nested.events;
	}
	return sum;
}

/* Returns how many events all rows have. */
static inline uint64_t read_rows(const struct bench *b)
{
	uint64_t events = 0;

	merged.len = 0;
	for (size_t i = 0; i < 4ul * b->o.rows * b->o.sets; i++)
		if (b->table[i].events) {
			events += b->table[i].events;
			add_row(&b->table[i]);
		}
	for (uint32_t r = 0; r < b->o.rows; r++)
		for (uint64_t i = b->heads[r].tail; i < b->heads[r].head; i++) {
			const struct wt_conn *lane = b->lanes + (size_t)r * b->o.lane_len;

			events += lane[i % b->o.lane_len].events;
			add_row(&lane[i % b->o.lane_len]);
		}
	return events;
}

/* Fills `merged` and checks the ledger; returns it, summed. */
static inline struct wt_signal_ledger bench_read(struct bench *b)
{
	struct wt_signal_ledger before, sum;
	uint64_t events;

	do { /* others on this host make connections too: until nothing moved meanwhile */
		before = read_ledger(b);
		events = read_rows(b);
		sum = read_ledger(b);
	} while (memcmp(&before, &sum, sizeof(sum)));
	cr_expect_eq(sum.seen.events, events + sum.lane_full.events + sum.no_row.events,
		     "seen %llu = rows %lu + lane_full %llu + no_row %llu", sum.seen.events, events,
		     sum.lane_full.events, sum.no_row.events);
	return sum;
}

static inline const struct wt_conn *find(enum wt_conn_role role, uint16_t local, uint16_t remote)
{
	const struct wt_conn *found = NULL;

	for (int i = 0; i < merged.len; i++) {
		const struct wt_conn *c = &merged.rows[i];

		if (c->role != role || (local && c->local_port != local) ||
		    (remote && c->remote_port != remote))
			continue;
		cr_assert_null(found, "more than one row of role %d, %u -> %u", role, local,
			       remote);
		found = c;
	}
	return found;
}

static inline struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static inline int listen_on(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sockaddr_in at = loopback(port);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	cr_assert_eq(bind(fd, (void *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(fd, 1024), 0);
	return fd;
}

/* The local port, or -errno. */
static inline int connect_to(uint16_t port, int *fd)
{
	struct sockaddr_in at = loopback(port), me;
	socklen_t len = sizeof(me);

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(*fd, (void *)&at, sizeof(at)))
		return -errno;
	cr_assert_eq(getsockname(*fd, (void *)&me, &len), 0);
	return ntohs(me.sin_port);
}

#endif
