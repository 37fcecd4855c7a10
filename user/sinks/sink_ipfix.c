// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, messages of IPFIX or NetFlow v9 over UDP or TCP out. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/sinks/flow_message.h"
#include "user/sinks/sink.h"
#include "user/sinks/sink_kind.h"
#include "user/sinks/sink_socket.h"

enum flavour { IPFIX_UDP, IPFIX_TCP, NETFLOW9 };

struct ipfix {
	struct sink *sink;
	bool is_tcp;
	uint64_t rate;
	const char *host, *port;
	struct sink_socket socket;
	struct flow_message message;
	int64_t next_ns; /* of a paced message */
};

/* No faster than the rate: a commit's rows come all at once. */
static void pace(struct ipfix *x, uint32_t records)
{
	int64_t now_ns = monotonic_ns();
	struct timespec until;

	if (x->is_tcp)
		return;
	if (x->next_ns < now_ns)
		x->next_ns = now_ns;
	until = (struct timespec){ x->next_ns / 1000000000, x->next_ns % 1000000000 };
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	x->next_ns += (int64_t)((uint64_t)records * 1000000000 / x->rate);
}

static int send_message(void *arg, const uint8_t *bytes, size_t len, uint32_t records)
{
	struct ipfix *x = arg;
	int err;

	pace(x, records);
	err = sink_socket_send(&x->socket, bytes, len);
	if (!err)
		sink_confirm(x->sink, records, len);
	return err;
}

static int ipfix_make(const struct sink_kind *kind, struct sink *sink, struct sink_url *url,
		      void **ret, const char **why)
{
	AUTO_FREE struct ipfix *x = calloc(1, sizeof(*x));
	uint64_t domain = 0;

	if (!x)
		return -ENOMEM;
	x->sink = sink;
	x->is_tcp = kind->flavour == IPFIX_TCP;
	x->rate = SINK_RATE_DEFAULT;
	x->socket.fd = -1;
	if (*url->path || sink_url_host(url, &x->host, &x->port))
		return -EINVAL;
	*why = "behind ? may stand rate=N, domain=N and all=1, joined by &";
	if (sink_url_number(url, "rate", 1, UINT32_MAX, &x->rate) ||
	    sink_url_number(url, "domain", 0, UINT32_MAX, &domain))
		return -EINVAL;
	flow_message_init(&x->message, kind->flavour == NETFLOW9, (uint32_t)domain, wall_us(),
			  send_message, x);
	*ret = TAKE(x);
	return 0;
}

static int ipfix_open(void *own)
{
	struct ipfix *x = own;
	int err = sink_socket_open(&x->socket, x->host, x->port, x->is_tcp);

	if (!err)
		flow_message_restart(&x->message);
	return err;
}

static int ipfix_deliver(void *own, const struct sink_rows *rows, size_t from)
{
	struct ipfix *x = own;
	int err = flow_message_add(&x->message, rows->flows + from, rows->flows_len - from,
				   wall_us());

	return err ? err : flow_message_flush(&x->message, wall_us());
}

static void ipfix_close(void *own)
{
	struct ipfix *x = own;

	sink_socket_close(&x->socket);
}

#define IPFIX(of_scheme, of_flavour)      \
	{                                 \
		.scheme = (of_scheme),    \
		.flavour = (of_flavour),  \
		.is_ip_only = true,       \
		.make = ipfix_make,       \
		.open = ipfix_open,       \
		.deliver = ipfix_deliver, \
		.close = ipfix_close,     \
		.free = free,             \
	}
const struct sink_kind sink_ipfix_udp = IPFIX("ipfix:", IPFIX_UDP);
const struct sink_kind sink_ipfix_tcp = IPFIX("ipfix+tcp:", IPFIX_TCP);
const struct sink_kind sink_netflow9 = IPFIX("netflow9:", NETFLOW9);
