// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/*
 * Many agents at once, each with a connection of its own that stays open: every --every a batch of
 * --rows rows, --rounds times. All batches are of one interval, so that their ledgers add up. A
 * 429 or 503 is tried again when the collector says. Prints what became of them as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "user/lib/addr.h"
#include "user/lib/options.h"
#include "user/wire/batch.h"

#define AT(field) offsetof(struct plan, field)
#define HEAD_MAX 256
#define TAIL_MAX 128
#define REPLY_MAX 4096

struct plan {
	const char *socket;
	uint64_t agents, rows, rounds, every_ms;
	bool help;
};

static const struct option_row rows[] = {
	{ "socket", 's', OPTION_TEXT, AT(socket), "PATH", NULL, .help = "the collector's" },
	{ "agents", 'a', OPTION_NUMBER, AT(agents), "N", "1000", .min = 1, .max = 100000,
	  .help = "how many" },
	{ "rows", 'r', OPTION_NUMBER, AT(rows), "N", "10", .min = 1, .max = 16384,
	  .help = "a batch" },
	{ "rounds", 'n', OPTION_NUMBER, AT(rounds), "N", "3", .min = 1, .help = "batches each" },
	{ "every", 0, OPTION_NUMBER, AT(every_ms), "MS", "1000", .help = "between batches" },
	{ "help", 'h', OPTION_FLAG, AT(help), .help = "print this" },
};

/* A batch is a head of HTTP, what all have in common, and fields that are an agent's own. */
struct agent {
	int fd; /* -1: not connected */
	uint32_t number;
	uint64_t sequence; /* of the batch that is due or under way; 0: done */
	int64_t due_ns, sent_ns;
	bool is_busy;
	char head[HEAD_MAX];
	uint8_t tail[TAIL_MAX];
	size_t head_len, tail_len, sent; /* sent: bytes of all three */
	char reply[REPLY_MAX];
	size_t reply_len;
};

struct swarm {
	const struct plan *plan;
	int epoll;
	uint8_t *body;
	size_t body_len;
	struct agent *agents;
	uint64_t acknowledged, retries, failed, lost_connections;
	uint32_t *latencies_us;
	int64_t first_ns;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- bodies --------------------------------------------------------------------------------- */

static void count(struct ledger_row *l, const char *name, const struct batch *b)
{
	struct ledger_count *c = &l->counts[l->counts_len++];

	snprintf(c->name, sizeof(c->name), "%s", name);
	for (size_t i = 0; i < b->flows_len; i++) {
		c->packets += b->flows[i].packets;
		c->octets += b->flows[i].l2_octets;
	}
}

static int make_body(struct swarm *s)
{
	AUTO(batch_free) struct batch *b = calloc(1, sizeof(*b));
	int64_t at_us = time(NULL) * INT64_C(1000000);

	b->head = (struct batch_head){ .schema = BATCH_SCHEMA, .sequence = 1, .interval = 1 };
	strcpy(b->head.agent, "swarm");
	b->flows_len = s->plan->rows;
	b->flows = calloc(b->flows_len, sizeof(*b->flows));
	for (size_t i = 0; i < b->flows_len; i++) {
		struct flow *f = &b->flows[i];

		*f = (struct flow){ .ifindex = 2,
				    .src_port = (uint16_t)(1024 + i),
				    .dst_port = 443,
				    .ethertype = 0x0800,
				    .proto = 6,
				    .flags = FLOW_COUNTED,
				    .packets = 1 + i % 16,
				    .l2_octets = 100 * (1 + i % 16),
				    .l3_octets = 86 * (1 + i % 16),
				    .start_us = at_us - 1000000,
				    .end_us = at_us - (int64_t)(i % 1000) };
		addr_parse("10.0.0.0", f->src);
		addr_parse("192.0.2.1", f->dst);
		f->src[14] = (uint8_t)(i >> 8);
		f->src[15] = (uint8_t)i;
	}
	b->ledger_len = 1;
	b->ledger = calloc(1, sizeof(*b->ledger));
	*b->ledger = (struct ledger_row){
		.interval = 1, .start_us = at_us - 1000000, .end_us = at_us, .ifindex = 2
	};
	count(b->ledger, "seen", b);
	count(b->ledger, "recorded", b);
	return batch_encode(b, &s->body, &s->body_len);
}

/* Protobuf: of a field that comes twice the last one holds. */
static void own_fields(struct agent *a)
{
	uint64_t n = a->sequence;
	char name[32];
	int len = snprintf(name, sizeof(name), "swarm-%u", a->number);
	uint8_t *at = a->tail;

	*at++ = 2 << 3 | 2; /* agent */
	*at++ = (uint8_t)len;
	memcpy(at, name, (size_t)len);
	at += len;
	*at++ = 3 << 3 | 2; /* instance */
	*at++ = 16;
	memset(at, 7, 16);
	at += 16;
	*at++ = 4 << 3; /* sequence */
	for (; n > 127; n >>= 7)
		*at++ = (uint8_t)(n | 128);
	*at++ = (uint8_t)n;
	a->tail_len = (size_t)(at - a->tail);
}

static void begin(struct swarm *s, struct agent *a, int64_t now)
{
	own_fields(a);
	a->head_len = (size_t)snprintf(a->head, sizeof(a->head),
				       "POST /v1/batches HTTP/1.1\r\nHost: localhost\r\n"
				       "Content-Type: application/x-protobuf\r\n"
				       "Content-Length: %zu\r\n\r\n",
				       s->body_len + a->tail_len);
	a->sent = a->reply_len = 0;
	a->is_busy = true;
	if (!a->sent_ns)
		a->sent_ns = now;
}

/* ---- one connection ------------------------------------------------------------------------- */

static int open_connection(struct swarm *s, struct agent *a)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = a };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", s->plan->socket);
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0 || connect(a->fd, (struct sockaddr *)&un, sizeof(un)) ||
	    epoll_ctl(s->epoll, EPOLL_CTL_ADD, a->fd, &e)) {
		close_fd(TAKE_FD(a->fd));
		return -errno;
	}
	return 0;
}

static void lose_connection(struct swarm *s, struct agent *a, int64_t now)
{
	close_fd(TAKE_FD(a->fd));
	s->lost_connections++;
	a->is_busy = false;
	a->due_ns = now + 200000000;
}

/* False: the connection is gone. */
static bool write_on(struct swarm *s, struct agent *a)
{
	const struct {
		const void *at;
		size_t len;
	} parts[] = { { a->head, a->head_len },
		      { s->body, s->body_len },
		      { a->tail, a->tail_len } };
	size_t before = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		while (a->sent < before + parts[i].len) {
			size_t at = a->sent - before;
			ssize_t n = send(a->fd, (const char *)parts[i].at + at, parts[i].len - at,
					 MSG_DONTWAIT | MSG_NOSIGNAL);

			if (n < 0)
				return errno == EAGAIN;
			a->sent += (size_t)n;
		}
		before += parts[i].len;
	}
	return true;
}

static void judge(struct swarm *s, struct agent *a, int status, int64_t now)
{
	const char *retry = strcasestr(a->reply, "retry-after:");

	a->is_busy = false;
	if (status == 429 || status == 503) {
		s->retries++;
		a->due_ns = now + (retry ? atoi(retry + 12) : 1) * INT64_C(1000000000);
		return;
	}
	if (status == 200) {
		s->latencies_us[s->acknowledged++] = (uint32_t)((now - a->sent_ns) / 1000);
	} else {
		s->failed++;
		fprintf(stderr, "swarm: agent %u: %.200s\n", a->number, a->reply);
	}
	a->sent_ns = 0;
	a->due_ns = s->first_ns + (int64_t)(a->sequence * s->plan->every_ms) * 1000000 +
		    (int64_t)(a->number * s->plan->every_ms * 1000000 / s->plan->agents);
	a->sequence = a->sequence < s->plan->rounds ? a->sequence + 1 : 0;
}

/* True when the whole answer is there. */
static bool is_whole(const struct agent *a)
{
	const char *end = strstr(a->reply, "\r\n\r\n");
	const char *length = strcasestr(a->reply, "content-length:");

	return end && length &&
	       a->reply_len >= (size_t)(end + 4 - a->reply) + strtoul(length + 15, NULL, 10);
}

static bool read_on(struct swarm *s, struct agent *a, int64_t now)
{
	for (;;) {
		ssize_t n = recv(a->fd, a->reply + a->reply_len, REPLY_MAX - 1 - a->reply_len,
				 MSG_DONTWAIT);

		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		a->reply_len += (size_t)n;
		a->reply[a->reply_len] = '\0';
		if (a->is_busy && is_whole(a)) {
			judge(s, a, atoi(a->reply + 9), now);
			return true;
		}
	}
}

/* ---- all ------------------------------------------------------------------------------------ */

static bool start_due(struct swarm *s, int64_t now)
{
	bool any = false;

	for (uint64_t i = 0; i < s->plan->agents; i++) {
		struct agent *a = &s->agents[i];

		any |= a->sequence != 0;
		if (!a->sequence || a->is_busy || a->due_ns > now)
			continue;
		if (a->fd < 0 && open_connection(s, a)) {
			a->due_ns = now + 200000000;
			continue;
		}
		begin(s, a, now);
		if (!write_on(s, a))
			lose_connection(s, a, now);
	}
	return any;
}

static void run(struct swarm *s)
{
	struct epoll_event events[256];
	int n;

	s->first_ns = now_ns();
	for (uint64_t i = 0; i < s->plan->agents; i++)
		s->agents[i] = (struct agent){
			.fd = -1,
			.number = (uint32_t)i,
			.sequence = 1,
			.due_ns = s->first_ns +
				  (int64_t)(i * s->plan->every_ms * 1000000 / s->plan->agents),
		};
	while (start_due(s, now_ns())) {
		n = epoll_wait(s->epoll, events, ARRAY_LEN(events), 2);
		for (int i = 0; i < n; i++) {
			struct agent *a = events[i].data.ptr;
			int64_t now = now_ns();

			if (a->fd < 0)
				continue;
			if ((a->is_busy && !write_on(s, a)) || !read_on(s, a, now))
				lose_connection(s, a, now);
		}
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void print(const struct swarm *s, double seconds)
{
	uint64_t n = s->acknowledged;

	qsort(s->latencies_us, n, sizeof(*s->latencies_us), compare);
	printf("{\"agents\": %" PRIu64 ", \"acknowledged\": %" PRIu64 ", \"rows\": %" PRIu64
	       ", \"retries\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"lost_connections\": %" PRIu64
	       ", \"seconds\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
	       s->plan->agents, n, n * s->plan->rows, s->retries, s->failed, s->lost_connections,
	       seconds, n ? s->latencies_us[n / 2] / 1e3 : 0.0,
	       n ? s->latencies_us[n * 99 / 100] / 1e3 : 0.0);
}

int main(int argc, char **argv)
{
	struct rlimit files = { 100100, 100100 };
	struct option_error error;
	struct plan plan = {};
	struct swarm s = { .plan = &plan };
	int rest;

	if (options_parse(rows, ARRAY_LEN(rows), &plan, argc, argv, &rest, &error)) {
		fprintf(stderr, "swarm: %s\n", error.message);
		return 2;
	}
	if (plan.help || !plan.socket) {
		options_help(rows, ARRAY_LEN(rows), stdout);
		return plan.help ? 0 : 2;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	s.agents = calloc(plan.agents, sizeof(*s.agents));
	s.latencies_us = calloc(plan.agents * plan.rounds, sizeof(*s.latencies_us));
	if (s.epoll < 0 || !s.agents || !s.latencies_us || make_body(&s))
		return 1;
	run(&s);
	print(&s, (double)(now_ns() - s.first_ns) / 1e9);
	return s.failed ? 1 : 0;
}
