/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* In: frames. Out: the same frames on a device. */
#include "tests/tools/lib/raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include "user/lib/cleanup.h"

#define BUFFER_BYTES (4 << 20)
#define RETRIES 1000 /* of a millisecond each */

int raw_open(const char *dev)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = if_nametoindex(dev),
	};
	AUTO_FD int fd = -1;
	int bytes = BUFFER_BYTES;

	if (!to.sll_ifindex)
		return -ENODEV;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: receives nothing */
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (bind(fd, (struct sockaddr *)&to, sizeof(to)))
		return -errno;
	return TAKE_FD(fd);
}

int raw_send(int fd, const void *frame, size_t bytes)
{
	for (int i = 0; i < RETRIES; i++) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		if (bytes < sizeof(struct ether_header))
			return -EINVAL;
		if (send(fd, frame, bytes, 0) >= 0)
			return 0;
		if (errno != ENOBUFS && errno != EINTR)
			return -errno;
		poll(&p, 1, 1);
	}
	return -ENOBUFS;
}
