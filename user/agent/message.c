// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Fixed-size messages over a socket pair. */
#include "user/agent/message.h"

#include <errno.h>
#include <sys/socket.h>

int message_send(int fd, const struct message *m)
{
	return send(fd, m, sizeof(*m), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int message_receive(int fd, struct message *m)
{
	ssize_t got = recv(fd, m, sizeof(*m), MSG_DONTWAIT);

	if (got < 0)
		return -errno;
	return got == sizeof(*m) ? 0 : -EPIPE;
}
