// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Names in, connected sockets out; bytes in, all of them sent or an error out. */
#include "user/sinks/sink_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "user/lib/cleanup.h"
#include "user/sinks/sink.h"

#define REFUSED_MAX 16 /* errors of datagrams before that one may meet */
#define SEND_S 10 /* a stream that takes nothing for so long is broken */

static int wait_connected(int fd)
{
	struct pollfd p = { fd, POLLOUT, 0 };
	socklen_t len = sizeof(int);
	int err = 0;

	if (poll(&p, 1, SINK_CONNECT_MS) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	return -err;
}

static int open_one(const struct addrinfo *at, int *ret_fd)
{
	AUTO_FD int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct timeval patience = { .tv_sec = SEND_S };
	int err = 0, on = 1, flags = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, at->ai_addr, at->ai_addrlen))
		err = errno == EINPROGRESS ? wait_connected(fd) : -errno;
	if (err)
		return err;
	if (at->ai_socktype == SOCK_STREAM) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    ioctl(fd, FIONBIO, &flags))
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int sink_socket_open(struct sink_socket *s, const char *host, const char *port, bool is_tcp)
{
	struct addrinfo hints = { .ai_socktype = is_tcp ? SOCK_STREAM : SOCK_DGRAM }, *list;
	int err = -EHOSTUNREACH;

	s->fd = -1;
	s->is_tcp = is_tcp;
	if (getaddrinfo(host, port, &hints, &list))
		return err;
	for (const struct addrinfo *at = list; err && at; at = at->ai_next)
		err = open_one(at, &s->fd);
	freeaddrinfo(list);
	return err;
}

void sink_socket_close(struct sink_socket *s)
{
	close_fd(TAKE_FD(s->fd));
}

bool sink_socket_take_refused(struct sink_socket *s)
{
	bool was_refused = s->was_refused;
	socklen_t len = sizeof(int);
	int err = 0;

	s->was_refused = false;
	if (s->is_tcp || getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return false;
	return was_refused || err == ECONNREFUSED;
}

int sink_socket_send(struct sink_socket *s, const uint8_t *bytes, size_t len)
{
	for (int tries = 0; len;) {
		ssize_t n = send(s->fd, bytes, len, MSG_NOSIGNAL);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (!s->is_tcp && errno == ECONNREFUSED && tries++ < REFUSED_MAX) {
			/* of one before: the error is taken, this one was not sent yet */
			s->was_refused = true;
		} else if (errno != EINTR) {
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		}
	}
	return 0;
}
