/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0 */
/* Datagrams from a socket, many at a time; and what the kernel had to drop. */
#ifndef WT_INLET_RECEIVE_H
#define WT_INLET_RECEIVE_H

#include <stddef.h>

#include "user/exporters/datagram.h"

#define INLET_DATAGRAMS 64 /* a call */
#define INLET_CALLS 16 /* before others get their turn */
#define INLET_DATAGRAM_MAX 65535

struct inlet_receiver;

struct inlet_receiver *inlet_receiver_new(void);
void inlet_receiver_free(struct inlet_receiver *r);

typedef int inlet_datagram_fn(void *arg, const struct datagram *d);
/* Calls fn for what waits at socket number i (its index < INLET_SOCKETS_MAX); how often. */
size_t inlet_receive(struct inlet_receiver *r, size_t i, int fd, inlet_datagram_fn *fn, void *arg);

#endif
