// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sockets that a test makes, by state, and what the sweep counts in their namespace. */
#include "tests/kern/tcp_fixture.h"

#define IPV4 0
#define IPV6 1
#define QUEUE 3 /* backlog of the listener whose queue fills */

static int listen6(uint16_t port)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6,
				   .sin6_port = htons(port),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (void *)&at, sizeof(at)), 0, "%s", strerror(errno));
	cr_assert_eq(listen(fd, 8), 0);
	return fd;
}

static void pair(int listener, uint16_t port, int *client, int *server)
{
	cr_assert_gt(connect_to(port, client), 0);
	*server = accept(listener, NULL, NULL);
	cr_assert_geq(*server, 0);
}

/* The peer's FIN has arrived. */
static void wait_for_fin(int fd)
{
	char c;

	cr_assert_eq(read(fd, &c, 1), 0);
}

static struct wt_sockets count(struct bench *b)
{
	struct wt_sockets got;

	cr_assert_eq(tcp_signal_sweep_here(b->signal, &got), 0);
	return got;
}

/* The reader of a FIN may be awake before its ACK has left: until none waits for one. */
static struct wt_sockets count_settled(struct bench *b)
{
	struct wt_sockets got = count(b);

	for (int i = 0; i < 10000 && (got.states[IPV4][4] || got.states[IPV4][9]); i++)
		got = count(b);
	return got;
}

Test(tcp_sockets, by_state_and_family)
{
	struct bench b;
	struct wt_sockets got;
	int listener, client[4], server[4];

	bench_start(&b, SETS, 64, 1024);
	got = count(&b);
	for (int i = 0; i < WT_SOCKET_STATES; i++)
		cr_expect(!got.states[IPV4][i] && !got.states[IPV6][i], "state %d before", i);
	listener = listen_on(7000);
	listen_on(7001);
	listen6(7002);
	for (int i = 0; i < 4; i++)
		pair(listener, 7000, &client[i], &server[i]);
	close(client[1]); /* FIN_WAIT2 and CLOSE_WAIT: closed first, the other still open */
	wait_for_fin(server[1]);
	shutdown(client[2], SHUT_WR); /* the same, and the socket stays */
	wait_for_fin(server[2]);
	close(client[3]);
	wait_for_fin(server[3]);
	close(server[3]); /* TIME_WAIT */
	got = count_settled(&b);
	cr_expect_eq(got.states[IPV4][10], 2, "LISTEN: %u", got.states[IPV4][10]);
	cr_expect_eq(got.states[IPV6][10], 1);
	cr_expect_eq(got.states[IPV4][1], 2, "ESTABLISHED: %u", got.states[IPV4][1]);
	cr_expect_eq(got.states[IPV4][5], 2, "FIN_WAIT2: %u", got.states[IPV4][5]);
	cr_expect_eq(got.states[IPV4][8], 2, "CLOSE_WAIT: %u", got.states[IPV4][8]);
	cr_expect_eq(got.states[IPV4][6], 1, "TIME_WAIT: %u", got.states[IPV4][6]);
	got = count(&b);
	cr_expect_eq(got.states[IPV4][1], 2, "counted anew each time");
	tcp_signal_stop(b.signal);
}

Test(tcp_sockets, listen_queues)
{
	struct bench b;
	struct wt_sockets got;
	struct sockaddr_in at = loopback(7003);
	int fd, client;

	bench_start(&b, SETS, 64, 1024);
	listen_on(7000); /* an empty queue, of a higher limit */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(bind(fd, (void *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(fd, QUEUE), 0);
	got = count(&b);
	cr_expect_eq(got.queue_max, 0);
	cr_expect_eq(got.queue_limit, 1024, "%u", got.queue_limit);
	for (uint32_t i = 1; i <= QUEUE + 1; i++) {
		cr_assert_gt(connect_to(7003, &client), 0);
		got = count(&b);
		cr_expect_eq(got.queue_sum, i);
		cr_expect_eq(got.queue_max, i);
		cr_expect_eq(got.queue_limit, QUEUE);
		cr_expect_eq(got.queues_full, i == QUEUE + 1, "%u of %d", i, QUEUE);
	}
	tcp_signal_stop(b.signal);
}

/* What another namespace has is not ours, though the same map counts it. */
Test(tcp_sockets, of_one_namespace)
{
	struct bench b;
	struct wt_sockets got;

	bench_start(&b, SETS, 64, 1024);
	listen_on(7000);
	cr_expect_eq(count(&b).states[IPV4][10], 1);
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	got = count(&b);
	cr_expect_eq(got.states[IPV4][10], 0);
	cr_expect_eq(got.queue_limit, 0);
	tcp_signal_stop(b.signal);
}
