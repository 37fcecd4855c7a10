// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The real TCP programs on the real kernel: connections on loopback, rows from the tables. */
#include <poll.h>

#include "tests/kern/tcp_fixture.h"

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

Test(tcp_signal, who_closed_an_older_connection)
{
	struct bench b;
	const struct wt_conn *s;
	int listener, client, server, port;
	char byte;

	enter_netns();
	listener = listen_on(7000);
	port = connect_to(7000, &client);
	server = accept(listener, NULL, NULL);
	close(client);
	cr_assert_eq(read(server, &byte, 1), 0);
	bench_start_here(&b, SETS, 64, 1024);
	close(server);
	bench_read(&b);
	s = find(WT_ROLE_UNKNOWN, 7000, port);
	cr_assert(s, "%d rows", merged.len);
	cr_expect_eq(s->happened, WT_CONN_ENDED | WT_CONN_SAMPLED, "%x", s->happened);
	cr_expect_eq(s->end, WT_END_REMOTE_FIN, "%d", s->end);
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

/* All of it arrives, and what was written before and not read. */
static void push(int from, int to, size_t bytes, size_t before)
{
	static char block[65536];
	int pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (size_t left = bytes + before; left;) {
			ssize_t n = read(to, block, left < sizeof(block) ? left : sizeof(block));

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
	push(client, server, 8 << 20, 0);
	cr_assert_eq(system("nft add rule ip t in tcp dport 7000 drop"), 0);
	cr_assert_eq(write(client, "lost", 4), 4);
	cr_assert_eq(system("nft add rule ip t out tcp dport 7000 drop"), 0);
	while (!counter("/proc/self/net/netstat", "TCPRetransFail"))
		sched_yield(); /* its retransmit comes in 200 ms */
	cr_assert_eq(system("nft flush ruleset"), 0);
	push(client, server, 1 << 20, 4);
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
/* What a process closed as its last may be over a moment after it. */
static bool all_are_whole(void)
{
	for (int i = 0; i < merged.len; i++)
		if ((merged.rows[i].happened & WHOLE) != WHOLE)
			return false;
	return true;
}

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
	for (int i = 0; i < 500 && !all_are_whole(); i++) {
		poll(NULL, 0, 10);
		bench_read(&b);
	}
	for (int i = 0; i < merged.len; i++) {
		const struct wt_conn *c = &merged.rows[i];

		cr_expect_eq(c->happened & WHOLE, WHOLE, "%x", c->happened);
		cr_expect_neq(c->pid, 0);
		clients += c->role == WT_ROLE_CLIENT;
		servers += c->role == WT_ROLE_SERVER;
	}
	cr_expect_eq(clients, 1000, "%d clients", clients);
	cr_expect_eq(servers, 1000, "%d servers", servers);
	cr_expect_eq(tcp_signal_missed(b.signal), 0);
	tcp_signal_stop(b.signal);
}
