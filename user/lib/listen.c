// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
/* Addresses in, listening sockets out. */
#include "user/lib/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "user/lib/cleanup.h"
#include "user/lib/log.h"

static int parse_port(const char *text, in_port_t *ret)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port > 65535)
		return -EINVAL;
	*ret = htons((in_port_t)port);
	return 0;
}

static int parse_v6(const char *host, in_port_t port, struct listen_address *ret)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->addr;

	if (inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
		return -EINVAL;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = port;
	ret->len = sizeof(*in6);
	ret->is_loopback = IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	ret->is_any = IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
	return 0;
}

static int parse_v4(const char *host, in_port_t port, struct listen_address *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->addr;

	if (inet_pton(AF_INET, strcmp(host, "localhost") ? host : "127.0.0.1", &in->sin_addr) != 1)
		return -EINVAL;
	in->sin_family = AF_INET;
	in->sin_port = port;
	ret->len = sizeof(*in);
	ret->is_loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
	ret->is_any = in->sin_addr.s_addr == htonl(INADDR_ANY);
	return 0;
}

int listen_parse(const char *text, struct listen_address *ret)
{
	const char *colon = strrchr(text, ':');
	char host[LISTEN_TEXT_MAX];
	struct listen_address a = {};
	in_port_t port;
	size_t len;
	int err;

	if (!colon || parse_port(colon + 1, &port))
		return -EINVAL;
	len = (size_t)(colon - text);
	if (len < 1 || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		err = parse_v6(host + 1, port, &a);
	} else {
		err = parse_v4(host, port, &a);
	}
	if (!err)
		*ret = a;
	return err;
}

const char *listen_format(const struct listen_address *a, char text[LISTEN_TEXT_MAX])
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->addr;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&a->addr;
	char host[INET6_ADDRSTRLEN] = "";

	if (a->addr.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(text, LISTEN_TEXT_MAX, "[%s]:%u", host, ntohs(in6->sin6_port));
	} else {
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(text, LISTEN_TEXT_MAX, "%s:%u", host, ntohs(in->sin_port));
	}
	return text;
}

int listen_tcp(struct listen_address *a, int *ret_fd)
{
	AUTO_FD int fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[LISTEN_TEXT_MAX];
	int on = 1, err;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&a->addr, a->len) || listen(fd, LISTEN_BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&a->addr, &a->len)) {
		err = -errno;
		log_error("listen on %s: %s", listen_format(a, text), strerror(-err));
		return err;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int grow_buffer(int fd, size_t bytes, const char *text)
{
	int want = bytes > INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes, got = 0;
	socklen_t len = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want)) &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want)))
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len))
		return -errno;
	if (got / 2 < want) /* the kernel doubles it, for its own book-keeping */
		log_warn(
			"%s: receive buffer is %d KiB, not %d: start as root, or raise net.core.rmem_max",
			text, got / 2048, want / 1024);
	return 0;
}

int listen_udp(struct listen_address *a, size_t receive_bytes, int *ret_fd)
{
	AUTO_FD int fd = socket(a->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	char text[LISTEN_TEXT_MAX];
	int on = 1, err = 0;

	listen_format(a, text);
	if (fd < 0)
		err = -errno;
	if (!err)
		err = grow_buffer(fd, receive_bytes, text);
	if (!err && (setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)) ||
		     bind(fd, (struct sockaddr *)&a->addr, a->len) ||
		     getsockname(fd, (struct sockaddr *)&a->addr, &a->len)))
		err = -errno;
	if (err) {
		log_error("listen on %s: %s", text, strerror(-err));
		return err;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* The folder of path, with its parents' permissions in mind: only the last one is made. */
static int make_folder(const char *path, uid_t uid, gid_t gid)
{
	AUTO_FREE char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (!folder)
		return -ENOMEM;
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	if (mkdir(folder, 0755))
		return errno == EEXIST ? 0 : -errno;
	return chown(folder, uid, gid) ? -errno : 0;
}

/* 0 when nothing is left at the address; -EADDRINUSE when somebody answers there. */
static int clear_stale(const struct sockaddr_un *un)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(un->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST; /* not ours to delete */
	if (!connect(fd, (const struct sockaddr *)un, sizeof(*un)))
		return -EADDRINUSE;
	if (errno != ECONNREFUSED)
		return -errno;
	return unlink(un->sun_path) ? -errno : 0;
}

static int bind_unix(const struct sockaddr_un *un, uid_t uid, gid_t gid, int *ret_fd)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t old;
	int err;

	if (fd < 0)
		return -errno;
	old = umask(0117); /* never wider than 0660, not for a moment */
	err = bind(fd, (const struct sockaddr *)un, sizeof(*un)) ? -errno : 0;
	umask(old);
	if (err)
		return err;
	if (chown(un->sun_path, uid, gid) || listen(fd, LISTEN_BACKLOG))
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int listen_unix(const char *path, uid_t uid, gid_t gid, int *ret_fd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int err = -ENAMETOOLONG;

	if (strlen(path) < sizeof(un.sun_path)) {
		strcpy(un.sun_path, path);
		err = make_folder(path, uid, gid);
		if (!err)
			err = clear_stale(&un);
		if (!err)
			err = bind_unix(&un, uid, gid, ret_fd);
	}
	if (err)
		log_error("listen on '%s': %s", path,
			  err == -EADDRINUSE ? "another collector does" : strerror(-err));
	return err;
}
