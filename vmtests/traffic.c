/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/*
 * The guest's traffic, and what the sockets themselves say of it, as JSON:
 *
 * traffic serve ADDR PORT            a TCP server: reads to the end, closes, prints a line for each
 * traffic send ADDR PORT N BYTES P   N connections, P at a time, BYTES each; an array
 * traffic hold ADDR PORT BYTES       one that stays: prints TCP_INFO when all is acknowledged, and
 *                                    once more before it closes, which is when stdin ends
 * traffic udp ADDR PORT N BYTES FROM N datagrams from port FROM
 * traffic deaf ADDR PORT             a UDP socket with a small buffer that nobody reads; on SIGTERM
 *                                    it counts what is in there
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "user/lib/cleanup.h"

#define CONNECTIONS_MAX 10000
#define PARALLEL_MAX 64
#define CLOSED 7 /* TCP_CLOSE */
#define PATIENCE_MS 60000

struct one {
	int error;
	uint16_t port; /* ours */
	uint64_t connect_ns;
	struct tcp_info info;
};

struct sending {
	struct sockaddr_in to;
	size_t bytes;
	int count;
	atomic_int next;
	struct one *all;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static struct sockaddr_in address(const char *host, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
		fprintf(stderr, "traffic: '%s' is no address\n", host);
		exit(2);
	}
	return a;
}

static uint16_t own_port(int fd)
{
	struct sockaddr_in a = {};
	socklen_t len = sizeof(a);

	getsockname(fd, (struct sockaddr *)&a, &len);
	return ntohs(a.sin_port);
}

static struct tcp_info tcp_info(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info;
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* Both FINs are acknowledged: from here on the kernel resends nothing for this socket. */
static struct tcp_info wait_closed(int fd)
{
	struct tcp_info info = tcp_info(fd);

	for (int ms = 0; info.tcpi_state != CLOSED && ms < PATIENCE_MS; ms += 5) {
		pause_ms(5);
		info = tcp_info(fd);
	}
	return info;
}

static int send_all(int fd, size_t bytes)
{
	static const char zeros[16384];

	while (bytes) {
		ssize_t n = send(fd, zeros, bytes < sizeof(zeros) ? bytes : sizeof(zeros),
				 MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		bytes -= n;
	}
	return 0;
}

static void drink(int fd)
{
	char buf[65536];

	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
}

static void print_info(const struct one *o, const char *end)
{
	printf("{\"port\": %u, \"error\": %d, \"connect_ns\": %llu, \"state\": %u, \"retransmits\": %u, "
	       "\"srtt_us\": %u, \"rttvar_us\": %u, \"min_rtt_us\": %u, \"cwnd\": %u, "
	       "\"octets_acked\": %llu, \"octets_received\": %llu, \"segments_out\": %u}%s\n",
	       o->port, o->error, (unsigned long long)o->connect_ns, o->info.tcpi_state,
	       o->info.tcpi_total_retrans, o->info.tcpi_rtt, o->info.tcpi_rttvar,
	       o->info.tcpi_min_rtt, o->info.tcpi_snd_cwnd,
	       (unsigned long long)o->info.tcpi_bytes_acked,
	       (unsigned long long)o->info.tcpi_bytes_received, o->info.tcpi_segs_out, end);
	fflush(stdout);
}

static int connect_timed(const struct sockaddr_in *to, struct one *o)
{
	AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t start = now_ns();

	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof(*to))) {
		o->error = errno;
		return -errno;
	}
	o->connect_ns = now_ns() - start;
	o->port = own_port(fd);
	return TAKE_FD(fd);
}

static void *send_some(void *arg)
{
	struct sending *s = arg;

	for (int i = atomic_fetch_add(&s->next, 1); i < s->count;
	     i = atomic_fetch_add(&s->next, 1)) {
		struct one *o = &s->all[i];
		AUTO_FD int fd = connect_timed(&s->to, o);

		if (fd < 0)
			continue;
		o->error = -send_all(fd, s->bytes);
		shutdown(fd, SHUT_WR);
		drink(fd);
		o->info = wait_closed(fd);
	}
	return NULL;
}

static int do_send(char **argv)
{
	struct sending s = { .to = address(argv[0], argv[1]), .count = atoi(argv[2]) };
	int parallel = atoi(argv[4]);
	pthread_t threads[PARALLEL_MAX];
	AUTO_FREE struct one *all = NULL;

	if (s.count < 1 || s.count > CONNECTIONS_MAX || parallel < 1 || parallel > PARALLEL_MAX)
		return 2;
	s.bytes = strtoul(argv[3], NULL, 0);
	all = calloc(s.count, sizeof(*all));
	if (!all)
		return 1;
	s.all = all;
	for (int i = 0; i < parallel; i++)
		if (pthread_create(&threads[i], NULL, send_some, &s))
			return 1;
	for (int i = 0; i < parallel; i++)
		pthread_join(threads[i], NULL);
	puts("[");
	for (int i = 0; i < s.count; i++)
		print_info(&all[i], i + 1 < s.count ? "," : "]");
	return 0;
}

static int do_hold(char **argv)
{
	struct sockaddr_in to = address(argv[0], argv[1]);
	struct one o = {};
	AUTO_FD int fd = connect_timed(&to, &o);
	char c;

	if (fd < 0 || send_all(fd, strtoul(argv[2], NULL, 0)))
		return 1;
	o.info = tcp_info(fd);
	while (o.info.tcpi_unacked || o.info.tcpi_notsent_bytes) {
		pause_ms(5);
		o.info = tcp_info(fd);
	}
	print_info(&o, "");
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	o.info = tcp_info(fd);
	print_info(&o, "");
	return 0;
}

static void *serve_one(void *arg)
{
	AUTO_FD int fd = (int)(intptr_t)arg;
	struct sockaddr_in peer = {};
	socklen_t len = sizeof(peer);
	struct one o = {};

	getpeername(fd, (struct sockaddr *)&peer, &len);
	o.port = ntohs(peer.sin_port);
	drink(fd);
	shutdown(fd, SHUT_WR);
	o.info = wait_closed(fd);
	print_info(&o, "");
	return NULL;
}

static int do_serve(char **argv)
{
	struct sockaddr_in a = address(argv[0], argv[1]);
	AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1024)) {
		perror("traffic: serve");
		return 1;
	}
	fprintf(stderr, "listening\n");
	for (;;) {
		int peer = accept(fd, NULL, NULL);
		pthread_t thread;

		if (peer < 0)
			continue;
		if (pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)peer))
			close(peer);
		else
			pthread_detach(thread);
	}
}

static int do_udp(char **argv)
{
	struct sockaddr_in to = address(argv[0], argv[1]), from = { .sin_family = AF_INET };
	AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t bytes = strtoul(argv[3], NULL, 0);
	char data[1400] = {};
	int sent = 0;

	from.sin_port = htons(atoi(argv[4]));
	if (bytes > sizeof(data) || bind(fd, (struct sockaddr *)&from, sizeof(from)))
		return 1;
	/* Not connected: an ICMP answer to one must not become the next one's error. */
	for (int i = atoi(argv[2]); i > 0; i--)
		sent += sendto(fd, data, bytes, 0, (struct sockaddr *)&to, sizeof(to)) ==
			(ssize_t)bytes;
	printf("{\"sent\": %d}\n", sent);
	return 0;
}

static int do_deaf(char **argv)
{
	struct sockaddr_in a = address(argv[0], argv[1]);
	AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int small = 1, sig, received = 0;
	char buf[2048];
	sigset_t set;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		return 1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fprintf(stderr, "listening\n");
	sigwait(&set, &sig);
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		received++;
	printf("{\"received\": %d}\n", received);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int arguments;
		int (*run)(char **argv);
	} commands[] = {
		{ "serve", 2, do_serve }, { "send", 5, do_send }, { "hold", 3, do_hold },
		{ "udp", 5, do_udp },	  { "deaf", 2, do_deaf },
	};

	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++)
		if (!strcmp(argv[1], commands[i].name) && argc == commands[i].arguments + 2)
			return commands[i].run(argv + 2);
	fprintf(stderr, "usage: traffic serve|send|hold|udp|deaf …, see vmtests/traffic.c\n");
	return 2;
}
