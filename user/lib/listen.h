/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The sockets people and agents come to: addresses as text in, listening descriptors out. */
#ifndef WT_LISTEN_H
#define WT_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#define LISTEN_TEXT_MAX 64 /* "[…]:port", with NUL */
#define LISTEN_BACKLOG 128

struct listen_address {
	struct sockaddr_storage addr;
	socklen_t len;
	bool is_loopback;
	bool is_any; /* 0.0.0.0 or [::] */
};

/* "127.0.0.1:9101", "[::1]:9101", "localhost:9101". 0 or -EINVAL. */
int listen_parse(const char *text, struct listen_address *ret);

/* Binds and listens; *a becomes what was bound (port 0 is any free one). 0 or -errno, logged. */
int listen_tcp(struct listen_address *a, int *ret_fd);

/* The same for datagrams; receive_bytes: the socket's buffer. The kernel's own limit may hold. */
int listen_udp(struct listen_address *a, size_t receive_bytes, int *ret_fd);

/* As "127.0.0.1:9101" into text, which it returns. */
const char *listen_format(const struct listen_address *a, char text[LISTEN_TEXT_MAX]);

/*
 * A Unix socket at path, mode 0660, owned by uid and gid (-1: unchanged); its folder is made when
 * missing. A socket that nobody listens on any more is replaced; -EADDRINUSE when somebody does.
 */
int listen_unix(const char *path, uid_t uid, gid_t gid, int *ret_fd);

#endif
