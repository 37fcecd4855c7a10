// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * The real programs on the real kernel: whose a UDP socket is, from port to close. By probes of
 * functions where this kernel has them (vmtests run on four that do), else by system calls: then
 * the sweep tells of ports that come without a call, and of the end.
 */
#include "tests/kern/tcp_fixture.h"

#include <poll.h>

#define WHOLE (WT_CONN_STARTED | WT_CONN_ENDED)

static const uint8_t local4[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
static const uint8_t any4[16] = { [10] = 0xff, 0xff };
static const uint8_t any6[16];

static const struct wt_conn *find_udp(uint16_t local_port)
{
	const struct wt_conn *found = NULL;

	for (int i = 0; i < merged.len; i++)
		if (merged.rows[i].protocol == IPPROTO_UDP &&
		    merged.rows[i].local_port == local_port) {
			cr_expect_null(found, "port %u has two rows", local_port);
			found = &merged.rows[i];
		}
	return found;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in6 at;
	socklen_t len = sizeof(at);

	cr_assert_eq(getsockname(fd, (void *)&at, &len), 0);
	return ntohs(at.sin6_port); /* at the same place as sin_port */
}

static bool has_probes(const struct bench *b)
{
	struct signal_choice choices[SIGNAL_CHOICES_MAX];
	int n = tcp_signal_choices(b->signal, choices, SIGNAL_CHOICES_MAX);

	for (int i = 0; i < n; i++)
		if (!strcmp(choices[i].signal, "udp owners"))
			return strstr(choices[i].hook, "udp_lib_get_port") != NULL;
	cr_assert_fail("no hook at all");
	return false;
}

/* The row of an end: told at once, or found by a sweep when the socket has been silent for 2 s. */
static const struct wt_conn *ended(struct bench *b, uint16_t port)
{
	const struct wt_conn *row = NULL;

	for (int i = 0; i < 100; i++) {
		bench_read(b);
		row = find_udp(port);
		if ((row && row->happened & WT_CONN_ENDED) || has_probes(b))
			break;
		tcp_signal_sweep(b->signal);
		poll(NULL, 0, 100);
	}
	return row;
}

static struct sockaddr_in v4(const char *text, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };

	inet_pton(AF_INET, text, &at.sin_addr);
	return at;
}

static void expect_owner(const struct wt_conn *row, const struct bench *b, const char *what)
{
	cr_assert_not_null(row, "%s", what);
	cr_expect_eq(row->pid, getpid(), "%s: pid %u", what, row->pid);
	cr_expect_eq(row->uid, getuid(), "%s", what);
	cr_expect_eq(row->netns, b->o.netns, "%s", what);
	cr_expect_neq(row->comm[0], 0, "%s", what);
	cr_expect_neq(row->cgroup, 0, "%s", what);
	cr_expect_gt(row->start_ns, 0, "%s", what);
}

/* bind(): at once; its end at close. */
static void bound(struct bench *b, const char *what)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in at = v4("0.0.0.0", 7100);
	const struct wt_conn *row;

	cr_assert_eq(bind(fd, (void *)&at, sizeof(at)), 0);
	bench_read(b);
	row = find_udp(7100);
	expect_owner(row, b, what);
	cr_expect_eq(row->happened & WHOLE, WT_CONN_STARTED, "%s", what);
	cr_expect_arr_eq(row->local, any4, 16, "%s", what);
	cr_expect_eq(row->remote_port, 0, "%s", what);
	close(fd);
	row = ended(b, 7100);
	cr_assert_not_null(row, "%s", what);
	cr_expect_eq(row->happened & WHOLE, WHOLE, "%s: %x", what, row->happened);
	cr_expect_gt(row->end_ns, row->start_ns, "%s", what);
}

/* The first send gives it a port: a query, and gone. */
static void sends(struct bench *b, const char *what)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = v4("127.0.0.1", 9);
	const struct wt_conn *row;
	uint16_t port;

	cr_assert_eq(sendto(fd, "x", 1, 0, (void *)&to, sizeof(to)), 1);
	port = port_of(fd);
	if (!has_probes(b))
		tcp_signal_sweep(b->signal);
	close(fd);
	row = ended(b, port);
	expect_owner(row, b, what);
	cr_expect_eq(row->happened & WHOLE, WHOLE, "%s", what);
}

/* connect(): all four ends by the time it is closed, or swept. */
static void connects(struct bench *b, const char *what)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = v4("127.0.0.1", 7199);
	const struct wt_conn *row;
	uint16_t port;

	cr_assert_eq(connect(fd, (void *)&to, sizeof(to)), 0);
	port = port_of(fd);
	tcp_signal_sweep(b->signal);
	bench_read(b);
	row = find_udp(port);
	expect_owner(row, b, what);
	cr_expect_eq(row->remote_port, 7199, "%s: by the sweep", what);
	cr_expect_arr_eq(row->local, local4, 16, "%s", what);
	cr_expect_arr_eq(row->remote, local4, 16, "%s", what);
	close(fd);
	row = ended(b, port);
	cr_expect_eq(row->happened & WHOLE, WHOLE, "%s", what);
	cr_expect_eq(row->remote_port, 7199, "%s", what);
}

/* A resolver's query, and gone: no sweep comes by. */
static void connects_and_is_gone(struct bench *b, const char *what)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in to = v4("127.0.0.1", 7198);
	const struct wt_conn *row;
	uint16_t port;

	cr_assert_eq(connect(fd, (void *)&to, sizeof(to)), 0);
	port = port_of(fd);
	close(fd);
	bench_read(b);
	row = find_udp(port);
	expect_owner(row, b, what);
	cr_expect_eq(row->remote_port, 7198, "%s", what);
	cr_expect_arr_eq(row->local, local4, 16, "%s", what);
}

static void takes_both_families(struct bench *b, const char *what)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(7101) };
	int one = 1, fd = socket(AF_INET6, SOCK_DGRAM, 0), six = socket(AF_INET6, SOCK_DGRAM, 0);
	const struct wt_conn *row;

	cr_assert_eq(bind(fd, (void *)&at, sizeof(at)), 0);
	at.sin6_port = htons(7102);
	setsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	cr_assert_eq(bind(six, (void *)&at, sizeof(at)), 0);
	bench_read(b);
	row = find_udp(7101);
	expect_owner(row, b, what);
	cr_expect_arr_eq(row->local, any6, 16, "%s", what);
	cr_expect_eq(row->state, 0, "%s: takes IPv4, too", what);
	row = find_udp(7102);
	expect_owner(row, b, what);
	cr_expect_eq(row->state, 1, "%s: IPv6 alone", what);
	close(fd);
	close(six);
}

/* In the chain of its own port: a bind() that fails leaves nothing. */
static void fails(struct bench *b, const char *what)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), again = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in at = v4("127.0.0.1", 7103);

	cr_assert_eq(bind(fd, (void *)&at, sizeof(at)), 0);
	cr_assert_eq(bind(again, (void *)&at, sizeof(at)), -1);
	close(again);
	bench_read(b);
	expect_owner(find_udp(7103), b, what);
	close(fd);
}

/* Its memory is another's before any sweep comes by: that one's socket() ends it. */
static void is_replaced(struct bench *b, const char *what)
{
	struct sockaddr_in at = v4("127.0.0.1", 7105);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), others[800];
	const struct wt_conn *row;

	cr_assert_eq(bind(fd, (void *)&at, sizeof(at)), 0);
	bench_read(b);
	expect_owner(find_udp(7105), b, what);
	close(fd);
	poll(NULL, 0, 100); /* the kernel frees it after a grace period; then one of many has it */
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		others[i] = socket(AF_INET, SOCK_DGRAM, 0);
	row = ended(b, 7105);
	cr_assert_not_null(row, "%s", what);
	cr_expect_eq(row->happened & WHOLE, WHOLE, "%s: %x", what, row->happened);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		close(others[i]);
}

Test(udp_owner, from_port_to_close)
{
	struct bench b;

	bench_start(&b, SETS, 64, 1024);
	bound(&b, "bind()");
	sends(&b, "sendto()");
	connects(&b, "connect()");
	connects_and_is_gone(&b, "a query");
	takes_both_families(&b, "IPv6");
	fails(&b, "a second bind()");
	is_replaced(&b, "another in its memory");
	tcp_signal_stop(b.signal);
}

/* Older than we are: known, and whose it is is not. */
Test(udp_owner, older_sockets)
{
	struct sockaddr_in at = v4("127.0.0.1", 7104);
	const struct wt_conn *row;
	struct bench b;
	int fd;

	enter_netns();
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	cr_assert_eq(bind(fd, (void *)&at, sizeof(at)), 0);
	bench_start_here(&b, SETS, 64, 1024);
	tcp_signal_sweep(b.signal);
	bench_read(&b);
	row = find_udp(7104);
	cr_assert_not_null(row);
	cr_expect_eq(row->pid, 0);
	cr_expect_eq(row->comm[0], 0);
	cr_expect_eq(row->uid, getuid(), "the socket itself says so");
	cr_expect_eq(row->start_ns, 0);
	close(fd);
	tcp_signal_stop(b.signal);
}
