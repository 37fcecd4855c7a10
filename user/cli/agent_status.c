// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* A socket's path in, the one JSON document that the agent writes to it out. */
#include "user/cli/agent_status.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "user/lib/cleanup.h"

static int connect_to(const char *path)
{
	struct timeval patience = { .tv_sec = AGENT_STATUS_MS / 1000 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return TAKE_FD(fd);
}

int agent_status(const char *path, json_t **ret)
{
	AUTO_FREE char *text = malloc(AGENT_STATUS_MAX);
	AUTO_FD int fd = connect_to(path);
	size_t len = 0;
	ssize_t n;

	if (!text)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	while ((n = recv(fd, text + len, AGENT_STATUS_MAX - len, 0)) > 0) {
		len += (size_t)n;
		if (len == AGENT_STATUS_MAX)
			return -EBADMSG;
	}
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*ret = json_loadb(text, len, 0, NULL);
	return *ret ? 0 : -EBADMSG;
}
