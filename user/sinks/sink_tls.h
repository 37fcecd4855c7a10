/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* The client's end of TLS over a connected socket, by GnuTLS; who answers is checked. */
#ifndef WT_SINK_TLS_H
#define WT_SINK_TLS_H

#include <stddef.h>
#include <stdint.h>

#define SINK_TLS_HANDSHAKE_MS 5000

struct sink_tls;

/*
 * ca: who signed the other's certificate (PEM; NULL: the system's list); cert and key: ours, both
 * or neither. 0; -ENOMEM; -EINVAL: a file is not what it should be.
 */
int sink_tls_new(const char *ca, const char *cert, const char *key, struct sink_tls **ret);
void sink_tls_free(struct sink_tls *t);

/* 0; -EACCES: it is not who it should be (host); -EPROTO, -ETIMEDOUT. fd stays the caller's. */
int sink_tls_begin(struct sink_tls *t, int fd, const char *host);
/* All of it, or -EPIPE. */
int sink_tls_send(struct sink_tls *t, const uint8_t *bytes, size_t len);
void sink_tls_end(struct sink_tls *t);

#endif
