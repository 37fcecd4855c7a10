// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The real TCP programs on the real kernel: connections on loopback, rows from the tables. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
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
	uint64_t secret[9];
};

/* One connection: rows of all CPUs and epochs, merged as the collector does. */
struct merged {
	int len;
	struct wt_conn rows[ROWS_MAX];
};
static struct merged merged;

static int make_array(uint32_t value_bytes, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, value_bytes, entries, &opts);
}

static void *map(int fd, size_t bytes)
{
	void *at =
		mmap(NULL, (bytes + 4095) / 4096 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	cr_assert_neq(at, MAP_FAILED, "%s", strerror(errno));
	return at;
}

/* In a network namespace of our own: nobody else's connections, but the kernel's lo. */
static void bench_start(struct bench *b, uint32_t sets, uint32_t lane_len, uint32_t connections)
{
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
}

static void add_row(const struct wt_conn *row)
{
	struct wt_conn *to = merged.rows, old;

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

/* Fills `merged` and checks the ledger; returns it, summed. */
static struct wt_signal_ledger bench_read(struct bench *b)
{
	struct wt_signal_ledger sum = { 0 };
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
	for (uint32_t i = 0; i < b->o.cpus * 2; i++) {
		const struct wt_signal_ledger *l = &b->ledgers[i * WT_SIGNALS + WT_SIGNAL_TCP];

		sum.seen.events += l->seen.events;
		sum.lane_full.events += l->lane_full.events;
		sum.no_row.events += l->no_row.events;
		sum.nested.events += l->nested.events;
	}
	cr_expect_eq(sum.seen.events, events + sum.lane_full.events + sum.no_row.events,
		     "seen %llu = rows %llu + lane_full %llu + no_row %llu", sum.seen.events,
		     (unsigned long long)events, sum.lane_full.events, sum.no_row.events);
	return sum;
}

static const struct wt_conn *find(enum wt_conn_role role, uint16_t local, uint16_t remote)
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

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int listen_on(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	struct sockaddr_in at = loopback(port);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	cr_assert_eq(bind(fd, (void *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(fd, 1024), 0);
	return fd;
}

/* The local port, or -errno. */
static int connect_to(uint16_t port, int *fd)
{
	struct sockaddr_in at = loopback(port), me;
	socklen_t len = sizeof(me);

	*fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(*fd, (void *)&at, sizeof(at)))
		return -errno;
	cr_assert_eq(getsockname(*fd, (void *)&me, &len), 0);
	return ntohs(me.sin_port);
}

#define WHOLE (WT_CONN_STARTED | WT_CONN_ESTABLISHED | WT_CONN_ENDED)

Test(tcp_signal, one_connection)
{
	static const uint8_t v4[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	struct bench b;
	const struct wt_conn *c, *s;
	int listener, client, server, port;
	char ten[10] = "0123456789";
	struct signal_choice choices[SIGNAL_CHOICES_MAX];
	int n;

	bench_start(&b, SETS, 64, 1024);
	n = tcp_signal_choices(b.signal, choices, SIGNAL_CHOICES_MAX);
	for (int i = 0; i < n; i++)
		cr_log_info("%s: %s (%s)", choices[i].signal, choices[i].hook, choices[i].why);
	listener = listen_on(7000);
	port = connect_to(7000, &client);
	cr_assert_gt(port, 0);
	server = accept(listener, NULL, NULL);
	cr_assert_eq(write(client, ten, 10), 10);
	cr_assert_eq(recv(server, ten, 10, MSG_WAITALL), 10);
	close(client);
	cr_assert_eq(read(server, ten, 1), 0);
	close(server);
	tcp_signal_sweep(b.signal);
	bench_read(&b);
	c = find(WT_ROLE_CLIENT, port, 7000);
	s = find(WT_ROLE_SERVER, 7000, port);
	cr_assert(c && s, "%d rows", merged.len);
	cr_expect_eq(c->happened & WHOLE, WHOLE, "client %x", c->happened);
	cr_expect_eq(s->happened & (WHOLE | WT_CONN_ACCEPTED), WHOLE | WT_CONN_ACCEPTED,
		     "server %x", s->happened);
	cr_expect_eq(c->end, WT_END_LOCAL_FIN);
	cr_expect_eq(s->end, WT_END_REMOTE_FIN);
	cr_expect_gt(c->connect_ns, 0);
	cr_expect_gt(s->connect_ns, 0);
	cr_expect_gt(s->accept_ns, 0);
	cr_expect(c->bytes_acked >= 10 && c->bytes_acked <= 12, "acked %llu", c->bytes_acked);
	cr_expect(s->bytes_received >= 10 && s->bytes_received <= 11);
	cr_expect_arr_eq(c->local, v4, 16);
	cr_expect_arr_eq(s->remote, v4, 16);
	for (int i = 0; i < 2; i++) {
		const struct wt_conn *row = i ? s : c;

		cr_expect_eq(row->pid, getpid(), "%d: pid %u", i, row->pid);
		cr_expect_eq(row->uid, getuid());
		cr_expect_eq(row->netns, b.o.netns);
		cr_expect_neq(row->comm[0], 0);
		cr_expect_neq(row->cgroup, 0);
		cr_expect_gt(row->srtt_us + 1, 0);
		cr_expect_gt(row->end_ns, row->start_ns);
		cr_expect_gt(row->cwnd, 0);
	}
	tcp_signal_stop(b.signal);
}

Test(tcp_signal, failures)
{
	struct bench b;
	const struct wt_conn *c;
	struct sockaddr_in far = { .sin_family = AF_INET, .sin_port = htons(81) };
	int fd;

	bench_start(&b, SETS, 64, 1024);
	cr_expect_eq(connect_to(9, &fd), -ECONNREFUSED);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	inet_pton(AF_INET, "192.0.2.1", &far.sin_addr);
	cr_expect_eq(connect(fd, (void *)&far, sizeof(far)), -1);
	cr_expect_eq(errno, ENETUNREACH);
	close(fd);
	bench_read(&b);
	c = find(WT_ROLE_CLIENT, 0, 9);
	cr_assert(c);
	cr_expect_eq(c->end, WT_END_FAILED);
	cr_expect_eq(c->error, ECONNREFUSED);
	cr_expect_eq(c->pid, getpid());
	cr_expect_neq(c->local_port, 0);
	cr_expect_eq(c->happened & WHOLE, WT_CONN_STARTED | WT_CONN_ENDED);
	c = find(WT_ROLE_CLIENT, 0, 81);
	cr_assert(c, "no route");
	cr_expect_eq(c->end, WT_END_FAILED);
	cr_expect_eq(c->error, ENETUNREACH);
	cr_expect_eq(c->pid, getpid());
	cr_expect_eq(c->remote[15], 1);
	cr_expect_eq(merged.len, 2);
	tcp_signal_stop(b.signal);
}
