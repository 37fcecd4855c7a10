/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* A datagram or stream socket to a host by name, with a bound on every wait. */
#ifndef WT_SINK_SOCKET_H
#define WT_SINK_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink_socket {
	int fd; /* -1: closed */
	bool is_tcp;
	bool was_refused; /* a datagram met nobody: sink_socket_take_refused() */
};

/* Resolves and connects. 0 or -errno (-EHOSTUNREACH: no such name). */
int sink_socket_open(struct sink_socket *s, const char *host, const char *port, bool is_tcp);
void sink_socket_close(struct sink_socket *s);

/* Datagrams before met nobody, since this was asked last. */
bool sink_socket_take_refused(struct sink_socket *s);

/* All of it. What a datagram before met (nobody listens) is no error of this one. 0 or -errno. */
int sink_socket_send(struct sink_socket *s, const uint8_t *bytes, size_t len);

#endif
