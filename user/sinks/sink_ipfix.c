// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Rows in, messages of IPFIX or NetFlow v9 over UDP or TCP out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "user/lib/cleanup.h"
#include "user/lib/clock.h"
#include "user/sinks/connection_message.h"
#include "user/sinks/drop_message.h"
#include "user/sinks/sink.h"
#include "user/sinks/sink_kind.h"
#include "user/sinks/sink_socket.h"
#include "user/sinks/sink_tls.h"

#define BURST_NS 1000000
#define ENTERPRISE_DEFAULT 32473 /* RFC 5612: for examples; we have none of our own */

enum flavour { IPFIX_UDP, IPFIX_TCP, IPFIX_TLS, NETFLOW9 };

struct ipfix {
	struct sink *sink;
	bool is_tcp;
	uint64_t rate;
	const char *host, *port;
	struct sink_socket socket;
	struct sink_tls *tls; /* NULL: none */
	struct flow_message message;
	struct flow_message_interface described; /* the last one */
	int64_t next_ns; /* of a paced message */
};

static void ipfix_free(void *own)
{
	struct ipfix *x = own;

	if (x)
		sink_tls_free(x->tls);
	free(x);
}
DEFINE_AUTO(ipfix_free, struct ipfix *);

/*
 * No faster than the rate: a commit's rows come all at once. What is due within BURST_NS goes at
 * once: a sleep costs as much as some messages, and none is that short.
 */
static void pace(struct ipfix *x, uint32_t records)
{
	int64_t now_ns = monotonic_ns();
	struct timespec until;

	if (x->is_tcp)
		return;
	if (x->next_ns < now_ns)
		x->next_ns = now_ns;
	until = (struct timespec){ x->next_ns / 1000000000, x->next_ns % 1000000000 };
	if (x->next_ns - now_ns > BURST_NS)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	x->next_ns += (int64_t)((uint64_t)records * 1000000000 / x->rate);
}

static int send_message(void *arg, const uint8_t *bytes, size_t len, uint32_t records)
{
	struct ipfix *x = arg;
	int err;

	pace(x, records);
	err = x->tls ? sink_tls_send(x->tls, bytes, len) : sink_socket_send(&x->socket, bytes, len);
	if (!err)
		sink_confirm(x->sink, records, len);
	return err;
}

static int make_tls(struct ipfix *x, struct sink_url *url)
{
	const char *cert = sink_url_option(url, "cert"), *key = sink_url_option(url, "key");

	if (!cert != !key)
		return -EINVAL;
	return sink_tls_new(sink_url_option(url, "ca"), cert, key, &x->tls);
}

static int ipfix_make(const struct sink_kind *kind, struct sink *sink, struct sink_url *url,
		      void **ret, const char **why)
{
	AUTO(ipfix_free) struct ipfix *x = calloc(1, sizeof(*x));
	uint64_t domain = 0, options = kind->flavour == NETFLOW9;
	uint64_t connections = 0, enterprise = ENTERPRISE_DEFAULT;

	if (!x)
		return -ENOMEM;
	x->sink = sink;
	x->is_tcp = kind->flavour == IPFIX_TCP || kind->flavour == IPFIX_TLS;
	x->rate = SINK_RATE_DEFAULT;
	x->socket.fd = -1;
	if (*url->path || sink_url_host(url, &x->host, &x->port))
		return -EINVAL;
	*why = "behind ? may stand rate=N, domain=N, options=0|1, all=1, and of IPFIX connections=0|1, drops=0|1 and enterprise=N, joined by &";
	if (sink_url_number(url, "rate", 1, UINT32_MAX, &x->rate) ||
	    sink_url_number(url, "domain", 0, UINT32_MAX, &domain) ||
	    sink_url_number(url, "options", 0, 1, &options))
		return -EINVAL;
	if (kind->flavour != NETFLOW9 &&
	    (sink_url_number(url, "connections", 0, 1, &connections) ||
	     sink_url_number(url, "enterprise", 1, UINT32_MAX, &enterprise)))
		return -EINVAL;
	if (kind->flavour == IPFIX_TLS && make_tls(x, url)) {
		*why = "behind ? may stand ca=FILE, and cert=FILE and key=FILE together, in PEM";
		return -EINVAL;
	}
	flow_message_init(&x->message, kind->flavour == NETFLOW9, (uint32_t)domain, wall_us(),
			  send_message, x);
	x->message.with_options = options;
	x->message.with_connections = connections;
	x->message.with_drops = sink_takes_drops(sink);
	x->message.enterprise = (uint32_t)enterprise;
	sink_set_takes_connections(sink, connections);
	*ret = TAKE(x);
	return 0;
}

static int ipfix_open(void *own)
{
	struct ipfix *x = own;
	int err = sink_socket_open(&x->socket, x->host, x->port, x->is_tcp);

	if (!err && x->tls)
		err = sink_tls_begin(x->tls, x->socket.fd, x->host);
	if (err)
		sink_socket_close(&x->socket);
	else
		flow_message_restart(&x->message);
	return err;
}

/* Names and sampling go along as options. */
static void describe(struct ipfix *x, const struct sink_rows *rows, const struct flow *f)
{
	const char *name;

	if (f->ifindex == x->described.index && f->sampling == x->described.sampling)
		return;
	name = sink_interface_name(rows, f->ifindex, f->netns);
	x->described =
		(struct flow_message_interface){ .index = f->ifindex, .sampling = f->sampling };
	snprintf(x->described.name, sizeof(x->described.name), "%s", name ? name : "");
	flow_message_describe(&x->message, &x->described);
}

/* From number i on. */
static size_t rows_alike(const struct sink_rows *rows, size_t i)
{
	size_t end = rows->flows_len;

	if (i >= end)
		end += rows->connections_len;
	if (i >= end)
		end += rows->drops_len;
	return end - i;
}

static int add_rows(struct flow_message *m, const struct sink_row *first, size_t len)
{
	if (first->flow)
		return flow_message_add(m, first->flow, len, wall_us());
	if (first->connection)
		return connection_message_add(m, first->connection, len, wall_us());
	return drop_message_add(m, first->drop, len, wall_us());
}

static int ipfix_deliver(void *own, const struct sink_rows *rows, size_t from)
{
	struct ipfix *x = own;
	struct sink_row row;
	int err = 0;

	for (size_t i = from; i < rows->flows_len; i++)
		describe(x, rows, &rows->flows[i]);
	if (sink_socket_take_refused(&x->socket)) /* whoever comes knows no templates */
		flow_message_forget(&x->message);
	for (size_t i = from, n; !err && i < sink_rows_len(rows); i += n) {
		row = sink_row(rows, i);
		n = rows_alike(rows, i);
		err = add_rows(&x->message, &row, n);
	}
	return err ? err : flow_message_flush(&x->message, wall_us());
}

static void ipfix_close(void *own)
{
	struct ipfix *x = own;

	if (x->tls)
		sink_tls_end(x->tls);
	sink_socket_close(&x->socket);
}

#define IPFIX(of_scheme, of_flavour)                 \
	{                                            \
		.scheme = (of_scheme),               \
		.flavour = (of_flavour),             \
		.has_drops = of_flavour != NETFLOW9, \
		.is_ip_only = true,                  \
		.make = ipfix_make,                  \
		.open = ipfix_open,                  \
		.deliver = ipfix_deliver,            \
		.close = ipfix_close,                \
		.free = ipfix_free,                  \
	}
const struct sink_kind sink_ipfix_udp = IPFIX("ipfix:", IPFIX_UDP);
const struct sink_kind sink_ipfix_tcp = IPFIX("ipfix+tcp:", IPFIX_TCP);
const struct sink_kind sink_ipfix_tls = IPFIX("ipfix+tls:", IPFIX_TLS);
const struct sink_kind sink_netflow9 = IPFIX("netflow9:", NETFLOW9);
