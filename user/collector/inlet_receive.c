// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A readable socket in, datagrams with their senders out. */
#include "user/collector/inlet_receive.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "user/collector/inlet.h"
#include "user/collector/metrics.h"
#include "user/collector/pipeline.h"
#include "user/lib/log.h"
#include "user/lib/clock.h"

struct slot {
	struct sockaddr_storage from;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(uint32_t))];
	} control;
	struct iovec iov;
};

struct inlet_receiver {
	struct mmsghdr messages[INLET_DATAGRAMS];
	struct slot slots[INLET_DATAGRAMS];
	uint32_t drops[INLET_SOCKETS_MAX]; /* the kernel's count, when it was last seen */
	int last_error;
	uint8_t buffers[INLET_DATAGRAMS][INLET_DATAGRAM_MAX];
};

struct inlet_receiver *inlet_receiver_new(void)
{
	return calloc(1, sizeof(struct inlet_receiver));
}

void inlet_receiver_free(struct inlet_receiver *r)
{
	free(r);
}

/* What the last call wrote over. */
static void prepare(struct inlet_receiver *r)
{
	for (size_t i = 0; i < INLET_DATAGRAMS; i++) {
		struct slot *s = &r->slots[i];

		s->iov = (struct iovec){ r->buffers[i], INLET_DATAGRAM_MAX };
		r->messages[i].msg_hdr = (struct msghdr){
			.msg_name = &s->from,
			.msg_namelen = sizeof(s->from),
			.msg_iov = &s->iov,
			.msg_iovlen = 1,
			.msg_control = &s->control,
			.msg_controllen = sizeof(s->control),
		};
	}
}

/* SO_RXQ_OVFL: since the socket was made, 32 bits. */
static void count_drops(struct inlet_receiver *r, size_t socket, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		uint32_t drops;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&drops, CMSG_DATA(c), sizeof(drops));
		metric_add(METRIC_EXPORTER_RECEIVE_DROPS, drops - r->drops[socket]);
		r->drops[socket] = drops;
	}
}

static void set_sender(const struct sockaddr_storage *from, struct datagram *d)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;

	memset(d->address, 0, sizeof(d->address));
	if (from->ss_family == AF_INET6) {
		memcpy(d->address, &in6->sin6_addr, 16);
		d->port = ntohs(in6->sin6_port);
		return;
	}
	d->address[10] = d->address[11] = 0xff;
	memcpy(d->address + 12, &in->sin_addr, 4);
	d->port = ntohs(in->sin_port);
}

size_t inlet_receive(struct inlet_receiver *r, size_t i, int fd, inlet_datagram_fn *fn, void *arg)
{
	size_t received = 0;

	for (int calls = 0; calls < INLET_CALLS; calls++) {
		struct datagram d = { .arrived_us = wall_us() };
		int len;

		prepare(r);
		len = recvmmsg(fd, r->messages, INLET_DATAGRAMS, MSG_DONTWAIT, NULL);
		if (len < 0 && errno != EAGAIN && errno != EINTR && errno != r->last_error) {
			r->last_error = errno;
			log_error("flow exporters: receive: %s", strerror(errno));
		}
		for (int k = 0; k < len; k++) {
			count_drops(r, i, &r->messages[k].msg_hdr);
			set_sender(&r->slots[k].from, &d);
			d.bytes = (struct bytes){ r->buffers[k], r->messages[k].msg_len };
			fn(arg, &d);
			received++;
		}
		if (len < INLET_DATAGRAMS)
			break;
	}
	return received;
}
