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

static void bench_start_here(struct bench *b, uint32_t sets, uint32_t lane_len,
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

static void enter_netns(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0, "needs root");
	cr_assert_eq(system("ip link set lo up"), 0);
}

/* Connections in a network namespace of our own; others are not looked at. */
static void bench_start(struct bench *b, uint32_t sets, uint32_t lane_len, uint32_t connections)
{
	enter_netns();
	bench_start_here(b, sets, lane_len, connections);
}

/* Rows of other namespaces are of tests that run beside us. */
static void add_row(const struct wt_conn *row)
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

static struct wt_signal_ledger read_ledger(const struct bench *b)
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
static uint64_t read_rows(const struct bench *b)
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
static struct wt_signal_ledger bench_read(struct bench *b)
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

/* One whole connection: the client closes first, or (reset) the server resets it. */
static int converse(int listener, uint16_t port, bool reset)
{
	struct linger linger = { .l_onoff = 1 };
	int client, local = connect_to(port, &client), server = accept(listener, NULL, NULL);
	char byte;

	cr_assert(local > 0 && server >= 0);
	if (reset) {
		setsockopt(server, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(server);
		cr_assert_eq(read(client, &byte, 1), -1);
		close(client);
		return local;
	}
	close(client);
	cr_assert_eq(read(server, &byte, 1), 0);
	close(server);
	return local;
}

Test(tcp_signal, reset)
{
	struct bench b;
	const struct wt_conn *c, *s;
	int listener, port;

	bench_start(&b, SETS, 64, 1024);
	listener = listen_on(7000);
	port = converse(listener, 7000, true);
	bench_read(&b);
	c = find(WT_ROLE_CLIENT, port, 7000);
	s = find(WT_ROLE_SERVER, 7000, port);
	cr_assert(c && s);
	cr_expect_eq(c->end, WT_END_RST_RECEIVED, "%d", c->end);
	cr_expect_eq(c->error, ECONNRESET);
	cr_expect_eq(s->end, WT_END_RST_SENT, "%d", s->end);
	cr_expect_eq(s->error, 0);
	tcp_signal_stop(b.signal);
}

Test(tcp_signal, sweep_finds_live_and_older_connections)
{
	struct bench b;
	const struct wt_conn *c;
	int listener, client, server, old_client, old_server, old_port, port;

	enter_netns();
	listener = listen_on(7000);
	old_port = connect_to(7000, &old_client);
	old_server = accept(listener, NULL, NULL);
	bench_start_here(&b, SETS, 64, 1024);
	port = connect_to(7000, &client);
	server = accept(listener, NULL, NULL);
	cr_assert_eq(write(client, "x", 1), 1);
	cr_assert_eq(tcp_signal_sweep(b.signal), 0);
	cr_assert_eq(write(client, "yz", 2), 2);
	cr_assert_eq(tcp_signal_sweep(b.signal), 0);
	bench_read(&b);
	c = find(WT_ROLE_CLIENT, port, 7000);
	cr_assert(c);
	cr_expect_eq(c->happened, WT_CONN_STARTED | WT_CONN_ESTABLISHED | WT_CONN_SAMPLED);
	cr_expect_eq(c->end, WT_END_OPEN);
	cr_expect_eq(c->bytes_acked, 4, "the SYN, x, yz: %llu", c->bytes_acked);
	cr_expect_gt(c->srtt_us, 0);
	c = find(WT_ROLE_UNKNOWN, old_port, 7000);
	cr_assert(c, "a connection older than the agent");
	cr_expect_eq(c->pid, 0);
	cr_expect_eq(c->uid, 0xffffffff);
	cr_expect_eq(c->comm[0], 0);
	cr_expect(find(WT_ROLE_UNKNOWN, 7000, old_port));
	cr_expect_eq(merged.len, 4, "%d", merged.len);
	close(old_client);
	close(old_server);
	close(client);
	close(server);
	tcp_signal_stop(b.signal);
}

Test(tcp_signal, table_of_connections_full)
{
	struct bench b;
	struct wt_signal_ledger sum;
	int listener, clients[40], servers[40];

	bench_start(&b, SETS, 64, 16);
	listener = listen_on(7000);
	for (int i = 0; i < 40; i++) {
		connect_to(7000, &clients[i]);
		servers[i] = accept(listener, NULL, NULL);
	}
	for (int i = 0; i < 40; i++) {
		close(clients[i]);
		close(servers[i]);
	}
	sum = bench_read(&b);
	cr_expect_gt(sum.no_row.events, 0, "80 sockets, 16 entries");
	cr_expect_gt(merged.len, 0);
	cr_expect_eq(sum.nested.events, 0);
	/* and the table is usable again */
	merged.len = 0;
	cr_expect_gt(converse(listener, 7000, false), 0);
	bench_read(&b);
	tcp_signal_stop(b.signal);
}

/* The consumer catches up. */
static void bench_drain(struct bench *b)
{
	memset(b->table, 0, 4ul * b->o.rows * b->o.sets * sizeof(struct wt_conn));
	memset(b->ledgers, 0, b->o.cpus * 2 * WT_SIGNALS * sizeof(struct wt_signal_ledger));
	for (uint32_t r = 0; r < b->o.rows; r++)
		b->heads[r].tail = b->heads[r].head;
}

Test(tcp_signal, lane_full_is_reported_later)
{
	struct bench b;
	bool seen[65536] = { false };
	int listener, ports[20], distinct = 0;
	struct wt_signal_ledger sum;

	bench_start(&b, 1, 1, 16384); /* room for what other tests do at the same time */
	listener = listen_on(7000);
	for (int i = 0; i < 20; i++)
		ports[i] = converse(listener, 7000, false);
	for (int round = 0; round < 40; round++) {
		sum = bench_read(&b);
		cr_expect_eq(sum.lane_full.events + sum.no_row.events + sum.nested.events, 0);
		for (int i = 0; i < merged.len; i++) {
			const struct wt_conn *c = &merged.rows[i];

			cr_expect_eq(c->happened & WHOLE, WHOLE, "round %d: %x", round,
				     c->happened);
			if (c->role != WT_ROLE_CLIENT)
				continue;
			cr_expect_not(seen[c->local_port], "%u twice", c->local_port);
			seen[c->local_port] = true;
		}
		bench_drain(&b);
		tcp_signal_sweep(b.signal);
	}
	for (int i = 0; i < 20; i++)
		distinct += seen[ports[i]];
	cr_expect_eq(distinct, 20, "%d of 20 were reported in the end", distinct);
	tcp_signal_stop(b.signal);
}

/* No lane, no room to wait either: that is a loss, and it has a name. */
Test(tcp_signal, nowhere_to_wait)
{
	struct bench b;
	struct wt_signal_ledger sum;
	int listener;

	bench_start(&b, 1, 1, 1024);
	listener = listen_on(7000);
	for (int i = 0; i < 300; i++)
		converse(listener, 7000, false);
	sum = bench_read(&b);
	cr_expect_gt(sum.lane_full.events, 0, "600 sockets, 128 may wait");
	cr_expect_eq(sum.no_row.events, 0);
	tcp_signal_stop(b.signal);
}

Test(tcp_signal, a_run_that_interrupts_another_reports_later)
{
	struct bench b;
	int listener, port;

	bench_start(&b, SETS, 64, 1024);
	listener = listen_on(7000);
	for (uint32_t cpu = 0; cpu < b.o.cpus; cpu++)
		b.heads[cpu].busy = 1;
	port = converse(listener, 7000, false);
	tcp_signal_sweep(b.signal);
	bench_read(&b);
	cr_expect_eq(merged.len, 0, "somebody else is inside the rows");
	for (uint32_t cpu = 0; cpu < b.o.cpus; cpu++)
		b.heads[cpu].busy = 0;
	tcp_signal_sweep(b.signal);
	cr_expect_eq(bench_read(&b).nested.events, 0, "nothing is lost");
	cr_expect(find(WT_ROLE_CLIENT, port, 7000));
	cr_expect(find(WT_ROLE_SERVER, 7000, port));
	tcp_signal_stop(b.signal);
}

static uint64_t counter(const char *file, const char *name)
{
	char command[160], line[32] = "";
	FILE *f;

	snprintf(
		command, sizeof(command),
		"awk '/^Tcp/ { if (n++ %% 2 == 0) split($0, k); else for (i in k) if (k[i] == \"%s\") print $i }' %s",
		name, file);
	f = popen(command, "r");
	cr_assert(f && fgets(line, sizeof(line), f), "no %s in %s", name, file);
	pclose(f);
	return strtoull(line, NULL, 10);
}

static void push(int from, int to, size_t bytes)
{
	static char block[65536];
	int pid = fork();

	if (!pid) {
		for (size_t left = bytes; left;) {
			ssize_t n = read(to, block, sizeof(block));

			if (n <= 0)
				_exit(1);
			left -= n;
		}
		_exit(0);
	}
	for (size_t left = bytes; left;) {
		ssize_t n = write(from, block, left < sizeof(block) ? left : sizeof(block));

		cr_assert_gt(n, 0);
		left -= n;
	}
	waitpid(pid, NULL, 0);
}

/*
 * Segments and SYN-ACKs lost on the way in are resent; a retransmit that our own output refuses
 * counts as TCPRetransFail, and not as ours.
 */
Test(tcp_signal, retransmits_are_the_kernels)
{
	struct bench b;
	const struct wt_conn *c, *s;
	uint64_t ours = 0, synacks = 0, segs, fails;
	int listener, client, server, port;

	bench_start(&b, SETS, 64, 1024);
	if (system("nft 'add table ip t;"
		   " add chain ip t in { type filter hook input priority 0; };"
		   " add chain ip t out { type filter hook output priority 0; };"
		   " add rule ip t in tcp flags & (syn|ack) == syn|ack numgen inc mod 2 == 0 drop;"
		   " add rule ip t in tcp dport 7000 meta length > 100 numgen inc mod 20 == 0 drop'"))
		cr_skip_test("needs nft");
	listener = listen_on(7000);
	port = connect_to(7000, &client);
	cr_assert_gt(port, 0);
	server = accept(listener, NULL, NULL);
	push(client, server, 8 << 20);
	cr_assert_eq(system("nft add rule ip t in tcp dport 7000 drop"), 0);
	cr_assert_eq(write(client, "lost", 4), 4);
	cr_assert_eq(system("nft add rule ip t out tcp dport 7000 drop"), 0);
	while (!counter("/proc/self/net/netstat", "TCPRetransFail"))
		sched_yield(); /* its retransmit comes in 200 ms */
	cr_assert_eq(system("nft flush ruleset"), 0);
	push(client, server, 1 << 20);
	close(client);
	close(server);
	tcp_signal_sweep(b.signal);
	bench_read(&b);
	segs = counter("/proc/self/net/snmp", "RetransSegs");
	fails = counter("/proc/self/net/netstat", "TCPRetransFail");
	for (int i = 0; i < merged.len; i++) {
		ours += merged.rows[i].retransmits + merged.rows[i].retransmits_synack;
		synacks += merged.rows[i].retransmits_synack;
	}
	cr_expect_eq(ours + fails, segs, "ours %lu + TCPRetransFail %lu = RetransSegs %lu", ours,
		     fails, segs);
	cr_expect_gt(segs, 5);
	cr_expect_gt(fails, 0);
	cr_expect_gt(synacks, 0);
	c = find(WT_ROLE_CLIENT, port, 7000);
	s = find(WT_ROLE_SERVER, 7000, port);
	cr_assert(c && s, "the SYN-ACK's record is the connection's");
	cr_expect_eq(merged.len, 2, "%d", merged.len);
	cr_expect(s->happened & WT_CONN_SYN_RESENT);
	cr_expect_gt(s->connect_ns, 900000000, "a lost SYN-ACK's second: %llu", s->connect_ns);
	cr_expect_gt(c->connect_ns, 900000000, "%llu", c->connect_ns);
	cr_expect_gt(c->retransmits, 0);
	tcp_signal_stop(b.signal);
}

/* Threads on all CPUs: none missing, none twice. */
Test(tcp_signal, many_short_connections)
{
	struct bench b;
	uint16_t base = 7000;
	int clients = 0, servers = 0;

	bench_start(&b, 1024, 1024, 4096);
	for (int p = 0; p < 4; p++)
		if (!fork()) {
			int listener = listen_on(base + p);

			for (int i = 0; i < 250; i++)
				converse(listener, base + p, i % 5 == 0);
			_exit(0);
		}
	for (int p = 0; p < 4; p++)
		wait(NULL);
	tcp_signal_sweep(b.signal);
	bench_read(&b);
	for (int i = 0; i < merged.len; i++) {
		const struct wt_conn *c = &merged.rows[i];

		cr_expect_eq(c->happened & WHOLE, WHOLE);
		cr_expect_neq(c->pid, 0);
		clients += c->role == WT_ROLE_CLIENT;
		servers += c->role == WT_ROLE_SERVER;
	}
	cr_expect_eq(clients, 1000, "%d clients", clients);
	cr_expect_eq(servers, 1000, "%d servers", servers);
	cr_expect_eq(tcp_signal_missed(b.signal), 0);
	tcp_signal_stop(b.signal);
}
