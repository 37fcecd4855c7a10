// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Sockets in; a thread that reads what arrives and one that ships it. */
#include "user/collector/inlet.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include "user/collector/inlet_batch.h"
#include "user/collector/inlet_receive.h"
#include "user/collector/inlet_ship.h"
#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"
#include "user/exporters/datagram.h"
#include "user/lib/log.h"
#include "user/wire/batch.h"
#include "user/lib/clock.h"

struct inlet {
	struct inlet_ship *ship;
	const struct inlet_sockets *sockets;
	struct flow_sources *sources;
	struct inlet_receiver *receiver;
	uint8_t instance[16];
	uint64_t sequence;
	size_t rows; /* that wait in all sources */
	int stop_fd;
	pthread_t thread;
};

/* ---- from rows to batches ------------------------------------------------------------------- */

static void count(const struct flow_source *s)
{
	uint64_t refused = 0;

	for (int i = 0; i < REFUSALS; i++)
		refused += s->refused[i];
	metric_add(METRIC_EXPORTER_RECORDS, s->counts[EXPORT_RECORDED]);
	metric_add(METRIC_EXPORTER_REFUSED, refused);
	metric_add(METRIC_EXPORTER_MISSING_RECORDS, s->counts[EXPORT_MISSING_RECORDS]);
	metric_add(METRIC_EXPORTER_MISSING_DATAGRAMS, s->counts[EXPORT_MISSING_DATAGRAMS]);
}

/* Waits while the queue is full. */
static int flush(void *arg, struct flow_source *s)
{
	struct inlet *in = arg;
	struct batch *batch;
	size_t rows = s->rows_counted;
	int err;

	if (!s->has_news)
		return 0;
	count(s);
	err = inlet_batch_new(s, in->instance, in->sequence + 1, &batch);
	if (err)
		return err;
	in->sequence++;
	in->rows -= rows;
	inlet_ship_give(in->ship, batch, s->last_us);
	return 0;
}

static void flush_all(struct inlet *in)
{
	metric_set(METRIC_EXPORTER_SOURCES, flow_sources_len(in->sources));
	if (flow_sources_each(in->sources, flush, in))
		log_error("flow exporters: no memory: what waits stays for the next second");
}

static int read_one(void *arg, const struct datagram *d)
{
	struct inlet *in = arg;
	struct flow_source *s = NULL;
	int err;

	metric_add(METRIC_EXPORTER_DATAGRAMS, 1);
	metric_add(METRIC_EXPORTER_BYTES, d->bytes.left);
	err = datagram_read(in->sources, d, &s);
	if (err == -EPROTONOSUPPORT)
		metric_add(METRIC_EXPORTER_UNKNOWN, 1);
	else if (err)
		metric_add(METRIC_EXPORTER_NO_ROOM, 1);
	if (!s)
		return 0;
	in->rows += s->rows_len - s->rows_counted;
	s->rows_counted = s->rows_len;
	if (s->rows_len >= FLOW_SOURCE_ROWS_MAX)
		flush(in, s);
	else if (in->rows >= INLET_ROWS_MAX)
		flush_all(in);
	return 0;
}

/* ---- the thread ----------------------------------------------------------------------------- */

static void *receive_main(void *arg)
{
	struct inlet *in = arg;
	struct pollfd p[INLET_SOCKETS_MAX + 1] = { { in->stop_fd, POLLIN, 0 } };
	size_t len = in->sockets->len;
	int64_t due_ns = monotonic_ns() + INLET_FLUSH_NS;

	for (size_t i = 0; i < len; i++)
		p[i + 1] = (struct pollfd){ in->sockets->fds[i], POLLIN, 0 };
	while (!p[0].revents) {
		int64_t wait_ns = due_ns - monotonic_ns();
		size_t received = 0;

		poll(p, len + 1, wait_ns > 0 ? (int)(wait_ns / 1000000) + 1 : 0);
		for (size_t i = 0; i < len; i++)
			if (p[i + 1].revents)
				received +=
					inlet_receive(in->receiver, i, p[i + 1].fd, read_one, in);
		if (received && received < INLET_DATAGRAMS) /* being woken costs more than one */
			poll(p, 1, INLET_REST_MS);
		if (monotonic_ns() < due_ns)
			continue;
		flush_all(in);
		due_ns = monotonic_ns() + INLET_FLUSH_NS;
	}
	for (size_t i = 0; i < len; i++) /* what the buffers still hold */
		inlet_receive(in->receiver, i, p[i + 1].fd, read_one, in);
	flush_all(in);
	return NULL;
}

static void inlet_free(struct inlet *in)
{
	if (!in)
		return;
	inlet_ship_stop(in->ship);
	flow_sources_free(in->sources);
	inlet_receiver_free(in->receiver);
	close_fd(in->stop_fd);
	free(in);
}
DEFINE_AUTO(inlet_free, struct inlet *);

int inlet_start(struct pipeline *p, const struct committer *c, const struct inlet_sockets *s,
		struct inlet **ret)
{
	AUTO(inlet_free) struct inlet *in = calloc(1, sizeof(*in));
	int err;

	if (!in)
		return -ENOMEM;
	in->sockets = s;
	in->stop_fd = eventfd(0, EFD_CLOEXEC);
	in->sources = flow_sources_new();
	in->receiver = inlet_receiver_new();
	if (in->stop_fd < 0 || !in->sources || !in->receiver)
		return -ENOMEM;
	if (getrandom(in->instance, sizeof(in->instance), 0) != sizeof(in->instance))
		return -EIO;
	err = inlet_ship_start(p, c, &in->ship);
	if (!err)
		err = -pthread_create(&in->thread, NULL, receive_main, in);
	if (err)
		return err;
	pthread_setname_np(in->thread, "exporters");
	*ret = TAKE(in);
	return 0;
}

void inlet_stop(struct inlet *in)
{
	uint64_t one = 1;

	if (!in)
		return;
	inlet_ship_hurry(in->ship); /* the other may wait for room in its queue */
	if (write(in->stop_fd, &one, sizeof(one)) != sizeof(one))
		log_error("flow exporters: stop: %s", strerror(errno));
	pthread_join(in->thread, NULL);
	inlet_free(in);
}

/* ---- sockets -------------------------------------------------------------------------------- */

int inlet_sockets_parse(const char *text, struct inlet_sockets *ret)
{
	*ret = (struct inlet_sockets){ 0 };
	while (*text) {
		size_t len = strcspn(text, ",");
		char one[LISTEN_TEXT_MAX];

		if (len >= sizeof(one))
			return -EINVAL;
		if (ret->len == INLET_SOCKETS_MAX)
			return -E2BIG;
		memcpy(one, text, len);
		one[len] = '\0';
		ret->fds[ret->len] = -1;
		if (listen_parse(one, &ret->addresses[ret->len++]))
			return -EINVAL;
		text += len + (text[len] == ',');
	}
	return ret->len ? 0 : -EINVAL;
}

int inlet_sockets_open(struct inlet_sockets *s, size_t receive_bytes)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->len; i++)
		err = listen_udp(&s->addresses[i], receive_bytes, &s->fds[i]);
	return err;
}

void inlet_sockets_close(struct inlet_sockets *s)
{
	for (size_t i = 0; i < s->len; i++)
		close_fd(s->fds[i]);
	s->len = 0;
}
