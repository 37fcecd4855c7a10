// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * An IPFIX exporter that is as fast as asked: --records records of 56 bytes in datagrams of 24, at
 * --rate a second, Zipf-like sources. Prints what was sent as JSON.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "user/lib/cleanup.h"
#include "user/lib/options.h"

#define AT(field) offsetof(struct plan, field)
#define RECORDS 24 /* a datagram: 1,364 bytes of UDP payload */
#define BURST 64 /* datagrams a system call */
#define DATAGRAM_MAX 1472
#define TEMPLATE_EVERY 4096 /* datagrams */

struct plan {
	uint64_t port, records, rate, sources;
	bool help;
};

static const struct option_row rows[] = {
	{ "port", 'p', OPTION_NUMBER, AT(port), "N", "2055", .min = 1, .max = 65535,
	  .help = "on 127.0.0.1" },
	{ "records", 'n', OPTION_NUMBER, AT(records), "N", "1000000", .help = "how many" },
	{ "rate", 'r', OPTION_NUMBER, AT(rate), "N", "0",
	  .help = "records a second; 0: all it can" },
	{ "sources", 0, OPTION_NUMBER, AT(sources), "N", "65536", .min = 1, .max = 1u << 24,
	  .help = "different source addresses" },
	{ "help", 'h', OPTION_FLAG, AT(help), .help = "print this" },
};

static uint64_t random_state = 88172645463325252u;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static uint8_t *put(uint8_t *at, uint64_t n, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
	return at + bytes;
}

static uint8_t *put_template(uint8_t *at)
{
	static const struct {
		uint16_t element, bytes;
	} fields[] = {
		{ 8, 4 }, { 12, 4 }, { 7, 2 },	 { 11, 2 },  { 4, 1 },	{ 6, 1 },  { 5, 1 },
		{ 1, 8 }, { 2, 8 },  { 152, 8 }, { 153, 8 }, { 10, 4 }, { 14, 4 }, { 61, 1 }
	};
	size_t len = sizeof(fields) / sizeof(fields[0]);

	at = put(at, 2, 2);
	at = put(at, 8 + 4 * len, 2);
	at = put(at, 256, 2);
	at = put(at, len, 2);
	for (size_t i = 0; i < len; i++) {
		at = put(at, fields[i].element, 2);
		at = put(at, fields[i].bytes, 2);
	}
	return at;
}

/* Few sources have most of the flows: the smaller of three random numbers. */
static uint8_t *put_record(uint8_t *at, const struct plan *p, int64_t now_ms)
{
	uint64_t r = random_next(), q = random_next();
	uint64_t source = (r & 0xffffff) * ((r >> 24 & 0xffffff) + 1) >> 24;
	uint64_t packets = 1 + (q & 31);

	at = put(at, 0x0a000000 + (source % p->sources), 4);
	at = put(at, 0xc0000000 + (q >> 8 & 0xffff), 4);
	at = put(at, 1024 + (r >> 48), 2);
	at = put(at, q >> 40 & 1 ? 443 : 53, 2);
	at = put(at, q >> 40 & 1 ? 6 : 17, 1);
	at = put(at, q >> 40 & 1 ? 0x1b : 0, 1);
	at = put(at, 0, 1);
	at = put(at, packets * (60 + (q >> 44 & 1023)), 8);
	at = put(at, packets, 8);
	at = put(at, (uint64_t)now_ms - (q >> 30 & 1023), 8);
	at = put(at, (uint64_t)now_ms, 8);
	at = put(at, 3, 4);
	at = put(at, 4, 4);
	return put(at, 0, 1);
}

static size_t make_datagram(uint8_t *to, const struct plan *p, uint64_t number, uint32_t sequence)
{
	int64_t now_ms = now_ns(CLOCK_REALTIME) / 1000000;
	uint8_t *at = put(to, 10, 2), *set;

	at = put(at, 0, 2);
	at = put(at, (uint64_t)now_ms / 1000, 4);
	at = put(at, sequence, 4);
	at = put(at, 1, 4);
	if (number % TEMPLATE_EVERY == 0) /* alone: it is not counted, and there is no room */
		at = put_template(at);
	set = at;
	at = put(at, 256, 2);
	at = put(at, 0, 2);
	for (int i = 0; i < (number % TEMPLATE_EVERY == 0 ? RECORDS / 2 : RECORDS); i++)
		at = put_record(at, p, now_ms);
	put(set + 2, (uint64_t)(at - set), 2);
	put(to + 2, (uint64_t)(at - to), 2);
	return (size_t)(at - to);
}

static void wait_for_turn(const struct plan *p, uint64_t sent, int64_t start_ns)
{
	int64_t due_ns = start_ns + (int64_t)((double)sent / (double)p->rate * 1e9);
	struct timespec due = { due_ns / 1000000000, due_ns % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static uint64_t run(const struct plan *p, int fd, uint64_t *datagrams)
{
	static uint8_t bytes[BURST][DATAGRAM_MAX];
	struct mmsghdr messages[BURST];
	struct iovec iov[BURST];
	int64_t start_ns = now_ns(CLOCK_MONOTONIC);
	uint64_t sent = 0;

	while (sent < p->records) {
		int len = 0, done = 0;

		for (; len < BURST && sent < p->records; len++) {
			uint64_t number = *datagrams + (uint64_t)len;

			iov[len] = (struct iovec){ bytes[len], make_datagram(bytes[len], p, number,
									     (uint32_t)sent) };
			messages[len] =
				(struct mmsghdr){ { .msg_iov = &iov[len], .msg_iovlen = 1 } };
			sent += number % TEMPLATE_EVERY == 0 ? RECORDS / 2 : RECORDS;
		}
		while (done < len) {
			int n = sendmmsg(fd, messages + done, (unsigned int)(len - done), 0);

			if (n < 0)
				return sent;
			done += n;
		}
		*datagrams += (uint64_t)len;
		if (p->rate)
			wait_for_turn(p, sent, start_ns);
	}
	return sent;
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct option_error error;
	struct plan plan = {};
	uint64_t datagrams = 0, sent;
	int64_t start_ns;
	int rest, fd;

	if (options_parse(rows, ARRAY_LEN(rows), &plan, argc, argv, &rest, &error)) {
		fprintf(stderr, "ipfixgen: %s\n", error.message);
		return 2;
	}
	if (plan.help) {
		options_help(rows, ARRAY_LEN(rows), stdout);
		return 0;
	}
	to.sin_port = htons((uint16_t)plan.port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror("ipfixgen");
		return 1;
	}
	start_ns = now_ns(CLOCK_MONOTONIC);
	sent = run(&plan, fd, &datagrams);
	printf("{\"records\": %" PRIu64 ", \"datagrams\": %" PRIu64 ", \"seconds\": %.3f}\n", sent,
	       datagrams, (double)(now_ns(CLOCK_MONOTONIC) - start_ns) / 1e9);
	return 0;
}
