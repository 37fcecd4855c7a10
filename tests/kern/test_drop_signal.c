// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The real drop programs on the real kernel: packets that are dropped on purpose, on loopback. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kern/abi.h"
#include "kern/abi_signal.h"
#include "user/agent/drop_signal.h"
#include "user/agent/kernel.h"

#define SETS 256
#define LANE 64

struct bench {
	struct signal_options o;
	struct drop_signal *signal;
	struct drop_names *names;
	struct wt_drop *table;
	struct wt_drop *lanes;
	struct wt_lane_head *heads;
	struct wt_signal_ledger *ledgers;
	struct wt_control *control;
	uint64_t secret[9];
};

static int make_array(uint32_t value_bytes, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, value_bytes, entries, &opts);
}

static void *map(int fd, size_t bytes)
{
	bytes = (bytes + 4095) / 4096 * 4096;
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	cr_assert_neq(at, MAP_FAILED, "%s", strerror(errno));
	return at;
}

/* In a network namespace of our own; drops of others are told apart by its number. */
static struct bench *start(uint32_t sets, uint32_t lane_len)
{
	struct bench *b = calloc(1, sizeof(*b));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct signal_maps maps;

	cr_assert_eq(unshare(CLONE_NEWNET), 0, "needs root");
	cr_assert_eq(system("ip link set lo up"), 0);
	for (int i = 0; i < 9; i++)
		b->secret[i] = 0x9e3779b97f4a7c15ull * (i + 1);
	b->o = (struct signal_options){
		.family = HOOKS_TRACEPOINT,
		.rows = cpus,
		.cpus = cpus,
		.sets = sets,
		.lane_len = lane_len,
		.secret = b->secret,
		.secret_words = 8,
		.controls_fd = make_array(sizeof(struct wt_control), 1),
		.ledgers_fd = make_array(sizeof(struct wt_signal_ledger), cpus * 2 * WT_SIGNALS),
	};
	cr_assert_eq(drop_names_read(&b->names), 0);
	cr_assert_eq(drop_signal_start(&b->o, b->names, &b->signal), 0);
	maps = drop_signal_maps(b->signal);
	b->table = map(maps.table, cpus * 2 * sets * 2 * sizeof(*b->table));
	b->lanes = map(maps.lanes, cpus * lane_len * sizeof(*b->lanes));
	b->heads = map(maps.heads, cpus * sizeof(*b->heads));
	b->ledgers = map(b->o.ledgers_fd, cpus * 2 * WT_SIGNALS * sizeof(*b->ledgers));
	b->control = map(b->o.controls_fd, sizeof(*b->control));
	return b;
}

static const struct wt_drop *at(const struct bench *b, uint32_t i)
{
	static const struct wt_drop none;
	uint32_t table_len = b->o.rows * 2 * b->o.sets * 2, row;

	if (i < table_len)
		return &b->table[i];
	i -= table_len;
	row = i / b->o.lane_len;
	if (row >= b->o.rows)
		return NULL;
	i %= b->o.lane_len;
	return i < b->heads[row].head ? &b->lanes[row * b->o.lane_len + i] : &none;
}

/* What our namespace dropped for a reason, to a port (0: any); the last row goes to *row. */
static uint64_t dropped(const struct bench *b, const char *reason, uint16_t port,
			struct wt_drop *row)
{
	const struct wt_drop *d;
	char name[DROP_REASON_MAX];
	uint64_t packets = 0;

	for (uint32_t i = 0; (d = at(b, i)); i++) {
		if (!d->packets || (d->netns && d->netns != kernel_netns()))
			continue;
		drop_names_reason(b->names, d->reason, name, sizeof(name));
		if (strcmp(name, reason) || (port && d->dst_port != port))
			continue;
		packets += d->packets;
		if (row)
			*row = *d;
	}
	return packets;
}

static struct wt_signal_ledger total(const struct bench *b)
{
	struct wt_signal_ledger sum = { 0 };

	for (uint32_t i = 0; i < b->o.cpus * 2; i++) {
		const uint64_t *from = (const void *)&b->ledgers[i * WT_SIGNALS + WT_SIGNAL_DROPS];

		for (size_t k = 0; k < sizeof(sum) / 8; k++)
			((uint64_t *)&sum)[k] += from[k];
	}
	return sum;
}

/* seen = rows + lane_full + no_row, in packets and in bytes. */
static void expect_balance(const struct bench *b)
{
	struct wt_signal_ledger sum = total(b);
	uint64_t packets = 0, bytes = 0;
	const struct wt_drop *d;

	for (uint32_t i = 0; (d = at(b, i)); i++) {
		packets += d->packets;
		bytes += d->packets ? d->bytes : 0;
	}
	cr_expect_eq(sum.seen.events, packets + sum.lane_full.events + sum.no_row.events,
		     "seen %lu, rows %lu, lane full %lu, no row %lu", sum.seen.events, packets,
		     sum.lane_full.events, sum.no_row.events);
	cr_expect_eq(sum.seen.bytes, bytes + sum.lane_full.bytes + sum.no_row.bytes);
}

static void done(struct bench *b)
{
	drop_signal_stop(b->signal);
	drop_names_free(b->names);
	free(b);
}

/* An unconnected socket, so that no ICMP error comes back as errno. */
static void send_udp(int family, uint16_t from, uint16_t port, int times, size_t len)
{
	int s = socket(family, SOCK_DGRAM, 0);
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6,
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT,
				    .sin6_port = htons(port) };
	struct sockaddr_in to4 = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons(port) };
	struct sockaddr_in6 from6 = { .sin6_family = AF_INET6, .sin6_port = htons(from) };
	struct sockaddr_in from4 = { .sin_family = AF_INET, .sin_port = htons(from) };
	const struct sockaddr *to = family == AF_INET ? (void *)&to4 : (void *)&to6;
	const struct sockaddr *own = family == AF_INET ? (void *)&from4 : (void *)&from6;
	socklen_t size = family == AF_INET ? sizeof(to4) : sizeof(to6);
	char data[2048] = "";

	cr_assert_eq(bind(s, own, size), 0, "%s", strerror(errno));
	for (int i = 0; i < times; i++)
		cr_assert_eq(sendto(s, data, len, 0, to, size), (ssize_t)len, "%s",
			     strerror(errno));
	close(s);
}

Test(drop_signal, no_socket_is_named_with_its_tuple)
{
	static const struct {
		int family;
		uint16_t ethertype;
		uint8_t ip_bytes;
	} cases[] = { { AF_INET, 0x0800, 20 }, { AF_INET6, 0x86dd, 40 } };

	for (size_t i = 0; i < 2; i++) {
		struct bench *b = start(SETS, LANE);
		struct wt_drop d = { 0 };

		send_udp(cases[i].family, 4000, 9, 7, 100);
		cr_assert_eq(dropped(b, "NO_SOCKET", 9, &d), 7, "IPv%d", i ? 6 : 4);
		cr_expect_eq(d.src_port, 4000);
		cr_expect_eq(d.dst_port, 9);
		cr_expect_eq(d.proto, IPPROTO_UDP);
		cr_expect_eq(d.ethertype, cases[i].ethertype);
		cr_expect_eq(d.ifindex, 1, "lo");
		cr_expect_eq(d.netns, kernel_netns());
		cr_expect_eq(d.class, WT_DROP_LOST);
		cr_expect_arr_eq(d.src, d.dst, 16, "from here to here");
		cr_expect_eq(d.dst[15], 1);
		cr_expect_gt(d.bytes, 7 * 100);
		cr_expect_geq(d.last_ns, d.first_ns);
		expect_balance(b);
		done(b);
	}
}

Test(drop_signal, a_full_socket_is_named)
{
	struct bench *b = start(SETS, LANE);
	struct sockaddr_in own = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons(5000) };
	int s = socket(AF_INET, SOCK_DGRAM, 0), size = 4096, got = 0;
	char data[1000];
	uint64_t lost;

	cr_assert_eq(setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	cr_assert_eq(bind(s, (void *)&own, sizeof(own)), 0);
	send_udp(AF_INET, 4001, 5000, 50, sizeof(data));
	while (recv(s, data, sizeof(data), MSG_DONTWAIT) > 0)
		got++;
	lost = dropped(b, "SOCKET_RCVBUFF", 5000, NULL);
	cr_expect_gt(got, 0);
	cr_expect_eq(lost + got, 50, "%lu dropped, %d received, of 50", lost, got);
	expect_balance(b);
	close(s);
	done(b);
}

Test(drop_signal, what_is_received_is_no_drop)
{
	struct bench *b = start(SETS, LANE);
	struct sockaddr_in own = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons(5001) };
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	char data[100];

	cr_assert_eq(bind(s, (void *)&own, sizeof(own)), 0);
	send_udp(AF_INET, 4002, 5001, 20, sizeof(data));
	for (int i = 0; i < 20; i++)
		cr_assert_eq(recv(s, data, sizeof(data), 0), 100);
	for (uint32_t i = 0; at(b, i); i++)
		cr_expect(at(b, i)->dst_port != 5001 || !at(b, i)->packets);
	close(s);
	done(b);
}

Test(drop_signal, a_queue_at_close_is_a_class_of_its_own)
{
	struct bench *b = start(SETS, LANE);
	struct sockaddr_in own = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				   .sin_port = htons(5002) };
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	const struct wt_drop *d;
	uint64_t purged = 0;

	cr_assert_eq(bind(s, (void *)&own, sizeof(own)), 0);
	send_udp(AF_INET, 4003, 5002, 5, 10);
	close(s);
	for (int tries = 0; tries < 500 && purged < 5; tries++) {
		usleep(10000); /* the socket's memory goes after an RCU grace period */
		purged = 0;
		for (uint32_t i = 0; (d = at(b, i)); i++) {
			if (!d->packets || d->dst_port != 5002)
				continue;
			cr_expect_eq(d->class, WT_DROP_PURGED, "reason %u", d->reason);
			purged += d->packets;
		}
	}
	cr_expect_eq(purged, 5, "%lu purged", purged);
	done(b);
}

Test(drop_signal, tcp_to_a_closed_port)
{
	struct bench *b = start(SETS, LANE);
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(81) };
	int s = socket(AF_INET, SOCK_STREAM, 0);
	struct wt_drop d = { 0 };

	cr_assert_eq(connect(s, (void *)&to, sizeof(to)), -1);
	cr_assert_eq(errno, ECONNREFUSED);
	cr_assert_eq(dropped(b, "NO_SOCKET", 81, &d), 1);
	cr_expect_eq(d.proto, IPPROTO_TCP);
	close(s);
	done(b);
}

/* More keys than a table of one set and a lane of two hold: what does not fit is counted. */
Test(drop_signal, a_full_lane_is_counted)
{
	struct bench *b = start(1, 2);
	struct wt_signal_ledger sum;

	for (uint16_t port = 1000; port < 1050; port++)
		send_udp(AF_INET, 4004, port, 1, 10);
	sum = total(b);
	cr_expect_geq(sum.seen.events, 50);
	cr_expect_geq(sum.lane_full.events, 50 - (2 + 2) * b->o.rows);
	expect_balance(b);
	done(b);
}

Test(drop_signal, rows_go_to_the_epoch_that_is_set)
{
	struct bench *b = start(SETS, LANE);
	struct wt_drop d = { 0 };

	send_udp(AF_INET, 4005, 11, 1, 10);
	b->control->epoch = 1;
	send_udp(AF_INET, 4005, 12, 1, 10);
	cr_assert_eq(dropped(b, "NO_SOCKET", 11, &d), 1);
	cr_expect_eq(d.epoch, 0);
	cr_assert_eq(dropped(b, "NO_SOCKET", 12, &d), 1);
	cr_expect_eq(d.epoch, 1);
	done(b);
}

/* As if a run on each CPU had been interrupted in its rows. */
Test(drop_signal, nested_runs_touch_no_row)
{
	struct bench *b = start(SETS, LANE);

	for (uint32_t cpu = 0; cpu < b->o.cpus; cpu++)
		b->heads[cpu].busy = 1;
	send_udp(AF_INET, 4006, 13, 3, 10);
	cr_expect_eq(dropped(b, "NO_SOCKET", 13, NULL), 0);
	cr_expect_geq(total(b).nested.events, 3);
	cr_expect_geq(total(b).nested.bytes, 30);
	expect_balance(b);
	done(b);
}
