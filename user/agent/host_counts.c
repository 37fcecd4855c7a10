// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* The kernel's statistics in, named counts into the table out. */
#include "user/agent/host_counts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "kern/abi_signal.h"
#include "user/agent/geometry.h"
#include "user/agent/host_links.h"
#include "user/agent/host_table.h"
#include "user/agent/mib.h"
#include "user/wire/signal.h"

#define TEXT_MAX 32768 /* of a file under /proc/net; netstat has about 5,000 bytes */

struct host_counts {
	struct host_table *table;
	struct host_links *links;
	uint32_t netns; /* the agent's */
	uint32_t visited; /* the namespace whose MIBs are read */
	uint32_t namespaces; /* in this sweep */
	struct softnet softnet[GEOMETRY_CPUS_MAX]; /* at the last sweep, by CPU */
	uint64_t softnet_dropped; /* over all CPUs, from the first sweep on */
	uint64_t softnet_squeezed;
	char text[TEXT_MAX];
};

int host_counts_new(struct host_page *page, uint32_t limit, uint32_t netns,
		    struct host_counts **ret)
{
	AUTO(host_counts_free) struct host_counts *h = calloc(1, sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	h->netns = netns;
	err = host_table_new(page, limit, &h->table);
	if (!err)
		err = host_links_open(&h->links);
	if (err)
		return err;
	*ret = TAKE(h);
	return 0;
}

void host_counts_free(struct host_counts *h)
{
	if (!h)
		return;
	host_table_free(h->table);
	host_links_close(h->links);
	free(h);
}

void host_counts_begin(struct host_counts *h, uint64_t taken)
{
	host_table_begin(h->table, taken);
	h->namespaces = 0;
}

/* ---- sockets ------------------------------------------------------------------------------- */

static void add_states(struct host_counts *h, uint32_t netns, const char *family,
		       const uint32_t counts[WT_SOCKET_STATES])
{
	static const char *const states[WT_SOCKET_STATES] = {
		[1] = "ESTABLISHED", [2] = "SYN_SENT",	[3] = "SYN_RECV", [4] = "FIN_WAIT1",
		[5] = "FIN_WAIT2",   [6] = "TIME_WAIT", [7] = "CLOSE",	  [8] = "CLOSE_WAIT",
		[9] = "LAST_ACK",    [10] = "LISTEN",	[11] = "CLOSING",
	};
	char name[HOST_COUNT_NAME_MAX];

	for (int i = 0; i < WT_SOCKET_STATES; i++) {
		if (!states[i])
			continue;
		snprintf(name, sizeof(name), "sockets/%s/%s", family, states[i]);
		host_table_gauge(h->table, netns, name, counts[i]);
	}
}

static void add_sockets(struct host_counts *h, uint32_t netns, const struct wt_sockets *s)
{
	add_states(h, netns, "ipv4", s->states[0]);
	add_states(h, netns, "ipv6", s->states[1]);
	host_table_gauge(h->table, netns, "tcp/listen_queue_sum", s->queue_sum);
	host_table_gauge(h->table, netns, "tcp/listen_queue_max", s->queue_max);
	host_table_gauge(h->table, netns, "tcp/listen_queue_limit", s->queue_limit);
	host_table_gauge(h->table, netns, "tcp/listen_queues_full", s->queues_full);
}

/* ---- /proc/net ----------------------------------------------------------------------------- */

/* A file of the calling thread's namespace, as text. False without it, or when it is too long. */
static bool read_text(struct host_counts *h, const char *name)
{
	char path[64];
	AUTO_FD int fd = -1;
	size_t len = 0;
	ssize_t got;

	/* /proc/net is the main thread's */
	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	do {
		got = read(fd, h->text + len, TEXT_MAX - 1 - len);
		len += got > 0 ? got : 0;
	} while (got > 0 && len < TEXT_MAX - 1);
	h->text[len] = '\0';
	return !got;
}

static void add_mib(void *arg, const char *name, uint64_t value)
{
	struct host_counts *h = arg;

	/* A namespace that the first sweep did not find was made since. */
	host_table_counter(h->table, h->visited, 0, name, value, !host_table_is_first(h->table));
}

void host_counts_netns(struct host_counts *h, uint32_t netns, const struct wt_sockets *sockets)
{
	h->visited = netns;
	h->namespaces++;
	if (sockets)
		add_sockets(h, netns, sockets);
	if (read_text(h, "snmp"))
		mib_parse_pairs(h->text, add_mib, h);
	if (read_text(h, "netstat"))
		mib_parse_pairs(h->text, add_mib, h);
	if (read_text(h, "snmp6"))
		mib_parse_lines(h->text, add_mib, h);
}

/* Words of 32 bits, which wrap: what they grew by is added up here. */
static void add_softnet(struct host_counts *h)
{
	struct softnet now[GEOMETRY_CPUS_MAX];
	bool is_first = host_table_is_first(h->table);
	size_t len = read_text(h, "softnet_stat") ? softnet_parse(h->text, now, ARRAY_LEN(now)) : 0;

	for (size_t i = 0; i < len; i++) {
		struct softnet *last = &h->softnet[now[i].cpu];

		if (now[i].cpu >= GEOMETRY_CPUS_MAX)
			continue;
		if (!is_first) {
			h->softnet_dropped += now[i].dropped - last->dropped;
			h->softnet_squeezed += now[i].time_squeeze - last->time_squeeze;
		}
		*last = now[i];
	}
	host_table_counter(h->table, 0, 0, "softnet/dropped", h->softnet_dropped, true);
	host_table_counter(h->table, 0, 0, "softnet/time_squeeze", h->softnet_squeezed, true);
}

void host_counts_end(struct host_counts *h)
{
	/* Never 0, so there is always something to ship: it tells that all other gauges are. */
	host_table_gauge(h->table, 0, "host_counts/namespaces", h->namespaces);
	add_softnet(h);
	host_links_look(h->links, h->table, h->netns);
	host_table_end(h->table);
}
